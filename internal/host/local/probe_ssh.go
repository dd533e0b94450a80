package local

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"
)

const (
	// probePatience is how long sshd may take to answer after a reload, and
	// renewPatience how long to open its sockets anew: it does so but where
	// systemd has opened them for it.
	probePatience = 10 * time.Second
	renewPatience = 3 * time.Second
	probePause    = 50 * time.Millisecond
)

// sshListener is a socket on which sshd listens.
type sshListener struct {
	at    netip.AddrPort
	inode string
}

// sshProbe is sshd as it was before it was told to take up its configuration.
type sshProbe struct {
	conn   *sdbus.Conn
	unit   string
	before []sshListener
	// socket says that systemd listens for it, on the addresses of ssh.socket.
	socket bool
}

// sshSocket is the unit by which systemd listens for sshd.
const sshSocket = "ssh.socket"

func socketActive(ctx context.Context, conn *sdbus.Conn) bool {
	active, err := property[string](ctx, conn, sshSocket, "ActiveState")
	return err == nil && active == "active"
}

// isSSH knows the names of sshd's unit.
func isSSH(unit string) bool { return unit == "ssh.service" || unit == "sshd.service" }

// newSSHProbe looks at sshd before it is reloaded; nil if it does not run.
func newSSHProbe(ctx context.Context, conn *sdbus.Conn, unit string) (*sshProbe, error) {
	active, pid, err := mainProcess(ctx, conn, unit)
	if err != nil || active != "active" {
		return nil, err
	}
	before, err := listenersOf("/proc", pid)
	return &sshProbe{conn: conn, unit: unit, before: before, socket: socketActive(ctx, conn)}, err
}

// answers waits until sshd runs and answers wherever its configuration has it
// listen. That it was told to reload says nothing: it may end over it a moment
// later, or go on with half of its addresses.
func (p *sshProbe) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	begin := time.Now()
	for {
		done, err := p.look(ctx, time.Since(begin) > renewPatience)
		if done {
			return err
		}
		if pauseErr := pauseFor(ctx, probePause); pauseErr != nil {
			return fmt.Errorf("%s does not come through: %w", p.unit, errors.Join(err, pauseErr))
		}
	}
}

// look reports whether it is decided how sshd does; if not, why it is not well
// so far.
func (p *sshProbe) look(ctx context.Context, late bool) (done bool, err error) {
	active, pid, err := mainProcess(ctx, p.conn, p.unit)
	if err != nil {
		return false, err
	}
	if active == "failed" || active == "inactive" {
		return true, fmt.Errorf("%s does not come through: it is %s%s; see journalctl -u %s", p.unit, active, outcome(ctx, p.conn, p.unit), p.unit)
	}
	now, err := listenersOf("/proc", pid)
	if err != nil {
		return false, err
	}
	if len(now) == 0 {
		return false, errors.New("it listens nowhere")
	}
	if !p.socket && !late && slices.ContainsFunc(now, func(l sshListener) bool { return slices.Contains(p.before, l) }) {
		return false, errors.New("it has not opened its sockets anew")
	}
	wanted, err := p.addresses(ctx, now)
	if err != nil {
		return false, err
	}
	for _, at := range wanted {
		if err := sshBanner(ctx, at); err != nil {
			return late, fmt.Errorf("%s does not come through: its configuration has it listen on %s, where it does not answer: the address is not this host's, or another program has the port: %w; see journalctl -u %s", p.unit, at, err, p.unit)
		}
	}
	return true, nil
}

// addresses are those on which sshd has to answer.
func (p *sshProbe) addresses(ctx context.Context, now []sshListener) ([]netip.AddrPort, error) {
	if !p.socket {
		return sshAddresses(ctx)
	}
	var list []netip.AddrPort
	for _, l := range now {
		list = append(list, l.at)
	}
	return list, nil
}

