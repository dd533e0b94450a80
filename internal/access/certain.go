package access

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// certainly judges what the guard alone asks about: that all on the way is as it is
// understood. What cannot be read of it cannot be told.
func (j *judge) certainly(ctx context.Context) error {
	looks := []func(context.Context) error{j.packages, j.replaced, j.takenForGranted, j.wrappers, j.boots, j.unit, j.separation, j.trusted}
	if j.user.UID != 0 {
		looks = append(looks, j.sudoWorks)
	}
	for _, look := range looks {
		if err := look(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			j.doubt(err.Error())
		}
	}
	if t, ok := j.Reader.(*traced); ok {
		t.note("groups of "+j.user.Name, j.groups, nil)
	}
	for _, why := range j.doubts {
		if !slices.Contains(j.way.Unknown, why) {
			j.way.Unknown = append(j.way.Unknown, why)
		}
	}
	return nil
}

// doubt is what keeps the guard from telling whether somebody can get in.
func (j *judge) doubt(why string) {
	if !slices.Contains(j.doubts, why) {
		j.doubts = append(j.doubts, why)
	}
}

// packages looks for those that are to go and on which the way rests: sudo, sshd, what
// both ask about people, and the shell. No archive may bring them back.
func (j *judge) packages(context.Context) error {
	names := []string{"openssh-server", "libpam-modules", "libpam-modules-bin", "libpam-runtime", "libpam0g", "passwd", "login", "systemd", "systemd-sysv", "udev", path.Base(j.user.Shell)}
	if j.user.UID != 0 {
		names = append(names, "sudo", "sudo-ldap")
	}
	before := beneath(j.Reader)
	for _, name := range names {
		now, err := j.Package(name)
		if err != nil {
			return err
		}
		if before == nil || now != nil && now.State == host.Installed {
			continue
		}
		if was, err := before.Package(name); err == nil && was != nil && was.State == host.Installed {
			j.way.Login = append(j.way.Login, "the package "+name+" goes, on which it rests")
		}
	}
	return nil
}

// beneath is the host before a plan; nil if there is none.
func beneath(r host.Reader) host.Reader {
	if p := planned(r); p != nil {
		return p.Before()
	}
	return nil
}

// A plan is a reader of the host as it leaves it. To read by it is not noted: what the
// judgement rests on is the same before a plan that alters nothing of it, and after.
type plan interface {
	host.Reader
	host.Planned
}

// planned is the plan by which a reader reads; nil if there is none.
func planned(r host.Reader) plan {
	for {
		switch w := r.(type) {
		case *traced:
			r = w.Reader
		case *cache:
			r = w.Reader
		case plan:
			return w
		default:
			return nil
		}
	}
}

// wrappers judges hosts_access(5), by which Debian's sshd goes.
func (j *judge) wrappers(context.Context) error {
	var lines [2][]string
	for i, at := range []string{"/etc/hosts.allow", "/etc/hosts.deny"} {
		data, err := host.ReadThrough(j.Reader, at)
		if err != nil {
			return err
		}
		for line := range strings.Lines(strings.ReplaceAll(string(data), "\\\n", " ")) {
			daemons, rest, ok := strings.Cut(line, ":")
			if strings.HasPrefix(strings.TrimSpace(line), "#") || !ok {
				continue
			}
			names := strings.FieldsFunc(daemons, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
			if slices.ContainsFunc(names, func(n string) bool { return n == all || n == "EXCEPT" || strings.HasPrefix(n, sshdProgram) }) {
				lines[i] = append(lines[i], strings.Join(strings.Fields(strings.Join(names, " ")+": "+rest), " "))
			}
		}
	}
	allow, deny := lines[0], lines[1]
	everybody := func(list []string) bool {
		return slices.ContainsFunc(list, func(l string) bool { return l == "ALL: ALL" || l == "sshd: ALL" })
	}
	switch {
	case len(deny) == 0 && len(allow) == 0, everybody(allow) && len(allow) == 1:
	case len(allow) == 0 && everybody(deny):
		j.way.Login = append(j.way.Login, "/etc/hosts.deny lets nobody come to sshd: "+strings.Join(deny, "; "))
	default:
		j.doubt("who may come to sshd is not known: /etc/hosts.allow and /etc/hosts.deny say " + strings.Join(append(allow, deny...), "; "))
	}
	return nil
}

// unit judges with what options sshd is started.
func (j *judge) unit(context.Context) error {
	data, err := host.ReadThrough(j.Reader, "/etc/default/ssh")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && name == "SSHD_OPTS" && strings.Trim(value, `"' `) != "" {
			j.doubt("sshd is started with options that opsafe does not know: /etc/default/ssh: " + strings.TrimSpace(line))
		}
	}
	return nil
}

// separation looks whether a plan takes away the directory without which sshd lets nobody
// in, or lets others write it. Its unit makes and removes it as it starts and stops.
func (j *judge) separation(context.Context) error {
	const dir = "/run/sshd"
	after := planned(j.Reader)
	if after == nil {
		return nil
	}
	was, err := after.Before().Stat(dir)
	if err != nil || !separates(was) {
		return nil //nolint:nilerr // as where facts do not hold it
	}
	is, err := after.Stat(dir)
	if err == nil && !separates(is) {
		j.way.Login = append(j.way.Login, "sshd lets nobody in while "+dir+" is not there, or is another's than root's to write")
	}
	return err
}

// separates reports whether sshd takes a directory for the one that it separates itself in.
func separates(n *host.Node) bool {
	return n != nil && n.Type == host.TypeDir && n.Owner == root && n.Access.Mode()&0o022 == 0
}
