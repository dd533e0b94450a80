//go:build release

package e2e

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDisk makes the disk of docs/guides/image.md with the files and the commands that
// stand there, and boots it as a machine with a kernel of its own: its first boot does
// the rest, its admin gets in, and a kernel that comes later is the one that boots next.
func TestDisk(t *testing.T) {
	t.Parallel()
	e := &env{t: t} // what runs on the machine of the test
	k := newSSHKey(t, "madwort")
	m := &machine{e: e, dir: t.TempDir(), key: k}
	m.file("developers.yaml", "madwort: {roles: [admins]}\n")
	m.file("keys/madwort", k.public)
	page, err := os.ReadFile(filepath.Join(repository, "docs/guides/image.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range blockPattern.FindAllStringSubmatch(string(page), -1) {
		if _, name, ok := strings.Cut(block[1], " file="); ok {
			m.file(name, strings.ReplaceAll(block[2], "/srv/", m.dir+"/srv/"))
			continue
		}
		for line := range strings.Lines(block[2]) {
			commands++
			m.does(strings.TrimPrefix(strings.TrimSpace(line), "# "))
		}
	}
	if commands != 10 {
		t.Fatalf("the page has %d commands", commands)
	}
	m.boot()
	e.says(0, m.ssh("systemctl", "is-system-running", "--wait"), "running")
	e.says(0, m.ssh("sudo", "journalctl", "-u", "opsafe-first-boot.service", "-o", "cat"), "Nothing to do.")
	if r := m.ssh("test", "-e", "/etc/systemd/system/opsafe-first-boot.service"); r.code != 1 {
		t.Errorf("the unit of the first boot is still there: %s", r)
	}
	e.says(0, m.ssh("sudo", "opsafe", "plan", "--exit-code"), "Nothing to do.")
	e.says(0, m.ssh("sudo", "opsafe", "status"), "")
	kernel := strings.TrimSpace(m.ssh("uname", "-r").stdout)
	e.says(0, m.ssh("sudo", "/etc/kernel/postinst.d/zz-systemd-boot", kernel, "/boot/vmlinuz-"+kernel), kernel)
	e.says(0, m.ssh("sudo", "bootctl", "list", "--no-pager"), "(bookworm) (default)", "First kernel (selected)")
}

// machine is a virtual one, and the repository that its disk is made from.
type machine struct {
	e    *env
	dir  string
	key  sshKey
	port string
}

func (m *machine) file(name, content string) {
	m.e.t.Helper()
	at := filepath.Join(m.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.MkdirAll(filepath.Join(m.dir, "srv"), 0o755), os.WriteFile(at, []byte(content), 0o644)); err != nil {
		m.e.t.Fatal(err)
	}
}

// does carries out a command of the page, whose words have no spaces in them.
func (m *machine) does(line string) {
	m.e.t.Helper()
	argv := strings.Fields(strings.ReplaceAll(line, "/srv/", m.dir+"/srv/"))
	if argv[0] == "opsafe" {
		program, err := binary()
		if err != nil {
			m.e.t.Fatal(err)
		}
		argv[0] = program
	}
	c := exec.CommandContext(m.e.t.Context(), argv[0], argv[1:]...) //nolint:gosec // the page's
	c.Dir = m.dir
	m.e.says(0, m.e.finish(c), "")
}

// boot starts the machine, without a way to any network, and waits until its console
// asks who logs in.
func (m *machine) boot() {
	m.e.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.e.t.Fatal(err)
	}
	_, m.port, _ = net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	ctx, stop := context.WithTimeout(m.e.t.Context(), 15*time.Minute)                                                                 // the processor is emulated
	c := exec.CommandContext(ctx, "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024", //nolint:gosec // a test's
		"-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio", "-bios", "/usr/share/ovmf/OVMF.fd",
		"-drive", "file="+filepath.Join(m.dir, "srv/vm1.img")+",if=virtio,format=raw",
		"-nic", "user,model=virtio,restrict=on,hostfwd=tcp:127.0.0.1:"+m.port+"-:22")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	console, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		m.e.t.Fatal(err)
	}
	m.e.t.Cleanup(func() { stop(); _ = c.Wait() })
	said := bufio.NewReader(console)
	var all strings.Builder
	for !strings.HasSuffix(all.String(), " login: ") {
		b, err := said.ReadByte()
		if err != nil {
			m.e.t.Fatalf("the machine does not come up: %v\n%s", err, all.String())
		}
		all.WriteByte(b)
	}
	go func() { _, _ = said.WriteTo(io.Discard) }() // it stops where nobody reads
}

func (m *machine) ssh(argv ...string) result {
	m.e.t.Helper()
	return m.e.finish(exec.CommandContext(m.e.t.Context(), "ssh", append([]string{"-p", m.port, "-i", m.key.file, "-o", "BatchMode=yes", //nolint:gosec // a test's
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "madwort@127.0.0.1"}, argv...)...))
}
