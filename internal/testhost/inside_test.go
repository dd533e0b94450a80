package testhost_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opsafe/internal/testhost"
)

// TestBareHost looks at one host from many sides.
func TestBareHost(t *testing.T) {
	t.Parallel()
	h := testhost.Start(t, testhost.Options{})
	mustRun(t, h, "useradd", "-m", "-s", "/bin/bash", "alice")
	t.Run("environment", func(t *testing.T) {
		wantEqual(t, "root", mustRun(t, h, "sh", "-c", "pwd; echo $HOME; command -v useradd"), "/root\n/root\n/usr/sbin/useradd")
	})
	t.Run("result", func(t *testing.T) {
		res, err := h.Run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 3")
		if want := (testhost.Result{Stdout: "out\n", Stderr: "err\n", Code: 3}); err != nil || res != want {
			t.Errorf("got %+v, %v", res, err)
		}
	})
	t.Run("user", func(t *testing.T) {
		wantEqual(t, "before", output(t, h.As(t.Context(), "alice", "id", "-Gn")), "alice")
		mustRun(t, h, "usermod", "-aG", "adm", "alice")
		wantEqual(t, "after", output(t, h.As(t.Context(), "alice", "sh", "-c", "id -Gn; pwd; echo $HOME $USER")),
			"alice adm\n/home/alice\n/home/alice alice")
	})
	t.Run("ssh", func(t *testing.T) { testSSH(t, h) })
	t.Run("cancel", func(t *testing.T) { testCancel(t, h) })
	t.Run("files", func(t *testing.T) { testFiles(t, h) })
	t.Run("install", func(t *testing.T) { testInstall(t, h) })
	t.Run("listen", func(t *testing.T) { testListen(t, h) })
}

func testSSH(t *testing.T, h *testhost.Host) {
	key := filepath.Join(t.TempDir(), "key")
	output(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key))
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.SSH(t.Context(), "alice", key, "true").CombinedOutput(); err == nil {
		t.Fatalf("logged in without a key: %s", out)
	}
	if err := h.WriteFile("/home/alice/.ssh/authorized_keys", public, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, h, "chown", "-R", "alice:", "/home/alice/.ssh")
	wantEqual(t, "over ssh", output(t, h.SSH(t.Context(), "alice", key, "printf", "%s|", "$HOME", "two words", "it's")), "$HOME|two words|it's|")
	wantEqual(t, "over ssh", output(t, h.SSH(t.Context(), "alice", key, "id", "-un")), "alice")
}

// testCancel ends a program in the host through its context.
func testCancel(t *testing.T, h *testhost.Host) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.Run(ctx, "sleep", "4711"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the end of sleep", func() bool {
		res, err := h.Run(t.Context(), "pgrep", "-f", "^sleep 4711")
		return err == nil && res.Code == 1
	})
}

func testFiles(t *testing.T, h *testhost.Host) {
	// /var/run is an absolute link
	const path = "/var/run/testhost/new/file"
	if err := h.WriteFile(path, []byte("content"), 0o711|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/run/testhost"); err == nil {
		t.Error("it left the host")
	}
	wantEqual(t, "file", mustRun(t, h, "stat", "-c", "%a %U", "/run/testhost/new/file"), "4711 root")
	got, err := h.ReadFile(path)
	if err != nil || string(got) != "content" {
		t.Errorf("got %q, %v", got, err)
	}
}

func testInstall(t *testing.T, h *testhost.Host) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "tool"), []byte("#!/bin/sh\necho works\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub/tool", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // replacing is fine
		if err := h.Install(t.Context(), dir, "/opt/tree"); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "program", mustRun(t, h, "/opt/tree/link"), "works")
	if err := h.Install(t.Context(), filepath.Join(dir, "sub", "tool"), "/usr/local/bin/tool"); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "program", mustRun(t, h, "tool"), "works")
}

func testListen(t *testing.T, h *testhost.Host) {
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": "/var/run/stub.sock"} {
		l, err := h.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "hello\n")
				_ = c.Close()
			}
		}()
		if network == "unix" {
			wantEqual(t, network, mustRun(t, h, "stat", "-c", "%F", "/run/stub.sock"), "socket")
			continue
		}
		host, port, _ := net.SplitHostPort(l.Addr().String())
		wantEqual(t, network, mustRun(t, h, "bash", "-c", "cat < /dev/tcp/"+host+"/"+port), "hello")
		if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
			c.Close()
			t.Error("reachable from outside")
		}
	}
}

// TestFullHost checks what is installed on a full host.
func TestFullHost(t *testing.T) {
	t.Parallel()
	h := testhost.Start(t, testhost.Options{Image: testhost.Full})
	t.Run("state", func(t *testing.T) {
		wantRunning(t, h)
		wantEqual(t, "services", mustRun(t, h, "systemctl", "is-active", "docker", "chrony", "smbd"), "active\nactive\nactive")
		mustRun(t, h, "chronyc", "tracking")
	})
	t.Run("http", func(t *testing.T) {
		url := serve(t, h, "127.0.0.1:0")
		wantEqual(t, "curl", mustRun(t, h, "curl", "-sS", url), "stub")
	})
	t.Run("docker", func(t *testing.T) {
		if err := h.ImportBusybox(t.Context(), "busybox:local"); err != nil {
			t.Fatal(err)
		}
		url := serve(t, h, "172.17.0.1:0") // docker's bridge
		wantEqual(t, "container", mustRun(t, h, "docker", "run", "--rm", "--memory=64m", "busybox:local", "wget", "-qO-", url), "stub")
		mustRun(t, h, "docker", "network", "create", "test")
		mustRun(t, h, "docker", "run", "-d", "--name=stays", "--stop-signal=KILL", "--restart=always", "--network=test", "busybox:local", "sleep", "1000")
	})
	t.Run("reboot", func(t *testing.T) {
		if err := h.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the container after the reboot", func() bool {
			res, err := h.Run(t.Context(), "docker", "ps", "-q", "--filter=name=stays")
			return err == nil && strings.TrimSpace(res.Stdout) != ""
		})
	})
}

// serve runs a stub server inside the host and returns its address.
func serve(t *testing.T, h *testhost.Host, addr string) string {
	t.Helper()
	l, err := h.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "stub") }),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}
