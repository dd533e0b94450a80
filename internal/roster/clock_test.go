package roster_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"opsafe/internal/roster"
)

// TestWrongClock has a certificate be refused because of the host's clock: the
// keys stay, and the clock is named.
func TestWrongClock(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { text(w, "") }))
	t.Cleanup(s.Close)
	for _, year := range []int{1969, 2200} {
		c := s.Client()
		tr := c.Transport.(*http.Transport).Clone()
		tr.TLSClientConfig = &tls.Config{
			RootCAs: tr.TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12,
			Time: func() time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) },
		}
		got := collect(t, roster.FetchOptions{Client: &http.Client{Transport: tr}, URL: s.URL}, person("alice", 1, "developers"), "")
		if got.Problem == nil {
			t.Fatalf("%d: the answer is taken", year)
		}
		for _, want := range []string{"clock is right", "the present keys stay"} {
			if !strings.Contains(got.Problem.Error(), want) {
				t.Errorf("%d: %v does not say %q", year, got.Problem, want)
			}
		}
	}
}
