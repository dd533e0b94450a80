package hosttest_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/hosttest"
	"opsafe/internal/host/local"
	"opsafe/internal/testhost"
)

// onHost is set in the environment of this test's binary when it runs inside a
// throwaway host, where it may change everything.
const onHost = "OPSAFE_TEST_ON_THROWAWAY_HOST"

// TestLocal runs the suite on real hosts: this binary is built without libc,
// copied into one and run there.
func TestLocal(t *testing.T) {
	if os.Getenv(onHost) != "" {
		h := local.New(local.Options{})
		hosttest.Run(t, func(*testing.T) host.Host { return h })
		return
	}
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "conformance")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the suite: %v\n%s", err, out)
	}
	for _, image := range []testhost.Image{testhost.Bare, testhost.Full} {
		t.Run(string(image), func(t *testing.T) {
			t.Parallel()
			h := testhost.Start(t, testhost.Options{Image: image})
			if err := h.Install(t.Context(), binary, "/root/conformance"); err != nil {
				t.Fatal(err)
			}
			res, err := h.Run(t.Context(), "env", onHost+"=1", "/root/conformance", "-test.run=^TestLocal$", "-test.v")
			if err != nil {
				t.Fatal(err)
			}
			relay(t, res)
		})
	}
}

// relay reports each case of the run in the host as a test of its own.
func relay(t *testing.T, res testhost.Result) {
	t.Helper()
	passed := 0
	for line := range strings.Lines(res.Stdout) {
		if strings.Contains(line, "--- PASS: TestLocal/") {
			passed++
		}
	}
	if res.Code != 0 {
		t.Errorf("the suite failed in the host (status %d):\n%s%s", res.Code, withoutPassed(res.Stdout), res.Stderr)
	}
	if passed == 0 {
		t.Errorf("no case passed: did the suite run?\n%s", res.Stdout)
	}
	t.Logf("%d cases passed in the host", passed)
}

// withoutPassed leaves out what the verbose run says of cases that passed.
func withoutPassed(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		trimmed := strings.TrimSpace(line)
		if !strings.HasPrefix(trimmed, "=== RUN") && !strings.HasPrefix(trimmed, "--- PASS") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestContainer is what runs in a container of the suite's: it waits to be stopped.
func TestContainer(t *testing.T) {
	if os.Getenv(hosttest.InContainer) == "" {
		return
	}
	stop, done := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer done()
	<-stop.Done()
}
