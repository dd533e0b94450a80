package local

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// Facts reads what is true of the machine as a whole: os-release(5), uname(2).
func (h *Host) Facts() (host.MachineFacts, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		if release, err = os.ReadFile("/usr/lib/os-release"); err != nil {
			return host.MachineFacts{}, fmt.Errorf("cannot tell the distribution: %w", err)
		}
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return host.MachineFacts{}, fmt.Errorf("cannot tell the kernel: uname: %w", err)
	}
	fields := parseOSRelease(release)
	name, _, _ := strings.Cut(unix.ByteSliceToString(uts.Nodename[:]), ".")
	return host.MachineFacts{
		Hostname:   name,
		Distro:     fields["ID"],
		Release:    fields["VERSION_CODENAME"],
		Version:    fields["VERSION_ID"],
		Arch:       debianArch(runtime.GOARCH),
		Unbooted:   h.options.Unbooted,
		Kernel:     unix.ByteSliceToString(uts.Release[:]),
		IPv6:       h.inet6.has(),
		Multihomed: multihomed(),
	}, nil
}

// inet6 is whether the machine has an address of IPv6 to which somebody can come from
// another network. It is looked up once.
type inet6 struct {
	once sync.Once
	is   bool
}

// has takes a machine that cannot be asked for one that has.
func (i *inet6) has() bool {
	i.once.Do(func() {
		all, err := net.InterfaceAddrs()
		i.is = err != nil || slices.ContainsFunc(all, func(a net.Addr) bool {
			n, ok := a.(*net.IPNet)
			return ok && n.IP.To4() == nil && n.IP.IsGlobalUnicast()
		})
	})
	return i.is
}

// multihomed reports whether more than one device has an address of IPv4, but for those
// of networks that a host makes itself, for containers and for machines of its own. Which
// cannot be asked for, may be.
func multihomed() bool {
	all, err := net.Interfaces()
	n := 0
	for _, device := range all {
		own := slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr", "lxcbr", "cni", "podman"}, func(stem string) bool { return strings.HasPrefix(device.Name, stem) })
		addrs, failed := device.Addrs()
		if device.Flags&net.FlagLoopback != 0 || own || failed == nil && !slices.ContainsFunc(addrs, isGlobal4) {
			continue
		}
		n++
	}
	return err != nil || n > 1
}

func isGlobal4(a net.Addr) bool {
	n, ok := a.(*net.IPNet)
	return ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast()
}

// parseOSRelease reads the assignments of os-release(5), whose values may stand
// in shell quotes.
func parseOSRelease(data []byte) map[string]string {
	fields := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		key, value, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = strings.NewReplacer(`\"`, `"`, `\$`, `$`, `\\`, `\`, "\\`", "`").Replace(value[1 : n-1])
		}
		fields[key] = value
	}
	return fields
}

// debianArch turns Go's name for an architecture into Debian's.
func debianArch(goarch string) string {
	switch goarch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	case "mips64le":
		return "mips64el"
	}
	return goarch
}
