// Package access works out who can get into a host and become root on it: from
// accounts, keys, what sshd says of its configuration for them, and what
// sudo reads in its rules. It only reads, so it answers for a host as it is and,
// on an overlay, for the host as a plan would leave it.
//
// It answers two questions of opposite caution from one reading: whether somebody
// can certainly get in and become root (Judge; doubt is no), and by what anybody
// could get in as an account (Of; doubt is yes, and named).
package access

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
)

// Way is what stands between somebody and being root, coming from outside with a
// key. It is the question of the guard, for which doubt is no.
type Way struct {
	Name string
	// Login and Root say, in words, what keeps them from logging in with a key,
	// and from becoming root once they are in; empty for nothing.
	Login, Root []string
	// Unknown is what could not be told.
	Unknown []string
	// Moment is what shuts the way for the moment alone, as that sshd is stopped. It
	// counts where a change brings it.
	Moment []string
	// Likely is what shuts the way if sshd's configuration, which cannot be asked for,
	// is Debian's. It counts against who may have had a way before.
	Likely []string
	// Trusted is what may shut the way and is not judged, by what it is: it counts where
	// a change alters it.
	Trusted map[string]Trust
	// Unjudged are those of Unknown that say what a change alters of that.
	Unjudged []string
	// Listens are the addresses and ports at which sshd answers, as far as anybody may
	// come to them; nil if it could not be asked.
	Listens []string
	// KeyFiles are where sshd finds a key of theirs that it takes. Untried is set if
	// a key that is made for that could not try the way: sshd asks for more, or for a
	// new password, or looks for keys where one user's are.
	KeyFiles []string
	Untried  bool
	// Seen is a digest of all that the judgement rests on.
	Seen string
	// Locked is set if all that keeps them from becoming root is a locked password.
	Locked bool
}

// Verdict is whether somebody can get in and become root.
type Verdict string

// The verdicts, on what lasts. A way of which all that is known is open, but not all
// is known, cannot be told.
const (
	Open       Verdict = "open"
	Shut       Verdict = "shut"
	CannotTell Verdict = "cannot be told"
)

// Verdict says whether they can do both.
func (w Way) Verdict() Verdict {
	switch {
	case len(w.Login)+len(w.Root) > 0:
		return Shut
	case len(w.Unknown) > 0:
		return CannotTell
	}
	return Open
}

// Open reports whether they can certainly do both.
func (w Way) Open() bool { return w.Verdict() == Open }

// Judge looks for the way of one person. The error is one of reading the host
// that leaves nothing to be said of anybody.
func Judge(ctx context.Context, r host.Reader, name string, now time.Time) (Way, error) {
	seen := newTraced(r)
	j, err := look(ctx, seen, name, now)
	if err != nil {
		return Way{}, err
	}
	if j.user.Name != "" {
		if err := j.certainly(ctx); err != nil {
			return Way{}, err
		}
	}
	j.way.Seen = seen.digest()
	return j.way, nil
}

// look finds out all that there is to say of one person. What cannot be judged of
// them is unknown of them alone.
func look(ctx context.Context, r host.Reader, name string, now time.Time) (*judge, error) {
	j := &judge{Reader: r, now: now, way: Way{Name: name}}
	u, err := r.User(name)
	if err != nil {
		return nil, err
	}
	if u == nil {
		j.way.Login, j.way.Root = []string{noAccount}, []string{noAccount}
		return j, nil
	}
	j.user, j.way.Trusted = *u, map[string]Trust{}
	if err := j.groupNames(); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		look   func(context.Context) error
		unsure *bool
	}{{j.account, &j.loginUnsure}, {j.ssh, &j.loginUnsure}, {j.sudo, &j.sudoUnsure}} {
		if err := part.look(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			j.way.Unknown = append(j.way.Unknown, err.Error())
			*part.unsure = true
		}
	}
	j.way.Login = append(whys(lasting(j.gates)), j.way.Login...)
	for _, g := range passing(j.gates) {
		j.moment(g.why)
	}
	j.console(ctx)
	return j, nil
}

const noAccount = "there is no such account"

