package deploy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/kind/deployment"
)

// TestAnnounceHangs says of each commit that it cannot be told, and soon, while the API
// takes requests and never answers.
func TestAnnounceHangs(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client goes
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(api.Close)
	var said []string
	a := NewAnnouncer(t.Context(), Announcing{
		Config: deployment.StatusConfig{Repository: "team/site", Token: "/token", API: api.URL}, Name: "site", Patience: time.Millisecond,
		Read: func(string) ([]byte, error) { return []byte("t"), nil },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Say:  func(line string) { said = append(said, line) },
	})
	a.Announce("c0ffee", "pending", "being deployed")
	a.Announce("c0ffee", "success", "deployed")
	<-asked
	began := time.Now()
	a.Close()
	const each = 10 * time.Second // of a request that is not given up before
	if took := time.Since(began); took > each/2 {
		t.Errorf("it was waited for %v", took)
	}
	for _, state := range []string{"pending", "success"} {
		if !slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, "cannot set the status of c0ffee to "+state) }) {
			t.Errorf("of %s it says %q", state, said)
		}
	}
}
