package run

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/access"
	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
)

// LockOutFlag lets a change be made after which nobody can get in and become root. It
// has a name that nobody types by mistake.
const LockOutFlag = "allow-locking-out-every-admin"

// WayIn is what has to stay open: for one of those whom the spec names, if there
// are any.
type WayIn struct {
	Declared []string
	// FirstLogin are those of them who are to set a password at their first login.
	FirstLogin []string
	// Unasked says that keys could not be asked for; empty: they could.
	Unasked string
	// MayClose lets the way be closed.
	MayClose bool
}

// Guard finds out whether a command would refuse a plan, and puts that into the plan.
// What it cannot tell becomes a note of the plan's. Without root too little could be
// seen.
func (r *Runner) Guard(ctx context.Context, plan *Plan, way WayIn, command string) {
	if plan.Summary.Changes() == 0 || !r.Root {
		return
	}
	noting := *r
	noting.Note = func(text string) { plan.HostNotes = append(plan.HostNotes, text) }
	if _, err := noting.guard(ctx, plan.After, way, false); err != nil {
		plan.Refused = fmt.Sprintf("%s would refuse this: %v", command, err)
	}
}

// Refused is a plan that has been shown, and that would not be carried out.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

// refused is the error of a plan that would not be carried out; nil: it would be.
func refused(rep *converge.Report) error {
	if rep.Refused == "" {
		return nil
	}
	return &Refused{Why: rep.Refused}
}

// guard refuses changes after which nobody could get in and become root; also those of
// which that cannot be told, unless they come back by themselves. Before is the host
// as it is. It returns what there is to say of the ways in; nil: it was not asked.
func (r *Runner) guard(ctx context.Context, after host.Reader, way WayIn, comesBack bool) (*access.Answer, error) {
	if way.MayClose {
		return nil, nil
	}
	answer, err := access.FindLockOut(ctx, access.Question{Before: r.Host, After: after, Declared: way.Declared, FirstLogin: way.FirstLogin, Now: r.Now()})
	if err != nil {
		return nil, err
	}
	for _, why := range answer.Untold {
		r.note("whether an admin can get in afterwards cannot be told beforehand: %s", why)
	}
	found := answer.LockOut
	switch {
	case found == nil:
		return answer, nil
	case r.Recorded != nil && slices.ContainsFunc(found.Lost, func(l access.Loss) bool { return l.After.Unrecorded() }):
		r.note("whether an admin can get in afterwards cannot be told from the recorded facts:%s", losses(found))
		return answer, nil
	case found.Unsure() && comesBack:
		r.note("whether an admin can get in afterwards cannot be told beforehand:%s", losses(found))
		return answer, nil
	case found.Unsure():
		return nil, fmt.Errorf("it cannot be told whether afterwards anybody could log in with a key and become root%s%s\n"+
			"with --confirm 2m it is tried, and comes back by itself unless you confirm from a new session; or leave out what is named; or, if you are sure: --%s", losses(found), way.Unasked, LockOutFlag)
	}
	return nil, fmt.Errorf("afterwards, %s could log in with a key and become root%s%s\nmend that first; or, if it is what you want: --%s", nobody(found), losses(found), way.Unasked, LockOutFlag)
}

// UnaskedKeys says why there are no keys of people whose keys a server has, and what
// to do about it; empty if all could be asked for.
func UnaskedKeys(keys map[string]roster.KeySet) string {
	var names []string
	var why error
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if keys[name].Unasked {
			names = append(names, name)
			if why == nil {
				why = keys[name].Problem
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("\nthe cause may be that the key server could not be asked (%d people): %v\n"+
		"let this host reach it first, as with opsafe manage --only file//etc/hosts; or put keys into keys/NAME, or pin them with opsafe keys update", len(names), why)
}

func nobody(l *access.LockOut) string {
	if l.Named {
		return "nobody whom the spec names"
	}
	return "nobody"
}

func losses(l *access.LockOut) string {
	var b strings.Builder
	for _, line := range l.Lines() {
		fmt.Fprintf(&b, "\n  %s", line)
	}
	return b.String()
}

// Summarize works out who gains and who loses what by the changes of a plan. Without
// root too little could be seen. That it cannot be worked out hinders no run: nobody
// may get in the way of one that is about them.
func (r *Runner) Summarize(ctx context.Context, plan *Plan, declared []string) {
	if !r.Root || plan.Summary.Changes() == 0 || plan.Interrupted {
		return
	}
	paths, stand := RuledPaths(plan.Report, nil)
	sum, err := access.Summarize(ctx, access.Question{Before: r.Host, After: plan.After, Declared: declared, Now: r.Now(), Stand: stand}, paths)
	if err != nil {
		r.note("who gains and who loses what cannot be told: %v", err)
		return
	}
	sum.Unknown = slices.Concat(sum.Unknown, laterRights(plan.Report), unjudgedDoors(plan))
	slices.Sort(sum.Unknown)
	plan.Access = sum
}

// laterRights says at which paths nobody can tell yet who may do what.
func laterRights(plan *converge.Report) []string {
	var out []string
	table := kinds.ByName()
	for _, r := range plan.Results {
		if table[r.ID.Kind].Rules && r.Change.Deferred != "" {
			out = append(out, "who may do what at "+r.ID.Name+" is known after apply")
		}
	}
	return out
}

// RuledPaths are the directories of which a spec says who may do what, and what a
// plan gives to others or takes from them: of trees, a path of each sort below, and for
// how many it stands. Former are those that the spec does not declare any more.
func RuledPaths(plan *converge.Report, former []string) (out []string, stand map[string]int) {
	stand = map[string]int{}
	table := kinds.ByName()
	for _, r := range plan.Results {
		switch k := table[r.ID.Kind]; {
		case !path.IsAbs(r.ID.Name), r.Change.Deferred != "":
		case len(r.Change.Samples) > 0:
			for _, s := range r.Change.Samples {
				out = append(out, s.Path)
				stand[s.Path] = max(stand[s.Path], s.Count) // of two rules for one tree
			}
		case k.Rules && !strings.HasSuffix(r.ID.Name, "/**"), k.ByPath && !k.Rules && changesRights(r.Change):
			out = append(out, r.ID.Name)
		}
	}
	for _, id := range former {
		if of, at, _ := strings.Cut(id, "/"); table[of].Rules && !strings.HasSuffix(at, "/**") {
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), stand
}

// changesRights reports whether a file that is there goes to somebody else, or is
// opened or closed.
func changesRights(c change.Change) bool {
	return c.Action == change.Modify && slices.ContainsFunc(c.Attrs, func(a change.Attr) bool {
		return slices.Contains([]string{"owner", "group", "mode", "mask", "entry of the owning group"}, a.Name) || strings.Contains(a.Name, ":")
	})
}
