package local

import (
	"errors"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestJudgeStaysInside tries to have a judge run what a spec names, and include
// what is on the machine that plans.
func TestJudgeStaysInside(t *testing.T) {
	t.Parallel()
	tree := &host.CheckTree{Main: "/etc/sudoers", Dir: "/etc/sudoers.d"}
	for _, c := range []host.Check{
		{Argv: []string{"sh", "-c", "true"}, Tree: tree},
		{Argv: []string{"/bin/sshd", "-t"}, Tree: tree},
		{Argv: []string{"visudo", "-c", "-f", "%"}},
		{},
	} {
		if err := NewJudge().JudgeFiles(t.Context(), c, host.NewContent(nil), nil); !errors.Is(err, host.ErrNoProgram) {
			t.Errorf("%v is run: %v", c.Argv, err)
		}
	}
	for in, want := range map[string]string{
		"@include /etc/passwd\n":                  "@include /s/etc/passwd\n",
		"@includedir ../../proc/self\n":           "@includedir /s/proc/self\n",
		"#include /proc/self/environ":             "#include /s/proc/self/environ",
		"@include local\n":                        "@include /s/etc/sudoers.d/local\n",
		"Defaults use_pty\n@include \"/a b\"\n#x": "Defaults use_pty\n@include /s/a /s/etc/sudoers.d/b\n#x",
	} {
		got := string(includeStaged([]byte(in), func(arg string) string { return foreignInclude(arg, "/etc/sudoers.d/x", tree.Main, "/s") }))
		if got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	files := map[string][]byte{"/etc/sudoers.d/b": nil, "/etc/sudoers.d/a": nil, "/etc/sudoers.d/c.bak": nil, "/etc/sudoers.d/d~": nil, "/etc/other": nil}
	got := string(withoutDirs([]byte("x\n@includedir /etc/sudoers.d\ny\n"), tree.Main, tree.Main, files))
	if want := "x\n@include /etc/sudoers.d/a\n@include /etc/sudoers.d/b\ny\n"; got != want {
		t.Errorf("%q, want %q", got, strings.TrimSpace(want))
	}
}
