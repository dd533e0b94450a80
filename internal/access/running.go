package access

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// sshdUnit is by which unit sshd runs: none, if it has no name.
type sshdUnit struct {
	name string
	err  error
}

// running looks whether anything listens for them.
func (j *judge) running(ctx context.Context) (bool, error) {
	u := j.sshdUnit(ctx)
	return u.name != "", u.err
}

func (j *judge) sshdUnit(ctx context.Context) sshdUnit {
	r := j.Reader
	if t, ok := r.(*traced); ok {
		r = t.Reader
	}
	c, ok := r.(*cache)
	if !ok {
		return findSSHD(ctx, r)
	}
	if c.unit == nil {
		u := findSSHD(ctx, c.Reader)
		c.unit = &u
	}
	return *c.unit
}

// restsOn are units, but for sshd's, without which nobody gets in: they bring the network,
// or tell who somebody is.
const restsOn = `
	dbus.socket dbus.service systemd-logind.service networking.service systemd-networkd.service NetworkManager.service
	systemd-resolved.service sssd.service nslcd.service winbind.service`

// Standing are the units that run and on which the way in rests, in the order in which
// they can be started. What cannot be seen is none of them.
func Standing(ctx context.Context, r host.Reader) []string {
	names := append(strings.Fields(restsOn), "ssh.socket", "ssh.service", findSSHD(ctx, r).name)
	var out []string
	for _, name := range names {
		u, err := r.Unit(ctx, name)
		if err == nil && u.Running() && !alias(u, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// findSSHD looks for the unit that runs sshd: under its usual names, by the process
// that sshd itself names, and else among all units that run. That a name is not
// there says nothing of the thing.
// On a machine that has not booted, what is enabled counts as if it ran.
func findSSHD(ctx context.Context, r host.Reader) sshdUnit {
	facts, err := r.Facts()
	if err != nil {
		return sshdUnit{err: err}
	}
	runs := func(u *host.Unit) bool {
		return u.Running() || facts.Unbooted && u != nil && u.File == "enabled" && wanted(u)
	}
	for _, name := range []string{"ssh.service", "ssh.socket"} {
		u, err := r.Unit(ctx, name)
		if err != nil {
			return sshdUnit{err: err}
		}
		if runs(u) && !alias(u, name) {
			return sshdUnit{name: name}
		}
	}
	if name, err := byProcess(ctx, r); name != "" || err != nil {
		return sshdUnit{name, err}
	}
	all, ok := r.(host.Inventory)
	if !ok {
		return sshdUnit{}
	}
	names, err := all.UnitNames(ctx)
	if err != nil {
		return sshdUnit{err: err}
	}
	for _, name := range names {
		u, err := r.Unit(ctx, name)
		if err != nil || !runs(u) || alias(u, name) {
			continue
		}
		starts, err := runsSSHD(ctx, r, u)
		if err != nil {
			return sshdUnit{err: err}
		}
		if starts {
			return sshdUnit{name: name}
		}
	}
	return sshdUnit{}
}

// alias reports whether a name is another one of a unit, which is judged by its own:
// what a plan does to that, it does to this one.
func alias(u *host.Unit, name string) bool {
	return u.Fragment != "" && !strings.Contains(name, "@") && path.Base(u.Fragment) != name
}

// pidFile is where sshd writes which process it is.
const pidFile = "/run/sshd.pid"

// byProcess finds the unit of the process that sshd says it is. One that belongs to
// no service, since somebody has started it by hand, runs for as long as it runs.
func byProcess(ctx context.Context, r host.Reader) (string, error) {
	data, err := r.ReadFile(pidFile)
	pid := strings.TrimSpace(string(data))
	if err != nil || pid == "" || strings.Trim(pid, "0123456789") != "" {
		return "", nil
	}
	comm, err := r.ReadFile("/proc/" + pid + "/comm")
	if err != nil || strings.TrimSpace(string(comm)) != sshdProgram {
		return "", nil
	}
	groups, err := r.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(groups)) {
		unit := path.Base(strings.TrimSpace(line))
		if path.Ext(unit) != ".service" || strings.HasPrefix(unit, "user@") {
			continue
		}
		u, err := r.Unit(ctx, unit)
		if err != nil || !u.Running() {
			return "", err
		}
		return unit, nil
	}
	return "a process that no service has", nil
}

// Lines of unit files that start sshd, and one that has it read another
// configuration.
var (
	startsSSHD   = words.Pattern(`(?m)^[ \t]*ExecStart[ \t]*=[ \t]*[-@:+!|]*"?(?:/\S*/)?sshd(?:"|\s|$)(.*)$`)
	otherOptions = words.Pattern(`(?:^|\s)-[A-Za-z]*[fo]`)
)

// runsSSHD reports whether a unit that runs starts sshd, by itself or, as a socket,
// by its service.
func runsSSHD(ctx context.Context, r host.Reader, u *host.Unit) (bool, error) {
	services := []*host.Unit{u}
	if base, ok := strings.CutSuffix(u.Name, ".socket"); ok {
		services = nil
		for _, name := range []string{base + ".service", base + "@.service"} {
			if s, err := r.Unit(ctx, name); err == nil && s != nil {
				services = append(services, s)
			}
		}
	} else if path.Ext(u.Name) != ".service" {
		return false, nil
	}
	for _, s := range services {
		m := startsSSHD().FindStringSubmatch(unitText(r, s))
		if m == nil {
			continue
		}
		if otherOptions().MatchString(m[1]) {
			return false, &host.UnknownError{What: "what sshd lets in", Why: u.Name + " starts it with options of its own:" + m[1]}
		}
		return true, nil
	}
	return false, nil
}

// unitText is a unit's file and its drop-ins.
func unitText(r host.Reader, u *host.Unit) string {
	files := []string{u.Fragment}
	for _, dir := range []string{debian.UnitDir, debian.RunUnitDir} {
		names, err := r.ReadDir(path.Join(dir, u.Name+".d"))
		if err != nil {
			continue
		}
		for _, n := range names {
			files = append(files, path.Join(dir, u.Name+".d", n))
		}
	}
	var b strings.Builder
	for _, f := range files {
		if f == "" {
			continue
		}
		if data, err := r.ReadFile(f); err == nil {
			b.Write(data)
			b.WriteByte('\n')
		}
	}
	return b.String()
}
