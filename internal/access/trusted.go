package access

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// trusted are what opsafe does not judge: as they are, somebody gets in through them.
// What a change makes of them cannot be told.
func (j *judge) trusted(ctx context.Context) error {
	for _, look := range []func() error{j.mounts, j.managerDefaults, j.atBoot, j.startUp, func() error { return j.networks(ctx) }} {
		if err := look(); err != nil {
			return err
		}
	}
	if err := j.answers(); err != nil {
		return err
	}
	return j.trustAll("sshd's units", func(t *traced) (trusts, error) {
		out := trusts{}
		for _, name := range []string{"ssh.service", "ssh.socket", "ssh@.service", j.sshdUnit(ctx).name} {
			if u, err := t.Unit(ctx, name); err == nil && u != nil {
				text, err := unitFiles(t, u)
				if err != nil {
					return out, err
				}
				out.add(name, ofService(text))
			}
		}
		// What a slice limits holds for all services in it.
		text, err := unitFiles(t, &host.Unit{Name: systemSlice})
		out.add(systemSlice, text)
		return out, err
	})
}

const systemSlice = "system.slice"

// trusts are what is not judged, by what it is.
type trusts map[string]Trust

func (t trusts) add(what, text string) { t[what] = Trust{digest: digest(text)} }

// trustAll trusts what is the same for everybody. With an error, it is what was found
// until then.
func (j *judge) trustAll(what string, find func(t *traced) (trusts, error)) error {
	all, err := once(j.Reader, what, find)
	maps.Copy(j.way.Trusted, all)
	return err
}

// networks trusts what decides who may reach sshd.
func (j *judge) networks(ctx context.Context) error {
	ports := j.ports()
	return j.trustAll(fmt.Sprint("networks for ports ", ports), func(t *traced) (trusts, error) {
		out := trusts{}
		lets, err := nftOpen(t, ports)
		if err == nil {
			err = networkFiles(t, out)
		}
		if err == nil {
			err = networkUnits(ctx, t, out)
		}
		if lets {
			out.add(nftConf, "")
			out.add(nftUnit, "")
		}
		return out, err
	})
}

// networkFiles are the configuration of networks and packet filters, and what sessions
// are started with.
func networkFiles(r host.Reader, out trusts) error {
	files := []string{
		nftConf, "/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/ufw/ufw.conf", "/etc/ufw/user.rules", "/etc/ufw/user6.rules",
		"/etc/nsswitch.conf", "/etc/ld.so.preload", "/etc/default/locale", "/etc/security/pam_env.conf",
		"/etc/ssh/sshrc", "/etc/network/interfaces", "/etc/login.defs",
	}
	for _, dir := range []string{"/etc/network/interfaces.d", "/etc/netplan", "/etc/systemd/network", "/etc/nftables.d"} {
		names, err := r.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			files = append(files, path.Join(dir, n))
		}
	}
	for i := 0; i < len(files) && i < mostIncluded; i++ {
		data, err := host.ReadThrough(r, files[i])
		if err != nil {
			return err
		}
		out.add(files[i], counted(files[i], string(data)))
		more, err := included(r, path.Dir(files[i]), string(data))
		if err != nil {
			return err
		}
		files = append(files, slices.DeleteFunc(more, func(at string) bool { return slices.Contains(files, at) })...)
	}
	return nil
}

// networkUnits are those from which networks and packet filters come.
func networkUnits(ctx context.Context, r host.Reader, out trusts) error {
	for _, name := range []string{
		"networking.service", "systemd-networkd.service", "NetworkManager.service", nftUnit, "netfilter-persistent.service", "ufw.service", "firewalld.service",
	} {
		u, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		out.add(name, fmt.Sprint(u.Running(), u != nil && u.File == "enabled"))
	}
	return nil
}

// mostIncluded bounds how many files are read of packet filters and networks.
const mostIncluded = 200

// includes are lines of nftables' files, of interfaces(5) and of scripts by which they
// read others.
var includes = words.Pattern(`(?m)^[ \t]*(?:include|source|source-directory)[ \t]+"?([^"\s;]+)`)

