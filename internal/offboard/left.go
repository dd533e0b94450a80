package offboard

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/words"
)

// Left is something that disable-user leaves on a host.
type Left struct {
	What string
	Way  string // what takes it away: a command, or where to look
	// Doubt is set where it may be harmless, or somebody else's.
	Doubt bool
}

// Remains looks for what is left of somebody's access to a host, in order. It is
// looked for where Offboard looks, and in what opsafe does not change.
func (o Offboarding) Remains(ctx context.Context, r host.Reader) ([]Left, error) {
	u, err := r.User(o.Name)
	if err != nil || u == nil {
		return nil, err
	}
	o.know(r)
	var out []Left
	for _, look := range []func(host.Reader, host.User) []Left{
		o.keysLeft, certificatesLeft, namesakes, o.rulesLeft, o.jobsLeft, adminsLeft, mentionsLeft, commandsLeft,
	} {
		out = append(out, look(r, *u)...)
	}
	out = append(out, o.unitsLeft(ctx, r, *u)...)
	return append(out, o.containersLeft(ctx, r)...), nil
}

// Named is what of Remains is certain, and for the person alone: all but what other people's
// containers and the like may hide.
func (o Offboarding) Named(ctx context.Context, r host.Reader) []Left {
	u, err := r.User(o.Name)
	if err != nil || u == nil {
		return nil
	}
	o.know(r)
	var out []Left
	for _, look := range []func(host.Reader, host.User) []Left{o.keysLeft, namesakes, o.rulesLeft, o.jobsLeft, adminsLeft} {
		out = append(out, look(r, *u)...)
	}
	out = append(out, o.unitsLeft(ctx, r, *u)...)
	return slices.DeleteFunc(out, func(l Left) bool { return l.Doubt })
}

// unseen is something that could not be looked at.
func unseen(what string, err error) Left {
	return Left{What: fmt.Sprintf("%s could not be looked at: %v", what, err), Way: "look at it yourself", Doubt: true}
}

func (o Offboarding) keysLeft(r host.Reader, _ host.User) []Left {
	places, err := policy.KeyPlaces(r)
	var out []Left
	if err != nil {
		out = append(out, unseen("sshd's configuration", err))
	}
	for _, p := range places {
		if p.Of(o.Name) {
			continue
		}
		lines, _, err := policy.KeyLines(r, p.Path)
		if err != nil {
			out = append(out, unseen("the keys in "+p.Path, err))
			continue
		}
		for _, l := range lines {
			where := fmt.Sprintf("the key %s is in %s, and %s", l.Fingerprint, p.Path, p.LetsIn())
			switch {
			case l.AuthorityFor(o.Name):
				out = append(out, Left{What: fmt.Sprintf("%s has an authority whose certificates for the principal %s let in", p.Path, o.Name), Way: "take the line out, or the name"})
			case l.Fingerprint == "" || !slices.Contains(o.Keys, l.Fingerprint):
			case o.Shared[l.Fingerprint] != "":
				out = append(out, Left{What: where + "; " + o.Shared[l.Fingerprint] + " lists it", Way: "if that is not the same person: opsafe revoke-key " + l.Fingerprint, Doubt: true})
			case slices.ContainsFunc(p.Accounts, o.listed):
				out = append(out, Left{What: where, Way: "opsafe manage, which puts the file in order; or opsafe revoke-key " + l.Fingerprint})
			default:
				out = append(out, Left{What: where, Way: "opsafe revoke-key " + l.Fingerprint})
			}
		}
	}
	return out
}

// certificatesLeft is what lets in without a key in a file.
func certificatesLeft(r host.Reader, u host.User) []Left {
	authorities, commands := policy.BesideKeys(r)
	var out []Left
	if len(authorities) > 0 {
		out = append(out, Left{
			What: fmt.Sprintf("sshd takes certificates of the authorities in %s: one that was signed for %s may let in as somebody else", strings.Join(authorities, ", "), u.Name),
			Way:  "revoke it: RevokedKeys in sshd_config", Doubt: true,
		})
	}
	if len(commands) > 0 {
		out = append(out, Left{What: "sshd asks " + strings.Join(commands, ", ") + " for keys, too: what it answers is not known", Way: "take theirs out there", Doubt: true})
	}
	return out
}

