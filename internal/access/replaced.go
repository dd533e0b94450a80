package access

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// wayPackages are packages, but for sudo's and the shell's, of whose programs a login
// or a start of the host makes use.
const wayPackages = `
	openssh-server libpam-modules libpam-modules-bin libpam0g libpam-systemd login passwd dash libc6 libc-bin
	systemd systemd-sysv init init-system-helpers udev dbus dbus-daemon dbus-system-bus-common mount util-linux kmod
	ifupdown iproute2 isc-dhcp-client dhcpcd-base network-manager netplan.io`

// replaced looks for programs and libraries on which the way rests, and in whose place
// a plan puts something else: what that does nobody can tell by looking at it, and it
// may be too large to be kept.
func (j *judge) replaced(context.Context) error {
	after := planned(j.Reader)
	if after == nil {
		return nil
	}
	for _, at := range replacedFor(j.Reader, j.user.Shell) {
		was, err := after.Before().Stat(at)
		if err != nil && !host.IsUnknown(err) {
			return err
		}
		is, err := after.Stat(at)
		if err != nil && !host.IsUnknown(err) {
			return err
		}
		switch {
		case is != nil && j.user.UID != 0 && before(at) && path.Base(at) == sudoProgram:
			j.noRoot(at + " is found before " + sudoBinary + ", and what it does is not known")
		case was != nil && j.rests(after, at):
			j.way.Login = append(j.way.Login, at+" is replaced or goes, on which it rests")
		case was != nil && is != nil && runsAtLogin(at) && exchanged(after, at, was, is):
			j.doubt(at + " is replaced, which start-up files run, and what it does is not known")
		case is != nil && ofPackages(at) && !brought(after, at, is):
			j.doubt("what becomes of the next start is not known: " + at + " is where packages have settings for it")
		}
	}
	return nil
}

// alterations are the paths at which a plan puts something else.
type alterations struct {
	all      []string // sorted
	programs []string // those of them that anybody's way may rest on
}

func alterationsOf(p plan) *alterations {
	all := p.Replaced()
	programs := slices.DeleteFunc(slices.Clone(all), func(at string) bool { return !before(at) && !packaged(at) })
	return &alterations{all: all, programs: programs}
}

// replacedFor are the paths at which the plan that a reader reads by puts something
// else, as far as the way may rest on them of somebody with this shell. Of a plan that
// is asked about for many people, they are found once.
func replacedFor(r host.Reader, shell string) []string {
	var a *alterations
	for wrapped := r; a == nil; {
		switch w := wrapped.(type) {
		case *traced:
			wrapped = w.Reader
		case *cache:
			if w.altered == nil {
				w.altered = alterationsOf(planned(w))
			}
			a = w.altered
		default:
			a = alterationsOf(planned(r))
		}
	}
	if _, is := slices.BinarySearch(a.all, shell); is && !slices.Contains(a.programs, shell) {
		return append(slices.Clip(a.programs), shell)
	}
	return a.programs
}

// packaged reports whether packages keep programs and libraries at a path, or whether
// it leads to them.
func packaged(at string) bool {
	return isTop(at) || strings.HasPrefix(at, "/usr/") || strings.HasPrefix(at, "/lib") || strings.HasPrefix(at, "/bin/") || strings.HasPrefix(at, "/sbin/")
}

// isTop reports whether a path is a directory, or a link to it, in which programs are.
func isTop(at string) bool {
	return slices.Contains([]string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr"}, at)
}

// ofPackages reports whether a path is in a directory in which packages, and nobody else,
// have what a start of the host goes by.
func ofPackages(at string) bool {
	const dirs = `
	/usr/lib/systemd /lib/systemd /usr/lib/tmpfiles.d /run/tmpfiles.d /usr/lib/sysctl.d /lib/sysctl.d /run/sysctl.d
	/usr/lib/modprobe.d /lib/modprobe.d /run/modprobe.d /usr/lib/udev /lib/udev /run/udev/rules.d /usr/lib/sysusers.d
	/usr/lib/pam.d /run/systemd/system /run/systemd/generator`
	return slices.ContainsFunc(strings.Fields(dirs), func(dir string) bool { return strings.HasPrefix(at, dir+"/") })
}

// brought reports whether what is at a path may come with a package: nobody can say yet
// what is in it, or it is a link to none of the units of a start.
func brought(after plan, at string, is *host.Node) bool {
	switch is.Type {
	case host.TypeFile:
		_, err := after.ReadFile(at)
		return host.IsUnknown(err)
	case host.TypeSymlink:
		const start = earlyUnits + " " + laterUnits + " " + endingTargets + " null"
		return !isAmong(path.Base(is.Target), start) && !isAmong(path.Base(at), start)
	}
	return true
}

// exchanged reports whether something is put in the place of a program by other means than
// a package. That one goes ends no shell: it says that there is none.
func exchanged(after plan, at string, was, is *host.Node) bool {
	if is.Type == host.TypeSymlink {
		return was.Type != host.TypeSymlink || was.Target != is.Target
	}
	return !brought(after, at, is)
}

// runsAtLogin reports whether start-up files that are understood may run what is at a path.
func runsAtLogin(at string) bool {
	return slices.Contains([]string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}, path.Dir(at)) && shellrc.MayRun(path.Base(at))
}

// before reports whether shells find what is at a path before the programs of packages.
func before(at string) bool {
	return slices.Contains([]string{"/usr/local/bin", "/usr/local/sbin"}, path.Dir(at))
}

// rests reports whether the way rests on what is at a path: a shared library that
// programs are linked with, or what a package of the way has brought beside
// configuration, which is judged by itself.
func (j *judge) rests(after plan, at string) bool {
	switch {
	case isTop(at), at == j.user.Shell:
		return true
	case !packaged(at), strings.HasPrefix(at, "/usr/share/"), strings.HasPrefix(at, "/usr/local/"):
		return false
	}
	if dir := path.Dir(at); strings.Contains(path.Base(at), ".so") && (path.Base(dir) == "security" || strings.HasSuffix(dir, "-linux-gnu") || strings.HasPrefix(path.Base(dir), "lib")) {
		return true
	}
	names := append(strings.Fields(wayPackages), path.Base(j.user.Shell))
	if j.user.UID != 0 {
		names = append(names, sudoProgram, "sudo-ldap")
	}
	return slices.ContainsFunc(names, func(name string) bool {
		if now, err := after.Package(name); err == nil && (now == nil || now.State != host.Installed) {
			return false // that it goes is said of the package
		}
		return slices.ContainsFunc(host.PackagePaths(after.Before(), name), func(p string) bool { return p == at || "/usr"+p == at })
	})
}
