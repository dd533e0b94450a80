// Package testhost boots throwaway Debian hosts with a real systemd, for tests
// and for trying opsafe by hand.
//
// A host is a systemd-nspawn container on an overlay over a cached base image.
// It has a network namespace of its own with nothing but loopback in it, and
// no way out: apt inside reads a local archive that the base image carries.
// Everything a host needs is gone when it is closed; a host whose process was
// killed dies with it, and the next Boot sweeps up what it left.
//
// The package needs root and Debian's debootstrap, systemd-container,
// apt-utils, iproute2 and busybox-static (make testhost-deps).
package testhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Image says what a host has installed when it comes up.
type Image string

const (
	// Bare is a minimal server: systemd, sshd, sudo, dbus, timesyncd.
	Bare Image = "bare"
	// Full is Bare and what a managed backend has: docker, chrony, samba and so on.
	Full Image = "full"
)

// DefaultSuite is the Debian release of a host that asks for none.
const DefaultSuite = "bookworm"

// Suites are the Debian releases that a host can have, oldest first.
func Suites() []string { return []string{"bullseye", "bookworm", "trixie"} }

// Options say what kind of host to boot. The zero value is a bare bookworm.
type Options struct {
	// Name is the host's name, its hostname and its network namespace's name.
	// Empty means a name of its own.
	Name string
	// Suite is the Debian release; empty means DefaultSuite.
	Suite string
	// Image is what is installed; empty means Bare.
	Image Image
	// Keep lets the host outlive this process; only Close ends it.
	Keep bool
	// Tree is told where the host's root directory is before the host boots; nil: nobody
	// is. Only programs that it starts from its own goroutine see it there.
	Tree func(dir string) error
	// Log hears what takes long (building images); nil means silence.
	Log func(format string, args ...any)
}

// bootLimit bounds how long a host may take to come up once its image is there.
const bootLimit = 90 * time.Second

func (o Options) withDefaults() (Options, error) {
	if o.Suite == "" {
		o.Suite = DefaultSuite
	}
	if o.Image == "" {
		o.Image = Bare
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Image != Bare && o.Image != Full {
		return o, fmt.Errorf("unknown image %q: use %s or %s", o.Image, Bare, Full)
	}
	if !knownSuite(o.Suite) {
		return o, fmt.Errorf("unknown suite %q: use one of %v", o.Suite, Suites())
	}
	if o.Name != "" && !validName(o.Name) {
		return o, fmt.Errorf("invalid host name %q: use up to 40 lower-case letters, digits and hyphens", o.Name)
	}
	return o, nil
}

// Boot boots a host and returns when its systemd has finished starting.
// The context bounds the boot, not the life of the host. Images that are
// missing are built first, which takes minutes.
func Boot(ctx context.Context, o Options) (*Host, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("cannot boot a host: it takes root")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("cannot boot a host: %w", err)
	}
	if err := Reap(); err != nil {
		o.Log("cannot delete leftover hosts: %v", err)
	}
	if err := raiseWatchLimit(); err != nil {
		o.Log("cannot raise the limit of file watches, many hosts at once will fail: %v", err)
	}
	h, err := reserve(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("cannot boot a host: %w", err)
	}
	if err := h.layOn(ctx, o); err != nil {
		return nil, fmt.Errorf("cannot boot host %s: %w", h.name, errors.Join(err, h.Close()))
	}
	if o.Tree != nil {
		if err := h.unbooted(o.Tree); err != nil {
			return nil, fmt.Errorf("cannot prepare the tree of host %s: %w", h.name, errors.Join(err, h.Close()))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	if err := h.launch(ctx); err != nil {
		return nil, fmt.Errorf("cannot boot host %s: %w", h.name, errors.Join(err, h.Close()))
	}
	return h, nil
}

// raiseWatchLimit allows enough inotify instances on this machine. All hosts
// share root's, every systemd takes a dozen, and without one it does not boot;
// the kernel's 128 are gone after ten hosts.
func raiseWatchLimit() error {
	const path, enough = "/proc/sys/fs/inotify/max_user_instances", 4096
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || now >= enough {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(enough)), 0o644)
}

// Start boots a host for a test and deletes it when the test ends. The host
// also dies with the test's process. It fails the test when there is no host
// to be had, and skips it under -short.
func Start(tb testing.TB, o Options) *Host {
	tb.Helper()
	if testing.Short() {
		tb.Skip("boots a host: skipped under -short")
	}
	if o.Log == nil {
		o.Log = tb.Logf
	}
	h, err := Boot(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// Prepare builds the image of a suite unless it is already there.
func Prepare(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	_, err = imageLayers(ctx, o)
	return err
}

func knownSuite(s string) bool {
	for _, k := range Suites() {
		if s == k {
			return true
		}
	}
	return false
}

func validName(s string) bool {
	if len(s) > 40 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
