package testhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// namespacePath is where ip netns keeps the network namespace of a host.
func namespacePath(host string) string { return filepath.Join("/run/netns", host) }

// addNamespace creates the host's network namespace, with loopback up and
// nothing else.
func addNamespace(ctx context.Context, host string) error {
	if _, err := tool(ctx, "ip", "netns", "add", host); err != nil {
		return err
	}
	_, err := tool(ctx, "ip", "-n", host, "link", "set", "lo", "up")
	return err
}

// removeNamespace deletes the host's network namespace if there is one.
func removeNamespace(host string) error {
	if _, err := os.Lstat(namespacePath(host)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := tool(ctx, "ip", "netns", "delete", host)
	return err
}

// Listen listens inside the host, so that a server of the test is reachable
// from within, on the host's loopback. The address must be numeric, a port of
// zero chooses one. For network "unix" the address is a path in the host.
func (h *Host) Listen(network, addr string) (net.Listener, error) {
	if network == "unix" {
		return h.listenUnix(addr)
	}
	var l net.Listener
	var err error
	alone(func() {
		if err = enterNamespace(namespacePath(h.name)); err == nil {
			l, err = net.Listen(network, addr)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s of host %s: %w", addr, h.name, err)
	}
	return l, nil
}

// enterNamespace moves the calling thread into a network namespace.
func enterNamespace(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// listenUnix listens on a socket in the host's file system. It goes through a
// descriptor of the directory, so links in the host lead within the host.
func (h *Host) listenUnix(path string) (net.Listener, error) {
	dir, err := h.openat(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s of host %s: %w", path, h.name, err)
	}
	defer func() { _ = dir.Close() }()
	l, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s of host %s: %w", path, h.name, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // by then the descriptor is another's
	}
	return l, nil
}

// Join connects two hosts by a network of their own, on which each has an address. Both
// have to be of one family, without a length of prefix. It ends with either host.
func (h *Host) Join(ctx context.Context, other *Host, own, others string) error {
	here, there := h.freeLink(ctx), other.freeLink(ctx)
	for _, argv := range [][]string{
		{"ip", "link", "add", here, "netns", h.name, "type", "veth", "peer", "name", there, "netns", other.name},
		{"ip", "-n", h.name, "address", "add", own, "peer", others, "dev", here},
		{"ip", "-n", other.name, "address", "add", others, "peer", own, "dev", there},
		{"ip", "-n", h.name, "link", "set", here, "up"},
		{"ip", "-n", other.name, "link", "set", there, "up"},
	} {
		if _, err := tool(ctx, argv...); err != nil {
			return fmt.Errorf("cannot join hosts %s and %s: %w", h.name, other.name, err)
		}
	}
	return nil
}

// freeLink is the first name of a network interface that the host does not have.
func (h *Host) freeLink(ctx context.Context) string {
	for i := 0; ; i++ {
		name := fmt.Sprintf("join%d", i)
		if _, err := tool(ctx, "ip", "-n", h.name, "link", "show", name); err != nil {
			return name
		}
	}
}
