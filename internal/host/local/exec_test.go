package local

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"opsafe/internal/host"
)

// TestReadOwn: what somebody else could have written is not read, whoever may read it.
func TestReadOwn(t *testing.T) {
	h, dir := New(Options{}), t.TempDir()
	read := func(name string, uid int, mode os.FileMode) (string, error) {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte("A=hunter2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at, uid, uid); err != nil {
			t.Fatal(err)
		}
		data, err := h.ReadOwn(at)
		return string(data), err
	}
	if data, err := read("own", os.Geteuid(), 0o640); data != "A=hunter2\n" || err != nil {
		t.Errorf("of one's own file there is %q, %v", data, err)
	}
	for want, f := range map[string]struct {
		uid  int
		mode os.FileMode
	}{"could have a program of yours do anything": {1, 0o600}, "chmod go-w": {0, 0o620}, "others than root": {0, 0o606}} {
		if data, err := read("other", f.uid, f.mode); data != "" || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: there is %q, %v", want, data, err)
		}
	}
	if data, err := h.ReadOwn(filepath.Join(dir, "none")); data != nil || err != nil {
		t.Errorf("of no file there is %q, %v", data, err)
	}
	if err := os.Symlink("own", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if data, err := h.ReadOwn(filepath.Join(dir, "link")); data != nil || err == nil || host.IsUnknown(err) {
		t.Errorf("of a link there is %q, %v", data, err)
	}
}

// TestExec runs a program in the place of another, which is this test once more.
func TestExec(t *testing.T) {
	if os.Getenv("OPSAFE_TEST_EXEC") != "" {
		ignored := Ignored()
		signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
		err := Exec([]string{"shown", "$HOME", "a b"}, map[string]string{"A": "$(id) `id`", "PATH": os.Getenv("OPSAFE_TEST_EXEC")}, ignored)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dir := t.TempDir()
	const script = "#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '%s|' \"$@\" \"$A\" \"$KEPT\"\ngrep SigIgn /proc/$$/status\n"
	if err := os.WriteFile(filepath.Join(dir, "shown"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	// Of the signals that Go handles, SIGHUP and SIGINT alone stay ignored; also those that
	// this test was started with.
	const handled = 1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGQUIT-1) | 1<<(syscall.SIGPIPE-1) | 1<<(syscall.SIGTERM-1)
	inherited := uint64(0)
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			inherited |= 1 << (s - 1)
		}
	}
	for trap, want := range map[string]uint64{
		"": 0, "trap '' HUP; ": 1 << (syscall.SIGHUP - 1), "trap '' INT; ": 1 << (syscall.SIGINT - 1), "trap '' QUIT PIPE TERM; ": 0,
	} {
		c := exec.CommandContext(t.Context(), "/bin/sh", "-c", trap+`exec "$0" -test.run '^TestExec$'`, os.Args[0])
		c.Env = append(os.Environ(), "OPSAFE_TEST_EXEC="+dir, "KEPT=kept", "A=old")
		out, err := c.CombinedOutput()
		said, mask, _ := strings.Cut(string(out), "SigIgn:")
		ignored, bad := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err != nil || bad != nil || said != "$HOME|a b|$(id) `id`|kept|" || ignored&handled != want|inherited {
			t.Errorf("%q: %v\n%s", trap, err, out)
		}
	}
}
