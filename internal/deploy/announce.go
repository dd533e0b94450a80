package deploy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"opsafe/internal/kind/deployment"
)

// Announcer tells GitHub what comes of commits, in the order in which it is told. It is
// never in the way: what cannot be told in a few tries is said, and left.
type Announcer struct {
	said chan announcement
	done chan struct{}
	// giveUp ends what is being told, Patience after there is nothing else left to do.
	giveUp   context.CancelFunc
	patience time.Duration
}

type announcement struct{ revision, state, why string }

// Announcing is what an Announcer needs.
type Announcing struct {
	Config deployment.StatusConfig
	Name   string // of the deployment
	Read   func(path string) ([]byte, error)
	Wait   func(context.Context, time.Duration) error
	Say    func(string)
	// Patience is how long Close waits at most for what is still to be told: so long
	// nothing else is deployed.
	Patience time.Duration
}

// NewAnnouncer makes one. Close ends it.
func NewAnnouncer(ctx context.Context, o Announcing) *Announcer {
	const most = 100
	ctx, cancel := context.WithCancel(ctx)
	a := &Announcer{said: make(chan announcement, most), done: make(chan struct{}), giveUp: cancel, patience: o.Patience}
	go func() {
		defer close(a.done)
		for x := range a.said {
			if err := o.tell(ctx, x); err != nil {
				o.Say(fmt.Sprintf("cannot set the status of %s to %s: %v", x.revision, x.state, err))
			}
		}
	}()
	return a
}

// Announce takes what is to be told, and returns at once.
func (a *Announcer) Announce(revision, state, why string) {
	select {
	case a.said <- announcement{revision, state, why}:
	default: // nobody has listened for very long
	}
}

// Close waits until all is told, or given up.
func (a *Announcer) Close() {
	close(a.said)
	late := time.AfterFunc(a.patience, a.giveUp)
	<-a.done
	late.Stop()
	a.giveUp()
}

// tell sets a commit's status, in a bounded number of tries.
func (o Announcing) tell(ctx context.Context, x announcement) error {
	const tries, first, each, longest = 3, time.Second, 10 * time.Second, 140
	client, err := o.client()
	if err != nil {
		return err
	}
	owner, repo, _ := strings.Cut(o.Config.Repository, "/")
	if len(x.why) > longest {
		x.why = strings.ToValidUTF8(x.why[:longest-3], "") + "..."
	}
	name := "opsafe/" + o.Name
	for n, pause := 1, first; ; n, pause = n+1, 3*pause {
		limited, cancel := context.WithTimeout(ctx, each)
		_, resp, err := client.Repositories.CreateStatus(limited, owner, repo, x.revision, &github.RepoStatus{State: &x.state, Description: &x.why, Context: &name})
		cancel()
		refused := resp != nil && resp.StatusCode >= http.StatusBadRequest && resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusTooManyRequests
		if err == nil || refused || n == tries {
			return err
		}
		if err := o.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (o Announcing) client() (*github.Client, error) {
	token, err := o.Read(o.Config.Token)
	if err != nil {
		return nil, err
	}
	if token == nil {
		return nil, fmt.Errorf("there is no %s", o.Config.Token)
	}
	base, err := url.Parse(strings.TrimSuffix(o.Config.API, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("%s is no address", o.Config.API)
	}
	c := github.NewClient(nil).WithAuthToken(strings.TrimSpace(string(token)))
	c.BaseURL, c.UserAgent = base, "opsafe"
	return c, nil
}
