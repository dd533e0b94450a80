package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/words"
)

// SystemPython is the link that says which Python the host has.
const SystemPython = "/usr/bin/python3"

// Wheel is a distribution of Python's, pinned: a wheel of its name and version that has
// one of the digests.
type Wheel struct {
	Name    string   `json:"name"` // as DistributionName gives it
	Version string   `json:"version"`
	SHA256  []string `json:"sha256"` // in hexadecimal, sorted
}

// DistributionName is the one spelling of a distribution's name that others are compared
// in (PEP 503).
func DistributionName(name string) string {
	return strings.ToLower(distributionDashes().ReplaceAllString(name, "-"))
}

var distributionDashes = words.Pattern(`[-_.]+`)

// PythonVersion is the version that the name of an interpreter says, such as 3.11 of
// python3.11; empty: it says none.
func PythonVersion(interpreter string) string {
	if m := interpreterName().FindStringSubmatch(interpreter); m != nil {
		return m[1]
	}
	return ""
}

var interpreterName = words.Pattern(`^python(3\.[0-9]{1,3})$`)

// wheelFields are those of a wheel's name: distribution, version, perhaps a build, and
// the tags of what it is for.
const wheelFields = 5

// WheelFile is what the name of a wheel says.
type WheelFile struct {
	Name, Version                  string
	pythons, interfaces, platforms []string // tags
}

// ReadWheelName reads the name of a file; false: it is none of a wheel's.
func ReadWheelName(file string) (WheelFile, bool) {
	stem, ok := strings.CutSuffix(file, ".whl")
	parts := strings.Split(stem, "-")
	n := len(parts)
	if !ok || n != wheelFields && n != wheelFields+1 {
		return WheelFile{}, false
	}
	tags := func(back int) []string { return strings.Split(parts[n-back], ".") }
	return WheelFile{Name: DistributionName(parts[0]), Version: parts[1], pythons: tags(3), interfaces: tags(2), platforms: tags(1)}, true
}

// Is reports whether a file is one of a pinned distribution's, as its name says.
func (f WheelFile) Is(w Wheel) bool {
	return f.Name == w.Name && strings.EqualFold(f.Version, strings.ReplaceAll(w.Version, "-", "_"))
}

// Misfit says why a wheel is not for a version of Python on a machine; empty: it is. The
// machine is called as in the wheels' tags, such as x86_64; empty: whichever it is.
func (f WheelFile) Misfit(python, machine string) string {
	if !slices.ContainsFunc(f.pythons, func(p string) bool {
		return slices.ContainsFunc(f.interfaces, func(abi string) bool { return pythonTakes(python, p, abi) })
	}) {
		return fmt.Sprintf("it is for %s (%s), and the host has Python %s", strings.Join(f.pythons, ", "), strings.Join(f.interfaces, ", "), python)
	}
	if !slices.ContainsFunc(f.platforms, func(p string) bool { return platformTakes(machine, p) }) {
		return fmt.Sprintf("it is for %s, and this is Debian on %s", strings.Join(f.platforms, ", "), machine)
	}
	return ""
}

// WheelMachine is what a machine is called in the tags of wheels, by Debian's name for
// its architecture; empty if opsafe knows none.
func WheelMachine(arch string) string {
	return map[string]string{
		"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l", "i386": "i686", "ppc64el": "ppc64le", "riscv64": "riscv64", "s390x": "s390x",
	}[arch]
}

// pythonTakes reports whether CPython of a version takes what has these two tags.
func pythonTakes(python, tag, abi string) bool {
	minor, err := strconv.Atoi(strings.TrimPrefix(python, "3."))
	if err != nil {
		return false
	}
	of := func(prefix string) (int, bool) {
		n, err := strconv.Atoi(strings.TrimPrefix(tag, prefix))
		return n, err == nil && strings.HasPrefix(tag, prefix)
	}
	if tag == "py3" && abi == "none" {
		return true
	}
	if n, ok := of("py3"); ok {
		return abi == "none" && n <= minor
	}
	n, ok := of("cp3")
	switch {
	case !ok:
		return false
	case abi == "abi3":
		return n <= minor
	}
	return n == minor && (abi == "none" || abi == tag)
}

// platformTakes reports whether a Debian host takes what is for a platform. Wheels for
// musl do not run on it; how new its C library has to be is not judged.
func platformTakes(machine, platform string) bool {
	if platform == "any" {
		return true
	}
	linux := strings.HasPrefix(platform, "linux_") || strings.HasPrefix(platform, "manylinux")
	return linux && (machine == "" || strings.HasSuffix(platform, "_"+machine))
}
