package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/shellrc"
)

// TestTrustSince holds what is said of a change: where it is, and nothing that may be a
// secret.
func TestTrustSince(t *testing.T) {
	t.Parallel()
	script := func(text string) Trust {
		f := &strangeFile{}
		if lines := concerns(text); len(lines) > 0 {
			f.add(text, lines...)
		}
		return f.trust()
	}
	start := func(text string) Trust {
		f, read := &strangeFile{}, shellrc.Read(text)
		f.add(read.Strange, read.Lines...)
		return f.trust()
	}
	for _, tt := range []struct {
		name    string
		was, is Trust
		want    []string
	}{
		{"a line comes", start("A=1\n"), start("A=1\n\nexec tmux -L hunter2\n"), []string{"/x:3: exec tmux is not understood"}},
		{"beside others", start("exec tmux\n"), start("kill hunter2\nexec tmux\n"), []string{"/x:1: kill is not understood"}},
		{"its words change", start("exec tmux\n"), start("exec tmux -L hunter2\n"), []string{"/x:1: exec tmux is not understood"}},
		{"the same twice", start("exit\n"), start("exit\nexit\n"), []string{"/x:2: exit is not understood"}},
		{"a line goes", start("exit\nkill hunter2\n"), start("exit\n"), []string{"/x: without a line of which it was said: kill is not understood"}},
		{"what leads to it", start("[ -z \"$A\" ] && exit\n"), start("[ -n \"$A\" ] && exit\n"), []string{"/x:1: what leads to this line changes: exit is not understood"}},
		{"many", start(""), start("exit 1\nexit 2\nexit 3\nexit 4\nexit 5\n"), []string{"/x:1: exit is not understood", "/x:2: exit is not understood", "/x:3: exit is not understood", "/x: and 2 lines more"}},
		{"a script", script(""), script("#!/bin/sh\nPW=hunter2\nsystemctl \\\n  stop ssh\necho \"root:hunter2\" | chpasswd\n"), []string{"/x:3: systemctl stop ssh reaches for the way in", "/x:5: chpasswd reaches for the way in"}},
		{"a path", script(""), script("hunter2 /home/alice/.ssh/authorized_keys\nchmod 0 /usr/bin/sudo\n"), []string{"/x:1: a command of ~/.ssh reaches for the way in", "/x:2: chmod of /usr/bin/sudo reaches for the way in"}},
		{"nothing that is known", Trust{digest: "a"}, Trust{digest: "b"}, []string{"/x changes, and what that makes of the way in is not judged"}},
	} {
		said := tt.is.since(tt.was, "/x")
		if diff := cmp.Diff(tt.want, said); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "hunter2") }) {
			t.Errorf("%s: %s", tt.name, said)
		}
	}
}
