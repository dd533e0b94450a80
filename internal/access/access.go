// Package access works out who can get into a host with a key and become root on
// it: from accounts, keys, what sshd says of its configuration for them, and what
// sudo reads in its rules. It only reads, so it answers for a host as it is and,
// on an overlay, for the host as a plan would leave it.
package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// Way is what stands between somebody and being root, coming from outside with a
// key.
type Way struct {
	Name string
	// Login and Root say, in words, what keeps them from logging in with a key,
	// and from becoming root once they are in; empty for nothing.
	Login, Root []string
	// Unknown is what could not be told.
	Unknown []string
}

// Open reports whether they can certainly do both.
func (w Way) Open() bool { return len(w.Login)+len(w.Root)+len(w.Unknown) == 0 }

// Judge looks for the way of one person. The error is one of reading the host
// that leaves nothing to be said.
func Judge(ctx context.Context, r host.Reader, name string, now time.Time) (Way, error) {
	j, err := look(ctx, r, name, now)
	if err != nil {
		return Way{}, err
	}
	return j.way, nil
}

// look finds out all that there is to say of one person.
func look(ctx context.Context, r host.Reader, name string, now time.Time) (*judge, error) {
	j := &judge{Reader: r, now: now, way: Way{Name: name}}
	u, err := r.User(name)
	if err != nil {
		return nil, err
	}
	if u == nil {
		j.noLogin(noAccount)
		j.noRoot(noAccount)
		return j, nil
	}
	j.user = *u
	if err := j.groupNames(); err != nil {
		return nil, err
	}
	for i, look := range []func(context.Context) error{j.account, j.ssh, j.sudo} {
		if err := look(ctx); err != nil {
			if !host.IsUnknown(err) {
				return nil, err
			}
			j.way.Unknown = append(j.way.Unknown, err.Error())
			j.loginUnsure = j.loginUnsure || i < 2
		}
	}
	return j, nil
}

const noAccount = "there is no such account"

type judge struct {
	host.Reader
	now      time.Time
	user     host.User
	groups   []string // names, the primary group's first
	gids     []int
	password host.Password
	way      Way

	usable     []roster.Key // keys that sshd accepts
	byPassword bool         // sshd lets them in with a password
	may        []string     // what sudo lets them do, in words
	everything bool         // sudo lets them run everything as root
	free       bool         // without asking for a password

	loginUnsure bool // whether they can log in cannot be told
}

func (j *judge) noLogin(why string) { j.way.Login = append(j.way.Login, why) }

func (j *judge) noRoot(why string) { j.way.Root = append(j.way.Root, why) }

func (j *judge) groupNames() error {
	all, err := j.Groups()
	if err != nil {
		return err
	}
	var names []string
	var gids []int
	for _, g := range all {
		switch {
		case g.GID == j.user.GID:
			names, gids = append([]string{g.Name}, names...), append([]int{g.GID}, gids...)
		case slices.Contains(g.Members, j.user.Name):
			names, gids = append(names, g.Name), append(gids, g.GID)
		}
	}
	j.groups, j.gids = names, gids
	return nil
}

// account judges what a login asks of the account itself.
func (j *judge) account(context.Context) error {
	p, err := j.Password(j.user.Name)
	if err != nil {
		return err
	}
	if p == nil {
		j.noLogin("it has no line in /etc/shadow")
		return nil
	}
	j.password = *p
	const day = 24 * 60 * 60
	if p.Expires >= 0 && j.now.Unix()/day >= int64(p.Expires) {
		j.noLogin("the account expired on " + time.Unix(int64(p.Expires)*day, 0).UTC().Format(time.DateOnly))
	}
	return j.shell()
}

func (j *judge) shell() error {
	shell := j.user.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	if base := shell[strings.LastIndex(shell, "/")+1:]; base == "nologin" || base == "false" {
		j.noLogin("the shell is " + shell)
		return nil
	}
	n, err := j.Stat(shell)
	for hops := 0; err == nil && n != nil && n.Type == host.TypeSymlink && hops < 8; hops++ {
		n, err = j.Stat(target(shell, n.Target))
	}
	switch {
	case err != nil:
		return err
	case n == nil:
		j.noLogin("the shell " + shell + " is not there")
	case n.Type != host.TypeFile || n.Access.Mode()&0o111 == 0:
		j.noLogin("the shell " + shell + " cannot be run")
	}
	return nil
}

// target is where a link leads that is at path.
func target(path, to string) string {
	if strings.HasPrefix(to, "/") {
		return to
	}
	return path[:strings.LastIndex(path, "/")+1] + to
}
