package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// traced are the system calls by which a process changes files or starts
// another process. A name that a release's kernel headers lack is passed over.
var traced = []string{
	"?open", "openat", "?openat2", "?creat", "?truncate", "?ftruncate", "?fallocate",
	"?rename", "renameat", "renameat2", "?link", "linkat", "?symlink", "symlinkat", "?unlink", "unlinkat",
	"?mkdir", "mkdirat", "?rmdir", "?mknod", "mknodat",
	"?chmod", "fchmod", "fchmodat", "?fchmodat2", "?chown", "fchown", "?lchown", "fchownat",
	"setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
	"?utime", "?utimes", "utimensat", "?futimesat", "mount", "umount2",
	"execve", "?execveat", "?fork", "?vfork", "clone", "?clone3",
}

// lockPath is the one file that a run may write to when there is nothing to do.
const lockPath = "/run/opsafe.lock"

// wantNoTraces runs manage on a host in its declared state: it may find no
// changes, write to no file and start no process.
func wantNoTraces(t *testing.T, e *env, backend string) {
	t.Helper()
	if e.run("which", "strace").code != 0 {
		e.mustRun("apt-get", "-q", "install", "-y", "--no-install-recommends", "strace")
		// After that, what apt would upgrade is asked for once more, and remembered.
		wantChanges(t, e.manageJSON(backend))
	}
	const out = "/run/opsafe-trace"
	r := e.run("strace", "-f", "-q", "-o", out, "-e", "signal=none", "-e", "trace="+strings.Join(traced, ","),
		guestBinary, "manage", "--backend", backend, "--format", "json")
	if r.code != 0 {
		t.Fatalf("second run: %s", r)
	}
	wantChanges(t, document(t, r))
	calls, bad := judge(e.read(out))
	if calls < 100 {
		t.Errorf("strace saw %d calls, which cannot be all", calls)
	}
	if len(bad) > 0 {
		t.Errorf("a run without changes made %d calls that change something:\n%s", len(bad), strings.Join(bad, "\n"))
	}
}

var (
	// PID CALL(ARGUMENTS) = RESULT …, of which strace pads the middle.
	callLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)`)
	// What another thread interrupts is written in two parts.
	unfinished = regexp.MustCompile(`^(\d+) +(\w+\(.*) <unfinished \.\.\.>$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)$`)
	writable   = regexp.MustCompile(`O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)`)
	ended      = regexp.MustCompile(`^\d+ +(\+\+\+ exited|\?{3,}\()`)
	firstPath  = regexp.MustCompile(`"([^"]*)"`)
)

// judge counts strace's lines and returns those that changed something or
// started a process.
func judge(trace string) (calls int, bad []string) {
	begun := map[string]string{}
	execs := 0
	for line := range strings.Lines(trace) {
		line = strings.TrimRight(line, "\n")
		if m := unfinished.FindStringSubmatch(line); m != nil {
			begun[m[1]] = m[2]
			continue
		}
		if m := resumed.FindStringSubmatch(line); m != nil {
			line = m[1] + " " + begun[m[1]] + m[2]
		}
		if ended.MatchString(line) {
			continue
		}
		m := callLine.FindStringSubmatch(line)
		if m == nil {
			bad = append(bad, "not understood: "+line)
			continue
		}
		calls++
		name, args, res := m[2], m[3], m[4]
		if strings.HasPrefix(res, "-") {
			continue
		}
		switch {
		case name == "execve" && execs == 0:
			execs++ // strace starting opsafe
		case strings.HasPrefix(name, "clone") && strings.Contains(args, "CLONE_THREAD"):
		case strings.HasPrefix(name, "open") && (!writable.MatchString(args) || harmless(args)):
		default:
			bad = append(bad, line)
		}
	}
	return calls, bad
}

func harmless(args string) bool {
	m := firstPath.FindStringSubmatch(args)
	return m != nil && (m[1] == lockPath || m[1] == "/dev/null")
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const trace = `10 execve("/usr/local/bin/opsafe", ["opsafe"], 0x7ffd /* 5 vars */) = 0
10 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
10 openat(AT_FDCWD, "/run/opsafe.lock", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600) = 3
10 clone(child_stack=0xc000, flags=CLONE_VM|CLONE_THREAD <unfinished ...>
11 openat(AT_FDCWD, "/etc/missing", O_RDWR) = -1 ENOENT (No such file or directory)
10 <... clone resumed>, tls=0xc000)    = 11
11 unlinkat(AT_FDCWD, "/etc/passwd", 0) = 0
11 openat(AT_FDCWD, "/etc/group", O_WRONLY|O_CLOEXEC) = 4
11 execve("/bin/true", ["true"], 0x7ffd /* 5 vars */) = 0
11 ???( <unfinished ...>
11 +++ exited with 0 +++
`
	calls, bad := judge(trace)
	if calls != 8 || len(bad) != 3 {
		t.Errorf("%d calls, of which change something:\n%s", calls, strings.Join(bad, "\n"))
	}
}