// namesakes are accounts with the same number, which is the same rights.
func namesakes(r host.Reader, u host.User) []Left {
	users, err := r.Users()
	if err != nil {
		return []Left{unseen("the accounts", err)}
	}
	var out []Left
	for _, other := range users {
		if other.UID != u.UID || other.Name == u.Name {
			continue
		}
		if p, err := r.Password(other.Name); err == nil && p != nil && p.State == host.PasswordLocked && p.Expires == longAgo && other.Shell == noLogin {
			continue // disabled, too
		}
		out = append(out, Left{What: fmt.Sprintf("%s has the same uid, %d", other.Name, u.UID), Way: "opsafe disable-user " + other.Name})
	}
	return out
}

// rulesLeft are rules of sudo's and others that name the person.
func (o Offboarding) rulesLeft(r host.Reader, u host.User) []Left {
	files, err := policy.SudoersNaming(r, u)
	var out []Left
	if err != nil {
		out = append(out, unseen(debian.SudoersDir, err))
	}
	for _, f := range files {
		if f.Unread != nil {
			out = append(out, unseen(f.Path, f.Unread))
			continue
		}
		way := "visudo -f " + f.Path
		if o.declaresRules(f.Path) {
			way = "take it out of the spec"
		}
		for _, number := range f.Named {
			out = append(out, Left{What: fmt.Sprintf("%s:%d is a rule of sudo that names %s", f.Path, number, u.Name), Way: way})
		}
	}
	return out
}

func (o Offboarding) unitsLeft(ctx context.Context, r host.Reader, u host.User) []Left {
	found, err := unitsRunAs(r, u)
	var out []Left
	if err != nil {
		out = append(out, unseen("the system's units", err))
	}
	for _, f := range found {
		way := fmt.Sprintf("systemctl disable --now %s", f.name)
		switch {
		case o.declaresUnit(f.name, f.path):
			way = "change it in the spec"
		case path.Dir(f.path) == transientUnits:
			way = "systemctl stop " + f.name
			if !armed(ctx, r, f) {
				continue // its files go with it
			}
		case f.instance:
			if unit, err := r.Unit(ctx, f.name); err == nil && !unit.Running() && (unit == nil || len(unit.Links) == 0) {
				continue // nobody has made it of the template
			}
		}
		out = append(out, Left{What: fmt.Sprintf("%s runs as %s (%s)", f.name, u.Name, f.path), Way: way})
	}
	return out
}

// armed reports whether a unit, or what starts it, runs.
func armed(ctx context.Context, r host.Reader, f runAs) bool {
	for _, name := range append(slices.Clone(f.starters), f.name) {
		if u, err := r.Unit(ctx, name); err != nil || u.Running() {
			return true
		}
	}
	return false
}

func (o Offboarding) jobsLeft(r host.Reader, u host.User) []Left {
	tables, err := cronTables(r)
	var out []Left
	if err != nil {
		out = append(out, unseen(cronDir, err))
	}
	for _, at := range tables {
		data, err := r.ReadFile(at)
		if err != nil {
			out = append(out, unseen(at, err))
			continue
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			if n++; cronUser(line) == u.Name {
				way := "take the line out"
				if o.declaresFile(at) {
					way = "take it out of the spec"
				}
				out = append(out, Left{What: fmt.Sprintf("%s:%d is a job of %s", at, n, u.Name), Way: way})
			}
		}
	}
	return out
}

// mentionsLeft are files of root's in which the person is named, where that may be
// a right or a job.
func mentionsLeft(r host.Reader, u host.User) []Left {
	files := []string{"/etc/anacrontab", "/etc/doas.conf", "/etc/aliases", "/etc/rc.local", "/etc/security/access.conf", "/etc/samba/smb.conf"}
	for _, dir := range []string{"/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/polkit-1/rules.d", initDir} {
		for _, name := range namesIn(r, dir) {
			files = append(files, path.Join(dir, name))
		}
	}
	var out []Left
	for _, at := range files {
		out = append(out, linesThatName(r, at, u, nil)...)
	}
	return out
}

// containersLeft are those that nothing declares: who might use docker can have
// left root behind in any of them.
func (o Offboarding) containersLeft(ctx context.Context, r host.Reader) []Left {
	all, err := r.Containers(ctx)
	if err != nil {
		return []Left{unseen("docker's containers", err)}
	}
	var names []string
	for _, c := range all {
		if !kind.DeclaresContainer(o.Declared, c) {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	there := words.Count(len(names), "container")
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return []Left{{
		What:  fmt.Sprintf("%s that no spec declares %s there: %s; whoever could use docker or sudo can have made them, and be root in them", there, verb, strings.Join(names, ", ")),
		Way:   "docker inspect NAME, docker rm -f NAME",
		Doubt: true,
	}}
}
