package local

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

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
		Hostname: name,
		Distro:   fields["ID"],
		Release:  fields["VERSION_CODENAME"],
		Version:  fields["VERSION_ID"],
		Arch:     debianArch(runtime.GOARCH),
		Unbooted: h.options.Unbooted,
		Kernel:   unix.ByteSliceToString(uts.Release[:]),
	}, nil
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
