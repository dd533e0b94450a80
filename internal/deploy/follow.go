package deploy

import (
	"context"
	"path"

	"opsafe/internal/host"
	"opsafe/internal/queue"
)

// follow deploys what the remote has.
func (w *Worker) follow(ctx context.Context, ref string, asked bool, res *Result) error {
	revision, err := w.fetch(ctx, ref)
	if err != nil {
		return err
	}
	res.Revision, res.From = revision, w.state.revision()
	followed := w.state.Followed
	lost := asked && revision == res.From && !w.inService(revision)
	if lost {
		w.say("%s was deployed, and %s does not lead to it any more, or it is gone", revision, w.current())
	}
	switch {
	case revision == res.From && !lost:
		res.Outcome, res.Reason = Unchanged, "it is deployed already"
	case ref != "":
	case revision == followed && res.What != queue.Deploy && !lost:
		res.Outcome, res.Reason = Unchanged, "it was deployed before, and another was asked for since: opsafe deploy brings it back"
	case !asked && w.state.Failed != nil && w.state.Failed.Revision == revision:
		res.Outcome, res.Reason = Unchanged, "it has failed before: opsafe deploy, or a new commit, tries again"
		res.Quiet = true
	case followed != "" && revision != followed:
		if err := w.forward(ctx, followed, revision); err != nil {
			return err
		}
	}
	if res.Outcome == Unchanged {
		w.say("%s: %s", revision, res.Reason)
		return nil
	}
	if w.Announce != nil {
		w.Announce(revision, "pending", "being deployed")
	}
	if err := w.judge(ctx, revision); err != nil {
		return err
	}
	w.say("deploying %s", revision)
	a := &Attempt{What: res.What, Revision: revision, From: res.From, Phase: Building, Began: res.Began, Entries: res.Entries, Follows: ref == ""}
	return w.attempt(ctx, a, res)
}

// takeOver takes what the link leads to for the release in service, where the state knows
// none: the deployment had another name before, or its state is lost. Otherwise what fails
// next would have nothing to go back to.
func (w *Worker) takeOver(ctx context.Context) error {
	if w.Config.Source() == "" || w.state.Deployed != nil {
		return nil
	}
	link, err := w.Machine.Stat(w.current())
	if err != nil || link == nil {
		return err
	}
	revision := path.Base(link.Target)
	if !commitName().MatchString(revision) || !w.inService(revision) {
		return nil
	}
	w.say("%s is in service already", revision)
	w.state.Deployed = &Release{Revision: revision, Since: w.Now()}
	w.state.Releases = []Release{*w.state.Deployed}
	return w.save(ctx)
}

// inService reports whether the link leads to a release that is there.
func (w *Worker) inService(revision string) bool {
	link, err := w.Machine.Stat(w.current())
	return err == nil && link != nil && link.Target == w.target(revision) && w.there(revision)
}

// there reports whether a release has its directory.
func (w *Worker) there(revision string) bool {
	n, err := w.Machine.Stat(w.releaseDir(revision))
	return err == nil && n != nil && n.Type == host.TypeDir
}