// included are the files that one in a directory reads besides.
func included(r host.Reader, dir, text string) ([]string, error) {
	var out []string
	for _, m := range includes().FindAllStringSubmatch(text, -1) {
		at := m[1]
		if !path.IsAbs(at) {
			at = path.Join(dir, at)
		}
		n, err := r.Stat(at)
		switch {
		case err != nil && !host.IsUnknown(err):
			return nil, err
		case n != nil && n.Type == host.TypeDir:
			at += "/*"
		case !strings.ContainsAny(at, "*?["):
			out = append(out, at)
			continue
		}
		names, err := r.ReadDir(path.Dir(at))
		if err != nil && !host.IsUnknown(err) {
			return nil, err
		}
		for _, name := range names {
			if ok, err := path.Match(path.Base(at), name); ok && err == nil {
				out = append(out, path.Join(path.Dir(at), name))
			}
		}
	}
	return out, nil
}

// mounts trusts what fstab(5) mounts over what is on the way, or has the host not start
// without, and what tmpfiles.d(5) makes of the way at the next boot; not their other
// lines.
func (j *judge) mounts() error {
	const fstab = "/etc/fstab"
	files := []string{fstab}
	for _, dir := range []string{"/etc/tmpfiles.d", "/usr/local/lib/tmpfiles.d"} {
		names, err := j.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			if path.Ext(n) == ".conf" {
				files = append(files, path.Join(dir, n))
			}
		}
	}
	for _, at := range files {
		data, err := host.ReadThrough(j.Reader, at)
		if err != nil {
			return err
		}
		var lines []string
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) > 1 && f[0][0] != '#' && (j.onWay(f[1]) || at == fstab && mayStopStart(f)) {
				lines = append(lines, strings.Join(f, " "))
			}
		}
		if hidden := "/usr/lib/tmpfiles.d/" + path.Base(at); at != fstab {
			data, err := host.ReadThrough(j.Reader, hidden)
			if err != nil && !host.IsUnknown(err) {
				return err
			}
			for line := range strings.Lines(string(data)) {
				if f := strings.Fields(line); len(f) > 1 && f[0][0] != '#' && j.onWay(f[1]) && !slices.Contains(lines, strings.Join(f, " ")) {
					lines = append(lines, "without "+strings.Join(f, " "))
				}
			}
		}
		if len(lines) > 0 {
			j.trust(at, strings.Join(lines, "\n"))
		}
	}
	return j.mountUnits()
}

// managerDefaults trusts what the service manager gives to all services, sshd among
// them, when it reads its configuration again: limits, an environment. See
// systemd-system.conf(5).
func (j *judge) managerDefaults() error {
	const name = "system.conf"
	files := []string{"/etc/systemd/" + name}
	for _, in := range []string{"/etc/systemd/", "/usr/local/lib/systemd/", "/usr/lib/systemd/"} {
		names, err := j.ReadDir(in + name + ".d")
		if err != nil && !host.IsUnknown(err) {
			return err
		}
		for _, n := range names {
			if path.Ext(n) == ".conf" {
				files = append(files, path.Join(in+name+".d", n))
			}
		}
	}
	var b strings.Builder
	for _, at := range files {
		data, err := host.ReadThrough(j.Reader, at)
		if err != nil && !host.IsUnknown(err) {
			return err
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
				b.WriteString(line + "\n")
			}
		}
	}
	j.trust("/etc/systemd/"+name+" and its drop-ins", b.String())
	return nil
}

// mountUnits trusts the administrator's units that do what a line of fstab would.
func (j *judge) mountUnits() error {
	names, err := j.ReadDir(debian.UnitDir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if at := debian.MountPoint(n); at == "" || !j.onWay(at) {
			continue
		}
		data, err := host.ReadThrough(j.Reader, path.Join(debian.UnitDir, n))
		if err != nil {
			return err
		}
		j.trust(path.Join(debian.UnitDir, n), string(data))
	}
	return nil
}

// onWay reports whether what is done to a path, or to those of a pattern, may concern
// what the way rests on.
func (j *judge) onWay(pattern string) bool {
	at := strings.Trim(pattern, `"'`)
	if i := strings.IndexAny(at, `*?[%\`); i >= 0 {
		at = path.Dir(at[:i] + "x")
	}
	at = path.Clean(at)
	below := func(p, of string) bool { return of == "/" || p == of || strings.HasPrefix(p, of+"/") }
	return slices.ContainsFunc([]string{
		path.Clean("/" + j.user.Home), "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/dev", "/proc", "/sys", "/run/nologin", "/run/sshd", "/run/systemd", "/run/dbus", "/var/run",
	}, func(p string) bool { return below(p, at) || below(at, p) && p != "/" })
}

func (j *judge) trust(what, text string) {
	j.way.Trusted[what] = Trust{digest: digest(text)}
}
