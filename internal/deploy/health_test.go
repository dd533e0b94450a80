package deploy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
)

// flapping is a machine with a unit that runs each time that up says so, and then stays
// as it was last.
type flapping struct {
	Machine
	up    string
	asked int
}

func (m *flapping) UnitNow(context.Context, string) (*host.Unit, error) {
	at := min(m.asked, len(m.up)-1)
	m.asked++
	u := &host.Unit{Active: "failed"}
	if m.up[at] == '1' {
		u.Active = "active"
	}
	return u, nil
}

// TestHealthHolds takes nothing for well that is so for a moment.
func TestHealthHolds(t *testing.T) {
	const second = time.Second
	for _, tc := range []struct {
		name, up string
		holds    time.Duration
		asks     int // the clock goes one second from one to the next; with the last, all time is over
		want     string
	}{
		{"at once", "1", 0, 1, ""},
		{"it holds", "1", 3 * second, 4, ""},
		{"late", "0001", 3 * second, 7, ""},
		{"it falls, and then holds", "110011", 3 * second, 8, ""},
		{"it flaps", "1101101101101", 3 * second, 12, "it was so, and did not hold for 3s: x.service does not run"},
		{"too late to hold", "00001", 3 * second, 6, "it has become so too late to hold for 3s"},
		{"never", "0", 3 * second, 5, "x.service does not run"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, now := &flapping{up: tc.up}, time.Unix(0, 0)
			w := &Worker{Machine: m, Now: func() time.Time { return now }}
			w.Config.Health = deployment.HealthConfig{Unit: "x.service", Holds: deployment.Span{Duration: tc.holds}, Within: deployment.Span{Duration: time.Hour}}
			w.Wait = func(context.Context, time.Duration) error {
				if now = now.Add(second); m.asked == tc.asks {
					return context.DeadlineExceeded
				}
				return nil
			}
			err := w.healthy(t.Context(), "")
			if m.asked != tc.asks || (err == nil) != (tc.want == "") || err != nil && !strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("asked %d times, it says %v", m.asked, err)
			}
		})
	}
}

// TestAnswers holds what of an answer counts.
func TestAnswers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("Location", "/200")
		w.WriteHeader(code)
	}))
	defer s.Close()
	for _, tc := range []struct {
		answer string
		status int
		want   string
	}{
		{"200", 0, ""},
		{"204", 0, ""},
		{"302", 0, "status 302, a redirect"},
		{"404", 0, "status 404"},
		{"302", 302, ""},
		{"401", 401, ""},
		{"200", 302, "status 200, not 302"},
		{"500", 302, "status 500, not 302"},
	} {
		err := answers(t.Context(), s.URL+"/"+tc.answer, tc.status)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, where %d is wanted: %v", tc.answer, tc.status, err)
		}
	}
}
