package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// gate is what keeps somebody out. If it is not sure, the guard counts on it, and
// nobody else does.
type gate struct {
	why  string
	sure bool
	// passing says that it is so for the moment alone, and nobody's loss that was so
	// before a change.
	passing bool
}

func whys(gates []gate) []string {
	var out []string
	for _, g := range gates {
		out = append(out, g.why)
	}
	return out
}

// lasting are the gates that do not go by themselves, passing the others.
func lasting(gates []gate) []gate {
	return slices.DeleteFunc(slices.Clone(gates), func(g gate) bool { return g.passing })
}

func passing(gates []gate) []gate {
	return slices.DeleteFunc(slices.Clone(gates), func(g gate) bool { return !g.passing })
}

func shut(gates []gate) bool { return slices.ContainsFunc(gates, func(g gate) bool { return g.sure }) }

// passage is how sshd receives somebody who comes from one place.
type passage struct {
	*judge
	config sshdConfig
	gates  []gate // of every login by ssh
	keys   []gate // of those with a key
	doors  []Door
	usable []roster.Key // those that certainly give a session with a terminal
	froms  []string     // of each of them, from where sshd takes it; empty: from anywhere
	why    []string     // there is none of them
	unread []string     // key files that could not be read
	unsure []string     // what may keep the keys out that were found
	doubts []string     // what may do so by all that the guard knows
	wanted int          // how many keys sshd asks for
	// asksPAM is set if sshd asks them for a password, too, of which PAM decides.
	asksPAM bool
}

func (p *passage) gate(why string, sure bool) { p.gates = append(p.gates, gate{why: why, sure: sure}) }

// ssh judges whether sshd admits them, and by what. A door is open if it is so from
// anywhere.
func (j *judge) ssh(ctx context.Context) error {
	runs, err := j.running(ctx)
	if err != nil {
		return err
	}
	if !runs {
		j.gates = append(j.gates, gate{why: "sshd does not run: neither ssh.service nor ssh.socket is active, and no other unit runs it", sure: true, passing: true})
	}
	here, err := j.passage(ctx, fromHere)
	if err != nil {
		j.assume(sshdAssumed())
		if !runs && host.IsUnknown(err) {
			j.doubt(err.Error())
			return nil
		}
	}
	if here == nil || err != nil {
		return err
	}
	j.listens = here.config["listenaddress"]
	j.why = append(j.why, here.shut()...)
	j.doors = here.open()
	passages := []*passage{here}
	text, err := once(j.Reader, "text of sshd's configuration", func(t *traced) (string, error) { return sshdText(t) })
	if err != nil {
		j.doubt(err.Error())
	}
	if keysInMatch(text) || !accepted("ssh-ed25519", here.keyTypes()) {
		j.way.Untried = true
	}
	connections, doubts := elsewhere(text)
	for _, why := range doubts {
		j.doubt(why)
	}
	for i, from := range connections {
		there, err := j.passage(ctx, from)
		if err != nil || there == nil {
			return err
		}
		if i == 0 {
			passages = nil // nobody comes from the host itself
		}
		passages = append(passages, there)
		for _, d := range there.open() {
			if !slices.ContainsFunc(j.doors, d.same) {
				d.Limits = append(d.Limits, "from where a Match block of sshd says")
				j.doors = append(j.doors, d)
			}
		}
	}
	j.throughAny(passages)
	return nil
}

// throughAny is the guard's judgement of how sshd receives them: where it differs by
// where somebody comes from, it cannot be told whether they can come from there.
func (j *judge) throughAny(passages []*passage) {
	var no []string
	shut := 0
	for _, p := range passages {
		reasons, unsure := p.verdict()
		if len(reasons) > 0 {
			shut++
			no = reasons
		}
		for _, why := range unsure {
			if !slices.Contains(j.way.Unknown, why) {
				j.way.Unknown = append(j.way.Unknown, why)
			}
		}
		for _, why := range p.doubts {
			j.doubt(why)
		}
		for _, g := range passing(p.gates) {
			j.moment(g.why)
		}
	}
	switch {
	case shut == len(passages):
		j.way.Login = append(j.way.Login, no...)
	case shut > 0:
		j.doubt("it depends on where they come from: from some places, " + strings.Join(no, "; "))
	}
}

