package host_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
)

// databases are files by their paths.
type databases map[string]string

func (d databases) Strays() (host.Strays, error) {
	if d == nil {
		return host.Strays{}, &host.UnknownError{What: "content of /etc/shadow", Why: "no permission"}
	}
	var s host.Strays
	for _, file := range []string{"/etc/passwd", "/etc/group", "/etc/gshadow"} {
		s.Nobodys = append(s.Nobodys, host.NobodysLines(file, d[file])...)
	}
	return s, nil
}

// TestGoesAlone: what would change a line that is nobody's names the line, whatever can
// be read besides.
func TestGoesAlone(t *testing.T) {
	const rest = " would change this line as well, "
	for name, tt := range map[string]struct {
		files databases
		user  string
		want  string
	}{
		"member":            {databases{"/etc/group": "a:x:1:eve\n#b:x:2:bob,eve\n"}, "eve", "/etc/group:2: userdel" + rest + "#b"},
		"another's":         {databases{"/etc/group": "a:x:1:eve\n#b:x:2:bob\n"}, "eve", ""},
		"member, gshadow":   {databases{"/etc/gshadow": "+b:!::eve\n"}, "eve", "/etc/gshadow:1: userdel" + rest + "+b"},
		"administrator":     {databases{"/etc/group": "", "/etc/gshadow": "-b:!:eve:\n"}, "eve", "/etc/gshadow:1: userdel" + rest + "-b"},
		"nothing is read":   {nil, "eve", ""},
		"lines in disorder": {databases{"/etc/group": "#\n# eve\n#eve:x\n\n"}, "eve", ""},
	} {
		err := host.UserGoesAlone(tt.files, tt.user)
		if got := message(err); tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	passwd := databases{"/etc/passwd": "eve:x:1000:1000::/:/bin/sh\n#bob:x:1001:1000::/:/bin/sh\n"}
	if got := message(host.GroupGoesAlone(passwd, 1000)); !strings.HasPrefix(got, "/etc/passwd:2: groupmod"+rest+"#bob") {
		t.Error(got)
	}
	if err := host.GroupGoesAlone(passwd, 1001); err != nil {
		t.Error(err)
	}
}

// TestNobodysLines leaves out what is secret of a line, and sentences.
func TestNobodysLines(t *testing.T) {
	got := host.NobodysLines("/etc/gshadow", "lab:!::eve\n#lab:$6$canary:eve:bob,eve\n# canary is the password: of: lab: bob\n#\n")
	want := []host.NobodysLine{
		{File: "/etc/gshadow", Line: 2, Name: "#lab", Users: []string{"bob", "eve"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
