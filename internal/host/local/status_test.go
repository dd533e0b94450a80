package local

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
)

// TestAptStatus shows of what apt tells how far it is, and no more.
func TestAptStatus(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dlstatus:1:9.05654:Downloading file 1 of 3 (4m40s remaining)": "9 % fetched",
		"pmstatus:3dchess:40.0000:Unpacking 3dchess":                   "40 % (3dchess)",
		"pmstatus:dpkg-exec:0.0000:Running dpkg":                       "0 %",
		"pmstatus:\x1b[2J:99.9:x":                                      "99 %",
		"pmerror:/x.deb:75:trying to overwrite":                        "",
		"pmconffile:/etc/x:10:'a' 'b' 1 1":                             "",
		"media-change:a:b:c":                                           "",
		"dlstatus:1:NaN:x":                                             "",
		"dlstatus:1:101:x":                                             "",
		"pmstatus:x:-1:y":                                              "",
		"pmstatus:x":                                                   "",
		"":                                                             "",
	} {
		if got := aptStatus(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestRunTellsStatus passes on what a program writes to its status, also when that is
// more than a pipe holds, or no lines; and gives it no such descriptor else.
func TestRunTellsStatus(t *testing.T) {
	t.Parallel()
	var lines []string
	tell := func(line string) { lines = append(lines, line) }
	fill := "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done >&3; head -c 300000 /dev/zero >&3; echo >&3; echo last >&3; echo out"
	out, err := run(t.Context(), []string{"sh", "-c", fill}, runOptions{status: tell})
	if err != nil || out != "out\n" {
		t.Fatalf("%q, %v", out, err)
	}
	if len(lines) != 20001 || lines[0] != "line 0" || lines[20000] != "last" {
		t.Errorf("%d lines, the last %q", len(lines), lines[max(0, len(lines)-1)])
	}
	if _, err := run(t.Context(), []string{"sh", "-c", "echo x >&3"}, runOptions{}); err == nil {
		t.Error("it has the descriptor also if nobody asks")
	}
}

// TestRunLeavesNoStatus closes both ends whatever becomes of the program: it cannot be
// started, it is killed, or what it has started holds the pipe open.
func TestRunLeavesNoStatus(t *testing.T) {
	pipes := func() int {
		dir, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range dir {
			if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "pipe:") {
				n++
			}
		}
		return n
	}
	before := pipes()
	tell := func(string) {}
	none := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(none, []byte("#!/nonexistent\n"), 0o755); err != nil { //nolint:gosec // it is to be a program
		t.Fatal(err)
	}
	if _, err := run(t.Context(), []string{none}, runOptions{status: tell}); err == nil {
		t.Error("what cannot be started has run")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := run(ctx, []string{"cat", "/dev/zero"}, runOptions{status: tell}); err == nil {
		t.Error("it was not killed")
	}
	begin := time.Now()
	out, err := run(t.Context(), []string{"sh", "-c", "sleep 100 >/dev/null 2>&1 & echo $!"}, runOptions{status: tell})
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(out)); err == nil {
		p, _ := os.FindProcess(pid) // there always is one
		defer func() { _ = p.Kill() }()
	}
	if took := time.Since(begin); took < pipeGrace || took > 4*pipeGrace {
		t.Errorf("a daemon with the pipe was waited for %v", took)
	}
	if now := pipes(); now != before {
		t.Errorf("%d pipes are open, %d were before", now, before)
	}
}

// TestTreeTellsPaths counts what a walk comes by.
func TestTreeTellsPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const files = 1234
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said []func() string
	h := New(Options{Progress: func(how func() string) { said = append(said, how) }})
	if _, err := h.ScanTree(t.Context(), host.TreeRule{Root: dir, Owner: "root"}); err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || said[0]() != "1,234 paths" {
		t.Errorf("%d looks, %v", len(said), said)
	}
}

// TestAptIsAskedOnlyIfSomebodyWantsToKnow leaves the arguments alone else, and those of
// other programs always.
func TestAptIsAskedOnlyIfSomebodyWantsToKnow(t *testing.T) {
	t.Parallel()
	apt := aptGet("update")
	if got, tell := New(Options{}).followApt(apt); tell != nil || !slices.Equal(got, apt) {
		t.Errorf("%v", got)
	}
	var how func() string
	h := New(Options{Progress: func(f func() string) { how = f }})
	if _, tell := h.followApt([]string{"dpkg", "-i"}); tell != nil || how != nil {
		t.Error("dpkg is followed")
	}
	got, tell := h.followApt(apt)
	if want := append([]string{"apt-get", "-o", "APT::Status-Fd=3"}, apt[1:]...); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if how() != "" {
		t.Errorf("%q before apt has said anything", how())
	}
	tell("pmstatus:vim:40:Unpacking vim")
	tell("nonsense")
	if how() != "40 % (vim)" {
		t.Errorf("%q", how())
	}
}