// verdict is why sshd does not let them in with a key, and what cannot be told of that.
func (p *passage) verdict() (no, unsure []string) {
	no = slices.Concat(whys(lasting(p.gates)), whys(p.keys))
	switch {
	case len(p.usable) > 0 && len(p.usable) < p.wanted:
		no = append(no, fmt.Sprintf("sshd asks for %d keys, and takes %d of theirs", p.wanted, len(p.usable)))
	case len(p.usable) > 0:
	case len(p.unread) > 0:
		unsure = append(unsure, p.unread...)
	default:
		no = append(no, p.why...)
	}
	return no, append(unsure, p.unsure...)
}

// assume judges them by a configuration that is likely, where sshd cannot be asked:
// what keeps them out by it, keeps them out.
func (j *judge) assume(config sshdConfig) {
	p := &passage{judge: j, config: config}
	p.account()
	p.readKeys()
	j.way.Likely, _ = p.verdict()
}

// passage is how sshd receives somebody; nil if its configuration is refused.
func (j *judge) passage(ctx context.Context, from string) (*passage, error) {
	config, err := j.sshdFor(ctx, from)
	var refused *host.CheckError
	switch {
	case host.IsUnknown(err):
		return nil, err
	case errors.As(err, &refused):
		j.gate("its configuration is wrong: "+refused.Error(), true)
		return nil, nil
	case err != nil:
		return nil, err
	}
	p := &passage{judge: j, config: config}
	p.root()
	p.account()
	p.lists()
	if j.user.UID != 0 {
		if err := p.openToAll(); err != nil {
			return nil, err
		}
	}
	if !config.is("pubkeyauthentication", yes) {
		p.keys = append(p.keys, gate{why: "sshd does not take keys from them (PubkeyAuthentication)", sure: true})
	}
	p.methods()
	p.readKeys()
	p.certificates()
	p.others()
	p.byPassword()
	p.settings()
	if p.config.is("usepam", yes) {
		return p, p.pam()
	}
	return p, nil
}

// shut is what certainly keeps everybody out who comes with a key.
func (p *passage) shut() []string {
	var out []string
	for _, g := range slices.Concat(p.gates, p.keys) {
		if g.sure {
			out = append(out, g.why)
		}
	}
	if len(out) == 0 && len(p.doors) == 0 {
		return p.why
	}
	return out
}

// open are the doors that no gate is before.
func (p *passage) open() []Door {
	if shut(p.gates) || shut(p.judge.gates) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.doors), func(d Door) bool {
		byKey := d.By != ByPassword && d.By != ByHost && d.By != ByTicket
		return d.Use == UseNothing && d.Doubt == "" || byKey && shut(p.keys)
	})
}

// root is what sshd says of root alone.
func (p *passage) root() {
	if p.user.UID == 0 && !slices.ContainsFunc([]string{yes, "without-password", "prohibit-password"}, func(v string) bool {
		return p.config.is("permitrootlogin", v)
	}) {
		p.gate("sshd does not let root in (PermitRootLogin)", !p.config.is("permitrootlogin", "forced-commands-only"))
	}
}

// account is what sshd asks of the account itself.
func (p *passage) account() {
	pam := p.config.is("usepam", yes)
	switch {
	case p.password.State != host.PasswordLocked:
	case !pam:
		// Of a field with * it does not say so, and the two look alike here.
		p.gate("the account is locked, and sshd asks nobody else (UsePAM no)", false)
	case p.password.MustChange:
		p.gate("the next login has to set a new password, and the account is locked", true)
	}
}

// openToAll looks for the files by which an administrator keeps everybody but
// root out, see nologin(5).
func (p *passage) openToAll() error {
	for _, at := range []string{"/etc/nologin", "/run/nologin"} {
		n, err := p.Stat(at)
		if err != nil {
			return err
		}
		if n != nil {
			p.gates = append(p.gates, gate{why: at + " keeps everybody but root out", sure: p.config.is("usepam", yes), passing: true})
		}
	}
	return nil
}
