package fault_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/fault"
)

func TestMain(m *testing.M) {
	fault.Stage()
	os.Exit(m.Run())
}

// tree has a shell write, and a program that it starts, and one that that one
// starts.
const tree = `echo one >one; mkdir two; sh -c 'echo three >three; sh -c "mv three four; rm one"'`

// run runs a shell line in a directory under supervision.
func run(t *testing.T, dir, line string, p fault.Plan) fault.Outcome {
	t.Helper()
	out, err := fault.Run(t.Context(), fault.Command{
		Argv: []string{"/bin/sh", "-c", "cd " + dir + "; " + line},
		Env:  []string{"PATH=/usr/bin:/bin"},
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCountsAcrossTree(t *testing.T) {
	var seen []string
	out := run(t, t.TempDir(), tree+"; echo to a pipe; : >/dev/null; ls >/dev/null", fault.Plan{
		See: func(c fault.Call) { seen = append(seen, c.Name+" "+c.Program+" "+string(c.Class)) },
	})
	got := strings.Join(seen, "\n")
	// Opens of files to be written, writes, mkdir, rename, unlink, and nothing else.
	want := strings.Join([]string{
		"openat dash create", "write dash write", "mkdir mkdir create",
		"openat dash create", "write dash write", "renameat2 mv name", "unlinkat rm name",
	}, "\n")
	if got != want || out.Calls != 7 || out.Code != 0 || out.Output != "to a pipe\n" || out.Struck != nil {
		t.Errorf("counted:\n%s\nwant:\n%s\n%+v", got, want, out)
	}
}

func TestFailsOneCall(t *testing.T) {
	for _, c := range []struct {
		fault fault.Fault
		says  string
	}{
		{fault.NoSpace, "No space left on device"},
		{fault.IOError, "Input/output error"},
		{fault.ReadOnly, "Read-only file system"},
	} {
		dir := t.TempDir()
		out := run(t, dir, tree+`; echo "last $?"`, fault.Plan{Fault: c.fault, At: 3})
		if out.Struck == nil || out.Struck.N != 3 || out.Struck.Name != "mkdir" || out.Struck.Program != "mkdir" {
			t.Errorf("%s: befell %+v", c.fault, out.Struck)
		}
		if !strings.Contains(strings.ToLower(out.Output), strings.ToLower(c.says)) {
			t.Errorf("%s: not seen: %s", c.fault, out.Output)
		}
		if _, err := os.Lstat(filepath.Join(dir, "two")); err == nil {
			t.Errorf("%s: the directory has been made all the same", c.fault)
		}
		_, err := os.Lstat(filepath.Join(dir, "four"))
		if goesOn := c.fault == fault.ReadOnly; goesOn == (err == nil) || goesOn != (out.Times > 1) {
			t.Errorf("%s befell %d calls: %v, %s", c.fault, out.Times, err, out.Output)
		}
	}
}

func TestShortWrite(t *testing.T) {
	dir := t.TempDir()
	out := run(t, dir, "head -c 100 /dev/zero >half; stat -c %s half", fault.Plan{Fault: fault.Short, At: 1})
	data, err := os.ReadFile(filepath.Join(dir, "half"))
	if err != nil {
		t.Fatal(err)
	}
	// head writes the rest: the position has moved with the half, so all is there once.
	if len(data) != 100 || out.Struck == nil || out.Struck.Name != "write" || out.Calls != 3 {
		t.Errorf("%d bytes, %+v", len(data), out)
	}
}

func TestKillLeavesNobody(t *testing.T) {
	dir := t.TempDir()
	var pid int
	// In the background, in a session of its own, deaf to what can be ignored.
	line := `setsid sh -c 'trap "" HUP TERM INT; echo here >here; echo there >there; sleep 1000' & wait`
	out := run(t, dir, line, fault.Plan{Fault: fault.Kill, At: 4, See: func(c fault.Call) {
		if c.N == 4 {
			pid = deaf(t)
		}
	}})
	if out.Code != -1 || out.Struck == nil || out.Struck.N != 4 {
		t.Fatalf("it was not killed: %+v", out)
	}
	if _, err := os.Lstat(filepath.Join(dir, "here")); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "there")); err != nil || len(data) > 0 {
		t.Errorf("the call at which it was killed has been done: %q, %v", data, err)
	}
	if err := unix.Kill(pid, 0); pid == 0 || err != unix.ESRCH {
		t.Errorf("process %d outlived the tree: %v", pid, err)
	}
}

// deaf finds the process that ignores signals.
func deaf(t *testing.T) int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		data, err := os.ReadFile(l)
		if err != nil || !strings.HasPrefix(string(data), "sh\x00-c\x00trap") {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(l, "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Error("it does not run")
	return 0
}
