package receive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// Forwarder hands entries on from the main queue to those of the deployments.
type Forwarder struct {
	// Root is the directory of queues, notes.Queue.
	Root  string
	Hooks []deployment.Hook
	Log   *slog.Logger
	// Pause is how long it waits after a failure, such as a full disk, and Tries how
	// often it begins anew before it gives up.
	Pause time.Duration
	Tries int
}

// batch is how many entries are brought to the disk together.
const batch = 256

// Run hands on until the main queue is empty. After a failure it waits: systemd would
// begin anew at once.
func (f Forwarder) Run(ctx context.Context) error {
	for try := 1; ; try++ {
		err := f.all()
		if err == nil || try >= f.Tries {
			return err
		}
		f.Log.Error("cannot hand on, and tries again", "why", err.Error())
		timer := time.NewTimer(f.Pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}

func (f Forwarder) main() queue.Dir { return queue.Open(filepath.Join(f.Root, queue.MainName)) }

func (f Forwarder) all() (err error) {
	handled, err := queue.OpenHandled(f.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handled.Close()) }()
	from := f.main()
	if err := from.Sweep(); err != nil {
		return err
	}
	for {
		entries, bad, err := from.List()
		if err != nil || len(entries)+len(bad) == 0 {
			return err
		}
		for _, b := range bad {
			f.Log.Warn("put aside", "file", b.Name, "why", b.Err.Error())
			if err := from.AsideBad(b); err != nil {
				return err
			}
		}
		for len(entries) > 0 {
			n := min(batch, len(entries))
			if err := f.some(from, handled, entries[:n]); err != nil {
				return err
			}
			entries = entries[n:]
		}
	}
}

// some hands a few entries on: first they are where they go, then they are remembered,
// then they are gone from here. What dies in between is begun anew, and then comes to the
// same.
func (f Forwarder) some(from queue.Dir, handled *queue.Handled, entries []queue.Entry) error {
	to := map[string][]queue.Entry{}
	var gone []queue.Entry
	now := map[string]string{} // digests of this batch
	for _, e := range entries {
		e = plain(e)
		was := handled.By(e.Digest)
		if was == "" {
			was = now[e.Digest]
		}
		names, why := f.decide(e)
		switch {
		case e.Digest != "" && was == e.Name: // by one that died before it was gone from here
			gone = append(gone, e)
			continue
		case e.Digest != "" && was != "":
			why = "it is the same as " + was + ", which was handed on"
		}
		if why != "" {
			f.Log.Info("dropped", "entry", e.Name, "repository", e.Repository, "ref", e.Ref, "why", why)
			if err := from.Void(e, why); err != nil {
				return err
			}
			continue
		}
		if e.Digest != "" {
			now[e.Digest] = e.Name
		}
		for _, name := range names {
			to[name] = append(to[name], e)
		}
		gone = append(gone, e)
	}
	for name, some := range to {
		if err := f.put(from, name, some); err != nil {
			return err
		}
	}
	if err := handled.Add(gone...); err != nil {
		return err
	}
	return from.Done(gone...)
}

// plain is an entry without what the receiver's account has no say in: who asked for it,
// and how often it was tried.
func plain(e queue.Entry) queue.Entry {
	e.Tries, e.Reason, e.By = 0, "", byGitHub
	if e.What == queue.Key {
		e.By = byKey
	}
	return e
}

// put writes entries into a deployment's queue. Without one they go aside, and block
// nothing.
func (f Forwarder) put(from queue.Dir, name string, entries []queue.Entry) error {
	err := queue.Open(filepath.Join(f.Root, name)).Put(entries...)
	if err == nil {
		f.Log.Info("handed on", "deployment", name, "entries", len(entries), "last", entries[len(entries)-1].Name)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	why := fmt.Sprintf("deployment %s has no queue: run opsafe manage, which makes it, and then opsafe deploy %s", name, name)
	f.Log.Warn("put aside", "entries", len(entries), "why", why)
	for _, e := range entries {
		if err := from.Aside(e, why); err != nil {
			return err
		}
	}
	return nil
}

const (
	branches = "refs/heads/"
	tags     = "refs/tags/"
)

// decide says for which deployments an entry is; or else why it is for none.
func (f Forwarder) decide(e queue.Entry) (names []string, why string) {
	switch e.What {
	case queue.Ping:
		return nil, "it is a ping"
	case queue.Push:
		return f.pushed(e)
	case queue.Deploy, queue.Rollback, queue.Poll:
		// Root puts these into the deployment's own queue. Here, they are of somebody who
		// has become the receiver's account, and could go back to an old commit.
		return nil, fmt.Sprintf("a %s is not taken from here", e.What)
	case queue.Key:
		for _, h := range f.Hooks {
			if h.Deployment == e.Deployment && h.Key != "" {
				return []string{h.Deployment}, ""
			}
		}
		return nil, fmt.Sprintf("no deployment %q is declared", e.Deployment)
	}
	return nil, fmt.Sprintf("it is a %q, and only pushes deploy", e.Event)
}

func (f Forwarder) pushed(e queue.Entry) (names []string, why string) {
	branch, isBranch := strings.CutPrefix(e.Ref, branches)
	switch {
	case e.Deleted:
		return nil, "it deletes " + e.Ref
	case strings.HasPrefix(e.Ref, tags):
		return nil, "it is a tag"
	case !isBranch:
		return nil, "it is no branch"
	}
	known := false
	for _, h := range f.Hooks {
		if h.Repository == "" || !strings.EqualFold(h.Repository, e.Repository) {
			continue
		}
		known = true
		if h.Ref == branch {
			names = append(names, h.Deployment)
		}
	}
	switch {
	case len(names) > 0:
		return names, ""
	case known:
		return nil, "no deployment has the branch " + branch
	}
	return nil, fmt.Sprintf("no deployment has the repository %q", e.Repository)
}
