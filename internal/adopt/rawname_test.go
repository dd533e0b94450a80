package adopt_test

import (
	"strings"
	"testing"

	"opsafe/internal/adopt"
	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestRawComment: a comment that is not UTF-8 is left out, and the account is named.
func TestRawComment(t *testing.T) {
	state := snapshot.Bare("bookworm")
	state.Users = append(state.Users, host.User{Name: "mueller", UID: 1500, GID: 100, Home: "/home/mueller", Shell: "/bin/bash", Comment: "J. M\xfcller"})
	f, err := adopt.Take(t.Context(), snapshot.New(state), adopt.Options{Wanted: []change.ID{{Kind: "user"}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.YAML()
	if err != nil || !strings.Contains(text, "mueller:") || strings.Contains(text, "comment") {
		t.Errorf("%v; the fragment is\n%s", err, text)
	}
	if notes := strings.Join(f.Notes, "\n"); !strings.Contains(notes, "the comment of the user mueller is left out") {
		t.Errorf("the notes are %q", notes)
	}
}

// TestRawGroup: a group whose name is not UTF-8 is left out and named; its members are
// taken without it, and other groups all the same.
func TestRawGroup(t *testing.T) {
	state := snapshot.Bare("bookworm")
	state.Users = append(state.Users, host.User{Name: "mia", UID: 1500, GID: 100, Home: "/home/mia", Shell: "/bin/bash"})
	state.Groups = append(state.Groups, host.Group{Name: "\xfcnix", GID: 1600, Members: []string{"mia"}}, host.Group{Name: "team", GID: 1601, Members: []string{"m\xfc"}})
	f, err := adopt.Take(t.Context(), snapshot.New(state), adopt.Options{Wanted: []change.ID{{Kind: "group"}, {Kind: "user"}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.YAML()
	if err != nil || !strings.Contains(text, "mia:") || !strings.Contains(text, `m\xfc`) || strings.Contains(text, "nix") || strings.Contains(text, "binary") {
		t.Errorf("%v; the fragment is\n%s", err, text)
	}
	notes := strings.Join(f.Notes, "\n")
	for _, want := range []string{`group \xfcnix is left out: the name is not UTF-8`, `that mia is in \xfcnix is left out`} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q: %q", want, f.Notes)
		}
	}
}