// judge is one reading of what there is to say of somebody, for both questions: way
// is the guard's, and the doors are everybody's who may use them.
type judge struct {
	host.Reader
	now      time.Time
	user     host.User
	groups   []string // names, the primary group's first
	gids     []int
	password host.Password
	way      Way

	gates   []gate // of every login
	noShell bool   // the shell ends at once
	doors   []Door
	why     []string // sshd lets nobody in

	may        []string // what sudo lets them do, in words
	everything bool     // sudo lets them run everything as root
	free       bool     // without asking for a password
	unset      bool     // sudo asks for a password, and they have none to give
	logs       sudoLogs // what sudo writes down of it

	loginUnsure, sudoUnsure bool // it cannot be told

	doubts  []string // of the guard alone
	listens []string // where sshd does, as far as it can be asked
}

func (j *judge) gate(why string, sure bool) { j.gates = append(j.gates, gate{why: why, sure: sure}) }

// moment is what keeps them out for now.
func (j *judge) moment(why string) {
	if !slices.Contains(j.way.Moment, why) {
		j.way.Moment = append(j.way.Moment, why)
	}
}

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
		j.gate("it has no line in /etc/shadow", true)
		return nil
	}
	j.password = *p
	j.way.Untried = p.Stale(int(j.now.Unix() / (24 * 60 * 60)))
	if p.Missing {
		j.gate("it has no line in /etc/shadow", true)
	}
	const day = 24 * 60 * 60
	today := int(j.now.Unix() / day)
	switch {
	case p.Shut(today):
		j.gate("its password ran out so long ago that the account is shut: set a new one with passwd "+j.user.Name, true)
	case p.Stuck(today):
		j.gate("it has to set a new password at the next login, and there is none that it could give before: chage -d today is the way, or passwd", true)
	}
	if p.Expires >= 0 && j.now.Unix()/day >= int64(p.Expires) {
		j.gate("the account expired on "+time.Unix(int64(p.Expires)*day, 0).UTC().Format(time.DateOnly), true)
	}
	if err := j.runnable(); err != nil {
		return err
	}
	return j.shell()
}

func (j *judge) shell() error {
	shell := cmp.Or(j.user.Shell, defaultShell)
	at := shell
	n, err := j.Stat(at)
	for hops := 0; err == nil && n != nil && n.Type == host.TypeSymlink && hops < 8; hops++ {
		at = target(at, n.Target)
		n, err = j.Stat(at)
	}
	switch {
	case endsAtOnce(shell) || endsAtOnce(at):
		j.noShell = true
		j.gate("the shell is "+shell, false)
	case err != nil:
		return err
	case n == nil:
		j.gate("the shell "+shell+" is not there", true)
	case n.Type != host.TypeFile || n.Access.Mode()&0o111 == 0:
		j.gate("the shell "+shell+" cannot be run", true)
	default:
		why, err := j.reach(shell, host.Execute)
		if err != nil {
			return err
		}
		if why != "" {
			j.gate("the shell cannot be started: "+why, true)
		}
	}
	return nil
}

// defaultShell is that of an account which names none, see passwd(5).
const defaultShell = "/bin/sh"

// endsAtOnce knows the programs that stand for having no shell.
func endsAtOnce(shell string) bool {
	return slices.Contains([]string{"nologin", "false", "true", "sync", "halt", "shutdown"}, path.Base(shell))
}

// console looks whether a password lets somebody in at the console, by su or by a
// remote desktop. An empty one lets in whoever comes first.
func (j *judge) console(ctx context.Context) {
	if shut(j.gates) || j.noShell || j.password.State != host.PasswordSet && j.password.State != host.PasswordEmpty {
		return
	}
	what := "password"
	switch {
	case j.password.State == host.PasswordEmpty && j.password.MustChange:
		what = "empty password, to be set at the first login,"
	case j.password.State == host.PasswordEmpty:
		what = "empty password"
	}
	where := " at the console, by su"
	if u, err := j.Unit(ctx, "xrdp.service"); err == nil && u.Running() {
		where += ", by RDP"
	}
	j.doors = append(j.doors, Door{By: ByPassword, At: what + where, Use: UseShell})
}

// target is where a link leads that is at path.
func target(path, to string) string {
	if strings.HasPrefix(to, "/") {
		return to
	}
	return path[:strings.LastIndex(path, "/")+1] + to
}
