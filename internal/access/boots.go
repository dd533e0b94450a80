package access

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// boots looks whether sshd starts with the host.
func (j *judge) boots(ctx context.Context) error {
	if err := errors.Join(j.startable(), j.kept(), j.target(ctx)); err != nil {
		return err
	}
	for _, name := range []string{"ssh.service", "ssh.socket", "sshd.service", j.sshdUnit(ctx).name} {
		if name == "" {
			continue
		}
		u, err := j.Unit(ctx, name)
		if err != nil {
			return err
		}
		if u == nil || u.Load == "masked" || alias(u, name) {
			continue
		}
		if u.File == "enabled" && wanted(u) || u.File == "static" || u.File == "generated" || len(u.WantedBy) > 0 {
			return nil
		}
	}
	j.moment("sshd does not start with the host: none of its units is enabled")
	return nil
}

// wanted reports whether a unit that is enabled is so by more than another name of it.
func wanted(u *host.Unit) bool {
	return len(u.Links) == 0 || slices.ContainsFunc(u.Links, func(l string) bool { return path.Dir(l) != debian.UnitDir })
}

// notToBeRun keeps Debian's sshd from starting, by a condition of its units.
const notToBeRun = "/etc/ssh/sshd_not_to_be_run"

// kept looks whether sshd is kept from starting.
func (j *judge) kept() error {
	n, err := j.Stat(notToBeRun)
	if host.IsUnknown(err) {
		return nil
	}
	if n != nil {
		j.moment("sshd does not start with the host: " + notToBeRun + " is there")
	}
	return err
}

// target looks whether the host boots into one of the targets that start sshd.
func (j *judge) target(ctx context.Context) error {
	const multiUser = "multi-user.target"
	usual := []string{multiUser, "graphical.target"}
	at := path.Join(debian.UnitDir, "default.target")
	n, err := j.Stat(at)
	switch {
	case err != nil:
		return err
	case n != nil && (n.Type != host.TypeSymlink || !slices.Contains(usual, path.Base(n.Target))):
		j.moment("the host boots into something else than " + strings.Join(usual, " or ") + ": " + at)
	}
	u, err := j.Unit(ctx, multiUser)
	switch {
	case err == nil && u.Masked():
		j.moment("sshd does not start with the host: " + multiUser + " is masked")
	case host.IsUnknown(err):
		return nil // facts do not hold it; on a host, sshd's own units say so
	}
	return err
}

// unitFiles are a unit's file and all its drop-ins, see systemd.unit(5): those of its
// other names, of the names that its own begins with up to a dash, of its template and of
// its type. What facts do not hold of them is left out: a change of it shows all the same.
func unitFiles(r host.Reader, u *host.Unit) (string, error) {
	dirs, err := dropInDirs(r)
	if err != nil {
		return "", err
	}
	files := []string{u.Fragment}
	for _, dir := range dirs {
		for _, name := range dropInNames(u) {
			at := path.Join(dir, name+".d")
			names, err := r.ReadDir(at)
			if err != nil && !host.IsUnknown(err) {
				return "", err
			}
			for _, n := range names {
				if path.Ext(n) == ".conf" {
					files = append(files, path.Join(at, n))
				}
			}
		}
	}
	var b strings.Builder
	for _, f := range files {
		if f == "" {
			continue
		}
		data, err := host.ReadThrough(r, f)
		if err != nil && !host.IsUnknown(err) {
			return "", err
		}
		b.Write(data)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// dropInDirs are the directories of drop-ins that are there, but for those that systemd
// itself and its generators write.
func dropInDirs(r host.Reader) ([]string, error) {
	all := append([]string{"/etc/systemd/system.control", "/run/systemd/system.control"}, debian.UnitDirs()...)
	if lib, err := r.Stat("/lib"); err == nil && lib != nil && lib.Type == host.TypeSymlink {
		all = slices.DeleteFunc(all, func(dir string) bool { return dir == debian.ShownUnitDir })
	}
	var out []string
	for _, dir := range all {
		n, err := r.Stat(dir)
		if err != nil && !host.IsUnknown(err) {
			return nil, err
		}
		if n != nil || err != nil {
			out = append(out, dir)
		}
	}
	return out, nil
}

// dropInNames are the names whose drop-ins count for a unit.
func dropInNames(u *host.Unit) []string {
	out := []string{u.Name}
	for _, l := range u.Links {
		if path.Dir(l) == debian.UnitDir {
			out = append(out, path.Base(l))
		}
	}
	if u.Fragment != "" {
		out = append(out, path.Base(u.Fragment))
	}
	ext := path.Ext(u.Name)
	switch u.Name {
	case "ssh.service":
		out = append(out, "sshd.service")
	case "sshd.service":
		out = append(out, "ssh.service")
	}
	if t := debian.TemplateOf(u.Name); t != "" {
		out = append(out, t)
	}
	stem := strings.TrimSuffix(u.Name, ext)
	for i, c := range stem {
		if c == '-' && i+1 < len(stem) {
			out = append(out, stem[:i+1]+ext)
		}
	}
	slices.Sort(out)
	return append(slices.Compact(out), strings.TrimPrefix(ext, "."))
}
