package deploy

import (
	"context"
	"fmt"
	"strings"
)

// rollback goes back to the release before the one that counts, or to a kept one that is
// named.
func (w *Worker) rollback(ctx context.Context, to string, res *Result) error {
	res.From = w.state.revision()
	target := w.state.Former
	if to != "" {
		var err error
		if target, err = w.kept(to); err != nil {
			return err
		}
	}
	if res.From == "" {
		return &RefusedError{Why: "nothing is in service yet"}
	}
	if target == "" || w.state.release(target) == nil {
		return &RefusedError{Why: "there is no release before the one in service, " + res.From + ": " + w.otherReleases()}
	}
	res.Revision = target
	if target == res.From {
		res.Outcome, res.Reason = Unchanged, "it is in service already"
		return nil
	}
	if !w.there(target) {
		return &RefusedError{Why: w.releaseDir(target) + " is not there any more: " + w.otherReleases()}
	}
	w.say("going back to %s", target)
	return w.attempt(ctx, &Attempt{What: res.What, Revision: target, From: res.From, Phase: Building, Began: res.Began, Entries: res.Entries}, res)
}

// kept finds a release by the first digits of its commit.
func (w *Worker) kept(revision string) (string, error) {
	var found []string
	for _, r := range w.state.Releases {
		if strings.HasPrefix(r.Revision, revision) {
			found = append(found, r.Revision)
		}
	}
	switch len(found) {
	case 0:
		return "", &RefusedError{Why: fmt.Sprintf("no release is kept of %s: %s", revision, w.otherReleases())}
	case 1:
		return found[0], nil
	}
	return "", &RefusedError{Why: fmt.Sprintf("more than one release that is kept begins with %s: %s", revision, strings.Join(found, ", "))}
}

// otherReleases says which releases there are beside the one that counts.
func (w *Worker) otherReleases() string {
	var others []string
	for _, r := range w.state.Releases {
		if r.Revision != w.state.revision() {
			others = append(others, r.Revision)
		}
	}
	if len(others) == 0 {
		return "no other is kept (keep says how many are)"
	}
	return "kept are " + strings.Join(others, ", ") + ", which opsafe rollback --to goes to, and opsafe deploy --ref has any other made"
}
