// Package receive takes what GitHub's webhooks and others with a secret send, and puts it
// into the queue; and hands it on from there to the deployments that it is for. What is
// sent only wakes: what is deployed is what the remote says.
package receive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sync/semaphore"

	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// Limits bound what senders can have the receiver spend.
type Limits struct {
	// Body is how many bytes a delivery may have. GitHub sends 25 MB at most.
	Body int64
	// Memory is for the bodies of all deliveries together, in bytes.
	Memory int64
	// Headers is how long the headers of a request may take, All how long the whole, and
	// Wait how long it waits for memory.
	Headers, All, Wait time.Duration
	// Connections is how many are served at once; others wait to be accepted.
	Connections int
	// Writes is how many entries are written at once.
	Writes int64
	// Idle is how long nothing may come before the receiver ends, and Life how long it
	// runs at most: the next one reads secrets and ranges anew.
	Idle, Life time.Duration
}

// DefaultLimits are those of the service.
func DefaultLimits() Limits {
	return Limits{
		Body: 25 << 20, Memory: 96 << 20, Headers: 10 * time.Second, All: 30 * time.Second, Wait: 8 * time.Second,
		Connections: 512, Writes: 32, Idle: 20 * time.Second, Life: time.Hour,
	}
}

const (
	maxHeaders = 16 << 10 // bytes; GitHub sends less than 1 KiB
	maxKeyBody = 64 << 10 // bytes of {"secret": …}
)

// Server is the receiver.
type Server struct {
	note    deployment.Note
	proxies []netip.Addr
	ranges  []netip.Prefix // of GitHub; nil: any
	secrets Secrets
	queue   queue.Dir
	limits  Limits
	log     *slog.Logger

	memory, writes *semaphore.Weighted
	last           atomic.Int64 // when something happened, in nanoseconds since start
	start          time.Time    // with a monotonic clock
}

// Options are what a receiver is made of.
type Options struct {
	Note deployment.Note
	// Published are GitHub's ranges, if the note wants those.
	Published []netip.Prefix
	Secrets   Secrets
	Queue     queue.Dir
	Limits    Limits
	Log       *slog.Logger
}

// New makes a receiver.
func New(o Options) (*Server, error) {
	s := &Server{
		note: o.Note, secrets: o.Secrets, queue: o.Queue, limits: o.Limits, log: o.Log, start: time.Now(),
		memory: semaphore.NewWeighted(o.Limits.Memory), writes: semaphore.NewWeighted(o.Limits.Writes),
	}
	for _, text := range o.Note.Proxies {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("proxy %q is no address: run opsafe manage", text)
		}
		s.proxies = append(s.proxies, a)
	}
	if o.Note.Any {
		return s, nil
	}
	if o.Note.Published {
		s.ranges = slices.Clone(o.Published)
	}
	for _, text := range o.Note.Ranges {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no range of addresses: run opsafe manage", text)
		}
		s.ranges = append(s.ranges, p)
	}
	if len(s.ranges) == 0 {
		return nil, errors.New("no range of GitHub's is known: run opsafe manage")
	}
	return s, nil
}

// Serve answers on a listener until nothing has come for a while, or ctx ends. What has
// been accepted is answered; what comes then waits in the listener, which systemd keeps.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, s)
}

// Refuse has everybody come again later, while nothing can be queued.
func Refuse(ctx context.Context, l net.Listener, limits Limits) error {
	s := &Server{limits: limits, start: time.Now(), log: slog.New(slog.DiscardHandler)}
	return s.serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "nothing can be queued now", http.StatusServiceUnavailable)
	}))
}

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, MaxHeaderBytes: maxHeaders,
		ReadHeaderTimeout: s.limits.Headers, ReadTimeout: s.limits.All, WriteTimeout: s.limits.All + s.limits.Wait,
		ErrorLog:  slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState: func(net.Conn, http.ConnState) { s.touch() },
	}
	// A connection that is kept could be closed just as the next request comes over it.
	srv.SetKeepAlivesEnabled(false)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(netutil.LimitListener(l, s.limits.Connections)) }()
	ctx, cancel := context.WithTimeout(ctx, s.limits.Life)
	defer cancel()
	select {
	case err := <-served:
		return err
	case <-s.idle(ctx):
	}
	ending, end := context.WithTimeout(context.WithoutCancel(ctx), s.limits.All+2*s.limits.Wait)
	defer end()
	return srv.Shutdown(ending)
}

func (s *Server) touch() { s.last.Store(int64(time.Since(s.start))) }

// idle is closed when nothing has happened for as long as the receiver may be idle, or
// ctx ends. It goes by the monotonic clock.
func (s *Server) idle(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	s.touch()
	go func() {
		defer close(done)
		for {
			left := s.limits.Idle - (time.Since(s.start) - time.Duration(s.last.Load()))
			if left <= 0 {
				return
			}
			timer := time.NewTimer(left)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
		}
	}()
	return done
}
