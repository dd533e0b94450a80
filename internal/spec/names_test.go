package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestNames puts names for which useradd has no objection, or which it takes for
// options, wherever a spec names an account: none gets in, each is said with its
// place.
func TestNames(t *testing.T) {
	odd := []string{
		"../x", "..", ".", "a/b", "$(id)", "é", "1234", "0", "-rf", "--badname", "-", "a b", "a:b", "a,b", "a.b", "a$", "#0", "*", "~", "`id`", "a;b",
		strings.Repeat("a", 33),
	}
	system := []string{"root", "daemon", "www-data", "nobody", "sshd"}
	for _, tc := range []struct {
		file, text, want string
		names            []string
	}{
		{"backends/one/backend.yaml", "users: {'NAME': {}}\n", "backends/one/backend.yaml:1:9: user NAME: ", slices.Concat(odd, system)},
		{"backends/one/backend.yaml", "groups: {'NAME': {}}\n", "backends/one/backend.yaml:1:10: group NAME: ", odd},
		{"developers.yaml", "'NAME': {roles: []}\n", `developers.yaml:1:1: person "NAME": `, slices.Concat(odd, system)},
	} {
		for _, name := range tc.names {
			text, want := strings.ReplaceAll(tc.text, "NAME", name), strings.ReplaceAll(tc.want, "NAME", name)
			dir := unpack(t, []txtar.File{{Name: "backends/one/backend.yaml", Data: []byte("packages: {vim: installed}\n")}, {Name: tc.file, Data: []byte(text)}})
			if _, err := Load(LoadOptions{Dir: dir, Parts: testParts}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s…", err, want)
			}
		}
	}
	for _, name := range []string{"alice", "LFISHER7", "a_b-c", "_a", "7a", strings.Repeat("a", 32)} {
		if err := accountName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
