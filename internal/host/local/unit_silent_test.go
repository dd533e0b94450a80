package local

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"

	"opsafe/internal/host"
)

// TestSilentSystemd asks a systemd that never answers: it costs its patience
// once in a run, and not again.
func TestSilentSystemd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var asked atomic.Int32
		u := &unitConn{dial: func(context.Context) (*sdbus.Conn, error) {
			asked.Add(1)
			<-answer
			return nil, errors.New("too late")
		}}
		began := time.Now()
		for range 3 {
			_, err := u.unit(t.Context(), "x.service")
			var unknown *host.UnknownError
			if !errors.As(err, &unknown) {
				t.Errorf("got %v", err)
			}
			u.forget()
		}
		if took := time.Since(began); took != systemdPatience || asked.Load() != 1 {
			t.Errorf("it took %v, for %d connections", took, asked.Load())
		}
		close(answer)

		// Who is called off does not wait, and takes nothing for silence.
		block := make(chan struct{})
		u = &unitConn{dial: func(context.Context) (*sdbus.Conn, error) { <-block; return nil, os.ErrClosed }}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := u.unit(ctx, "x.service"); !errors.Is(err, context.Canceled) || u.silent != nil {
			t.Errorf("called off: got %v, %v", err, u.silent)
		}
		close(block)
	})
}

// TestLateConnectionIsClosed has systemd answer after its time.
func TestLateConnectionIsClosed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started, answer, closed := make(chan struct{}), make(chan struct{}), make(chan string)
	dial := func(context.Context) (string, error) { close(started); <-answer; return "connection", nil }
	go func() { <-started; cancel() }()
	if _, err := patient(ctx, dial, func(c string) { closed <- c }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(answer)
	if got := <-closed; got != "connection" {
		t.Errorf("closed %q", got)
	}
}

func TestStaleLinks(t *testing.T) {
	got := staleLinks([]string{"/old", "/wanted", "/made", "/gone"}, []string{"/wanted", "/new"},
		[]sdbus.EnableUnitFileChange{{Type: "symlink", Filename: "/made"}, {Type: "unlink", Filename: "/gone"}})
	if want := []string{"/old", "/gone"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
