package receive

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Nothing, or what cannot be read, gives the ranges that are built in; what is kept
// counts as a whole or not at all.
func TestRanges(t *testing.T) {
	for _, tt := range []struct {
		name, kept, first string
		bad               bool
	}{
		{"none", "", "192.30.252.0/22", false},
		{"kept", `{"fetched":"2026-03-01T00:00:00Z","hooks":["10.1.0.0/16","2001:db8::/32"]}`, "10.1.0.0/16", false},
		{"kept for long", `{"fetched":"2026-02-01T00:00:00Z","hooks":["10.1.0.0/16"]}`, "10.1.0.0/16", true},
		{"kept from the time after", `{"fetched":"2027-02-01T00:00:00Z","hooks":["10.1.0.0/16"]}`, "10.1.0.0/16", false},
		{"half", `{"hooks":["10.1.0.0/16"`, "192.30.252.0/22", true},
		{"no range", `{"hooks":["10.1.0.0/16","x"]}`, "192.30.252.0/22", true},
		{"everything", `{"hooks":["0.0.0.0/0"]}`, "192.30.252.0/22", true},
		{"everything of IPv6", `{"hooks":["10.1.0.0/16","::/0"]}`, "192.30.252.0/22", true},
		{"empty", `{"hooks":[]}`, "192.30.252.0/22", true},
	} {
		var kept []byte
		if tt.kept != "" {
			kept = []byte(tt.kept)
		}
		all, err := Published(kept, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
		if len(all) == 0 || all[0].String() != tt.first || (err != nil) != tt.bad {
			t.Errorf("%s: the ranges are %v (%v), not those from %s", tt.name, all, err, tt.first)
		}
	}
}

// What GitHub answers is kept only if it can be GitHub's.
func TestFetchRanges(t *testing.T) {
	answer, status := `{"hooks":["192.30.252.0/22","10.1.0.0/16"],"web":["10.0.0.0/8"]}`, http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/meta" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer srv.Close()
	data, err := FetchRanges(t.Context(), srv.URL+"/")
	var kept Ranges
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil || strings.Join(kept.Hooks, " ") != "10.1.0.0/16 192.30.252.0/22" || kept.Fetched.IsZero() {
		t.Errorf("kept is %s (%v)", data, err)
	}
	for _, tt := range []struct {
		answer string
		status int
	}{
		{`{}`, 200},
		{`<html>`, 200},
		{`{"hooks":["0.0.0.0/0"]}`, 200},
		{`{"hooks":["192.30.252.0/22"]}`, 502},
		{`{"hooks":["` + strings.Repeat("x", maxRanges) + `"]}`, 200},
	} {
		answer, status = tt.answer, tt.status
		if data, err := FetchRanges(t.Context(), srv.URL+"/"); err == nil || !strings.Contains(err.Error(), "last count on") {
			t.Errorf("%.40q with %d is kept: %s (%v)", tt.answer, tt.status, data, err)
		}
	}
	srv.Close()
	if _, err := FetchRanges(t.Context(), srv.URL+"/"); err == nil {
		t.Error("an answer of nobody is kept")
	}
}
