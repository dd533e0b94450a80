package testhost_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opsafe/internal/testhost"
)

// mustRun runs a program in the host that has to succeed.
func mustRun(t *testing.T, h *testhost.Host, argv ...string) string {
	t.Helper()
	res, err := h.Run(t.Context(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	if res.Code != 0 {
		t.Fatalf("%s: exit %d\n%s%s", strings.Join(argv, " "), res.Code, res.Stdout, res.Stderr)
	}
	return strings.TrimSpace(res.Stdout)
}

// output runs a command that has to succeed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func wantEqual(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// wantRunning checks that every unit of the host is well.
func wantRunning(t *testing.T, h *testhost.Host) {
	t.Helper()
	res, err := h.Run(t.Context(), "systemctl", "is-system-running")
	if err != nil || res.Code != 0 {
		failed, _ := h.Run(t.Context(), "systemctl", "status", "--failed", "--no-pager", "--full")
		t.Errorf("%s is %s%v\n%s", h.Name(), res.Stdout, err, failed.Stdout)
	}
}

func TestHostsAreApart(t *testing.T) {
	t.Parallel()
	hosts := make([]*testhost.Host, 2)
	t.Run("boot", func(t *testing.T) {
		for i := range hosts {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				if testing.Short() {
					t.Skip("boots a host")
				}
				h, err := testhost.Boot(t.Context(), testhost.Options{})
				if err != nil {
					t.Fatal(err)
				}
				hosts[i] = h
			})
		}
	})
	for _, h := range hosts {
		if h == nil {
			t.SkipNow()
		}
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		wantEqual(t, "hostname", mustRun(t, h, "hostname"), h.Name())
		wantRunning(t, h)
		wantEqual(t, "sshd", mustRun(t, h, "systemctl", "is-enabled", "ssh"), "enabled")
	}
	pid := mustRun(t, hosts[1], "systemctl", "show", "-P", "MainPID", "ssh")
	mustRun(t, hosts[0], "systemctl", "stop", "ssh")
	wantEqual(t, "the other's sshd", mustRun(t, hosts[1], "systemctl", "show", "-P", "MainPID", "ssh"), pid)
	if a, b := mustRun(t, hosts[0], "cat", "/etc/machine-id"), mustRun(t, hosts[1], "cat", "/etc/machine-id"); a == b {
		t.Errorf("both hosts have machine id %s", a)
	}
	if _, err := testhost.Boot(t.Context(), testhost.Options{Name: hosts[0].Name()}); err == nil {
		t.Error("a name was given twice")
	}
}

// TestSuites installs a package in a host of each suite that OPSAFE_TEST_SUITES
// names; images take minutes to build, so it is bookworm otherwise.
func TestSuites(t *testing.T) {
	t.Parallel()
	suites := []string{testhost.DefaultSuite}
	if s := os.Getenv("OPSAFE_TEST_SUITES"); s != "" {
		suites = strings.Fields(s)
	}
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			h := testhost.Start(t, testhost.Options{Suite: suite})
			wantRunning(t, h)
			if !strings.Contains(mustRun(t, h, "cat", "/etc/os-release"), "VERSION_CODENAME="+suite) {
				t.Errorf("not a %s", suite)
			}
			mustRun(t, h, "apt-get", "update")
			mustRun(t, h, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", "chrony", "tree")
			mustRun(t, h, "tree", "--version")
			// the two exclude each other, and there is a way back
			mustRun(t, h, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "systemd-timesyncd")
			if links, _ := h.Run(t.Context(), "ip", "-o", "link"); strings.Count(links.Stdout, "\n") != 1 {
				t.Errorf("more than loopback: %s", links.Stdout)
			}
			if _, err := h.ReadFile("/usr/sbin/policy-rc.d"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("policy-rc.d is still there: %v", err)
			}
		})
	}
}

func TestReboot(t *testing.T) {
	t.Parallel()
	h := testhost.Start(t, testhost.Options{})
	if err := h.WriteFile("/root/kept", []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	network := mustRun(t, h, "readlink", "/proc/self/ns/net")
	for _, again := range []func(context.Context) error{h.Reboot, h.Crash} {
		if err := h.WriteFile("/run/lost", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		leader := h.Info().Leader
		if err := again(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h.Info().Leader == leader {
			t.Error("still the same systemd")
		}
		wantEqual(t, "namespace", mustRun(t, h, "readlink", "/proc/self/ns/net"), network)
		wantEqual(t, "file", mustRun(t, h, "cat", "/root/kept"), "kept")
		if _, err := h.ReadFile("/run/lost"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("/run survived: %v", err)
		}
		wantRunning(t, h)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	h := testhost.Start(t, testhost.Options{})
	mustRun(t, h, "systemd-run", "--unit=sleeper", "sleep", "1000")
	mustRun(t, h, "chattr", "+i", "/etc/fstab")
	leader := h.Info().Leader
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantGone(t, h.Name(), leader)
}

// wantGone checks that nothing is left of a host.
func wantGone(t *testing.T, name string, leader int) {
	t.Helper()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", leader)); err == nil {
		t.Error("its systemd still runs")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), name) {
		t.Error("something is still mounted")
	}
	for _, pattern := range []string{"/run/netns/", "/sys/fs/cgroup/opsafe-test/", "/sys/fs/cgroup/*/opsafe-test/", "/run/systemd/nspawn/*/"} {
		left, err := filepath.Glob(pattern + name)
		if err != nil || len(left) > 0 {
			t.Errorf("left over: %v %v", left, err)
		}
	}
	if _, err := testhost.Open(name); err == nil {
		t.Error("it can still be opened")
	}
}

// TestKilledOwner is its own helper: the copy that boots the host is killed.
func TestKilledOwner(t *testing.T) {
	const key = "OPSAFE_TEST_HELPER_HOST"
	if name := os.Getenv(key); name != "" {
		if _, err := testhost.Boot(context.Background(), testhost.Options{Name: name}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("booted")
		select {}
	}
	if testing.Short() {
		t.Skip("boots a host")
	}
	name := fmt.Sprintf("killed-%d", os.Getpid())
	t.Setenv("OPSAFE_TEST_STATE", t.TempDir())
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledOwner$")
	cmd.Env = append(os.Environ(), key+"="+name)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for line := bufio.NewScanner(stdout); line.Scan() && line.Text() != "booted"; {
		t.Log(line.Text())
	}
	h, err := testhost.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	leader := h.Info().Leader
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	// Nobody sweeps the hosts of this state directory meanwhile.
	eventually(t, "the end of the host's systemd", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", leader))
		return err != nil
	})
	if err := testhost.Reap(); err != nil {
		t.Fatal(err)
	}
	wantGone(t, name, leader)
}
