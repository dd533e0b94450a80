package cli

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/access"
	"opsafe/internal/converge"
	"opsafe/internal/host"
)

// lockOutFlag has a name that nobody types by mistake.
const lockOutFlag = "allow-locking-out-every-admin"

// lockOut lets a change be made after which nobody can get in and become root.
type lockOut struct{ allowed bool }

func (l *lockOut) addLockOut(c *cobra.Command) {
	c.Flags().BoolVar(&l.allowed, lockOutFlag, false, "go on even if nobody could log in with a key and become root afterwards")
}

// wayIn is what has to stay open: for one of those whom the spec names, if there
// are any.
type wayIn struct {
	declared []string
	lockOut
}

// guard refuses changes after which nobody could get in and become root. Before
// is the host as it is.
func (a *App) guard(ctx context.Context, after host.Reader, way wayIn) error {
	if way.allowed {
		return nil
	}
	found, unsure, err := access.FindLockOut(ctx, access.Question{Before: a.Host, After: after, Declared: way.declared, Now: a.Now()})
	if err != nil {
		return err
	}
	for _, why := range unsure {
		note(a.Err, "whether an admin can get in afterwards cannot be told beforehand: %s", why)
	}
	if found == nil {
		return nil
	}
	if a.record != nil && slices.ContainsFunc(found.Lost, func(l access.Loss) bool { return len(l.After.Unknown) > 0 }) {
		note(a.Err, "whether an admin can get in afterwards cannot be told from the recorded facts:%s", losses(found))
		return nil
	}
	return fmt.Errorf("nothing has been changed: afterwards, %s could log in with a key and become root%s\nmend that first; or, if it is what you want: --%s", nobody(found), losses(found), lockOutFlag)
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

// summarize works out who gains and who loses what by the changes of a plan. After
// is the host as the plan leaves it. Without root too little could be seen. That it
// cannot be worked out hinders no run: nobody may get in the way of one that is
// about them.
func (a *App) summarize(ctx context.Context, plan *converge.Report, after host.Reader, declared []string) {
	if !a.Root || plan.Summary.Changes() == 0 || plan.Interrupted {
		return
	}
	sum, err := access.Summarize(ctx, access.Question{Before: a.Host, After: after, Declared: declared, Now: a.Now()}, ruledPaths(plan))
	if err != nil {
		note(a.Err, "who gains and who loses what cannot be told: %v", err)
		return
	}
	plan.Access = sum
}

// ruledPaths are the directories of which a spec says who may do what.
func ruledPaths(plan *converge.Report) []string {
	var out []string
	for _, r := range plan.Results {
		if (r.ID.Kind == "directory" || r.ID.Kind == "acl") && path.IsAbs(r.ID.Name) && !strings.HasSuffix(r.ID.Name, "/**") {
			out = append(out, r.ID.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// proveWayIn looks, after a run, whether what was predicted has come true.
func (a *App) proveWayIn(ctx context.Context, way wayIn) error {
	if way.allowed {
		return nil
	}
	found, _, err := access.FindLockOut(ctx, access.Question{Before: a.Host, After: a.Host, Declared: way.declared, Now: a.Now()})
	if err != nil || found == nil {
		return err
	}
	return fmt.Errorf("do not leave this host before it is mended: %s can log in with a key and become root now, although it looked otherwise%s", nobody(found), losses(found))
}