// sshAddresses are those on which sshd's configuration has it listen.
func sshAddresses(ctx context.Context) ([]netip.AddrPort, error) {
	out, err := run(ctx, []string{"sshd", "-T"}, runOptions{})
	if err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key != "listenaddress" {
			continue
		}
		value, _, _ = strings.Cut(value, " ") // rdomain
		at, err := netip.ParseAddrPort(value)
		if err != nil {
			continue // of a link, with its zone
		}
		list = append(list, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	}
	return list, nil
}

// reachable is where to reach from the host itself what listens at an address. Named is
// whether that is the address, not any of a family.
func reachable(at netip.AddrPort) (to string, named bool) {
	addr := at.Addr()
	switch {
	case addr.IsUnspecified() && addr.Is4():
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case addr.IsUnspecified():
		addr = netip.IPv6Loopback()
	default:
		named = true
	}
	return netip.AddrPortFrom(addr, at.Port()).String(), named
}

// dialSSHD connects to an address that sshd listens on; nil: of a family that the host
// is without.
func dialSSHD(ctx context.Context, at netip.AddrPort) (conn net.Conn, to string, err error) {
	to, named := reachable(at)
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if !named && (errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT)) {
		return nil, to, nil
	}
	if err != nil {
		return nil, to, err
	}
	if t, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(t) // a connection that is broken says so when it is read
	}
	return conn, to, nil
}

// sshBanner reads what sshd says first. That it takes no more connections just
// now is an answer, too.
func sshBanner(ctx context.Context, at netip.AddrPort) error {
	conn, to, err := dialSSHD(ctx, at)
	if conn == nil || err != nil {
		return err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	for _, known := range []string{"SSH-", "Exceeded MaxStartups", "Not allowed at this time"} {
		if strings.HasPrefix(line, known) {
			return nil
		}
	}
	return fmt.Errorf("what listens on %s does not answer as sshd: %q, %w", to, line, err)
}

// mainProcess is the state of a service and its main process.
func mainProcess(ctx context.Context, conn *sdbus.Conn, unit string) (active string, pid int, err error) {
	if active, err = property[string](ctx, conn, unit, "ActiveState"); err != nil {
		return "", 0, fmt.Errorf("cannot see whether %s runs: %w", unit, err)
	}
	p, err := conn.GetServicePropertyContext(ctx, unit, "MainPID")
	if err != nil {
		return "", 0, fmt.Errorf("cannot see whether %s runs: %w", unit, err)
	}
	id, _ := p.Value.Value().(uint32)
	return active, int(id), nil
}

// listenersOf lists the TCP sockets on which a process listens, by
// proc_pid_fd(5) and /proc/net/tcp.
func listenersOf(proc string, pid int) ([]sshListener, error) {
	if pid == 0 {
		return nil, nil
	}
	dir := filepath.Join(proc, strconv.Itoa(pid))
	fds, err := readDirIfThere(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, fd := range fds {
		target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && err == nil {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var out []sshListener
	for _, name := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(filepath.Join(dir, "net", name))
		if err != nil {
			continue // no such family, or no such process any more
		}
		for _, l := range parseListeners(string(data)) {
			if own[l.inode] {
				out = append(out, l)
			}
		}
	}
	return out, nil
}

// parseListeners reads the lines of /proc/net/tcp whose state is LISTEN.
func parseListeners(data string) []sshListener {
	const (
		columns = 10
		listens = "0A"
	)
	var out []sshListener
	for line := range strings.Lines(data) {
		f := strings.Fields(line)
		if len(f) < columns || f[3] != listens {
			continue
		}
		if at, ok := parseProcAddress(f[1]); ok {
			out = append(out, sshListener{at: at, inode: f[9]})
		}
	}
	return out
}

// parseProcAddress reads 0100007F:0016: words of four bytes in the order of a
// little-endian machine, and a port.
func parseProcAddress(s string) (netip.AddrPort, bool) {
	host, service, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	port, portErr := strconv.ParseUint(service, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), ok
}
