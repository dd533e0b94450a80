package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestProbeGuarded: what others than root can write is not run, also where a link leads
// to it; what root alone can write is.
func TestProbeGuarded(t *testing.T) {
	t.Parallel()
	own, err := os.MkdirTemp("/var/lib", "opsafe-test-") // nobody else can write there
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(own) })
	open := t.TempDir()
	must(t, os.Chmod(open, 0o777))
	at := func(name string) string { return filepath.Join(own, name) }
	script := func(path string) {
		must(t, os.WriteFile(path, []byte("#!/bin/sh\ntouch "+at("run")+"\n"), 0o755))
	}
	script(at("mine"))
	script(at("theirs"))
	must(t, os.Chown(at("theirs"), 1, 1))
	script(filepath.Join(open, "smoke"))
	must(t, os.Symlink(open, at("away")))
	must(t, os.Symlink("mine", at("link")))
	h := New(Options{})
	for program, exposed := range map[string]string{
		at("mine"): "", at("link"): "", "/bin/true": "", at("theirs"): at("theirs"), at("away/smoke"): "/",
	} {
		_ = os.Remove(at("run"))
		err := h.Do(t.Context(), host.Probe{Argv: []string{program}, Guarded: true})
		_, ran := os.Stat(at("run"))
		if exposed == "" && err != nil {
			t.Errorf("%s: %v", program, err)
		}
		if exposed != "" && (err == nil || !strings.Contains(err.Error(), "others than root can write "+exposed) || ran == nil) {
			t.Errorf("%s is run: %v", program, err)
		}
	}
	for argument, exposed := range map[string]string{
		at("mine"): "", "/dev/null": "", "--as=x": "", at("theirs"): at("theirs"), "--config=" + at("theirs"): at("theirs"),
	} {
		_ = os.Remove(at("run"))
		err := h.Do(t.Context(), host.Probe{Argv: []string{at("mine"), "-q", argument}, Guarded: true})
		_, ran := os.Stat(at("run"))
		if (err == nil) != (exposed == "") || (ran == nil) != (exposed == "") || err != nil && !strings.Contains(err.Error(), "others than root can write "+exposed) {
			t.Errorf("with the argument %s: %v", argument, err)
		}
	}
}
