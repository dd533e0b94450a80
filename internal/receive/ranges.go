package receive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"
)

// builtIn are the ranges from which GitHub has sent webhooks for years, for a host that
// has never had an answer of its meta address. Source: api.github.com/meta, hooks.
func builtIn() []string {
	return []string{"192.30.252.0/22", "185.199.108.0/22", "140.82.112.0/20", "143.55.64.0/20", "2a0a:a440::/29", "2606:50c0::/32"}
}

// Ranges are GitHub's, as they were told last.
type Ranges struct {
	FormatVersion int       `json:"format_version"`
	Fetched       time.Time `json:"fetched"`
	Hooks         []string  `json:"hooks"`
}

const (
	rangesFormat  = 1
	rangesPatient = 30 * time.Second
	maxRanges     = 4 << 20 // bytes of an answer
	// Nobody has wider ones: an answer with such is none of GitHub's.
	widest4, widest6 = 8, 20
)

// stale is for how long GitHub need not have told its ranges until that is said. They are
// asked for once a day, and change some times in a year.
const stale = 14 * 24 * time.Hour

// Published reads GitHub's ranges from what was kept of its last answer; nil or what
// cannot be read: those that are built in. The error is for the log: there are ranges in
// any case.
func Published(kept []byte, now time.Time) (all []netip.Prefix, err error) {
	if kept != nil {
		var r Ranges
		err = json.Unmarshal(kept, &r)
		if err == nil {
			all, err = parseRanges(r.Hooks)
		}
		switch {
		case err == nil && now.Sub(r.Fetched) > stale:
			return all, fmt.Errorf("GitHub has told its ranges on %s last, and a delivery from a new one would be refused: journalctl -u opsafe-github-ranges says why", r.Fetched.Format(time.DateOnly))
		case err == nil:
			return all, nil
		}
		err = fmt.Errorf("the ranges that are kept cannot be read, those that are built in count: %w", err)
	}
	all, bad := parseRanges(builtIn())
	return all, errors.Join(err, bad)
}

// parseRanges takes all or nothing.
func parseRanges(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		widest := widest6
		if p.Addr().Is4() {
			widest = widest4
		}
		if err != nil || p.Bits() < widest {
			return nil, fmt.Errorf("%q is no range of GitHub's", text)
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no range in it")
	}
	return out, nil
}

// FetchRanges asks GitHub's API, through the proxy of the environment, and gives what is
// to be kept.
func FetchRanges(ctx context.Context, api string) ([]byte, error) {
	base, err := url.Parse(api)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %s: %w", api, err)
	}
	ctx, cancel := context.WithTimeout(ctx, rangesPatient)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: rangesPatient}
	defer transport.CloseIdleConnections()
	c := github.NewClient(&http.Client{Transport: bounded{transport}})
	c.BaseURL, c.UserAgent = base, "opsafe"
	meta, _, err := c.Meta.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %s for the ranges of GitHub's webhooks: %w; those that were told last count on", api, err)
	}
	hooks := slices.Clone(meta.Hooks)
	slices.Sort(hooks)
	if _, err := parseRanges(hooks); err != nil {
		return nil, fmt.Errorf("the answer of %s is none of GitHub's: %w; those that were told last count on", api, err)
	}
	data, err := json.MarshalIndent(Ranges{FormatVersion: rangesFormat, Fetched: time.Now().UTC().Truncate(time.Second), Hooks: hooks}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot keep the ranges of GitHub's webhooks: %w", err)
	}
	return append(data, '\n'), nil
}

// bounded reads no more of an answer than any of GitHub's has.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxRanges), resp.Body}
	}
	return resp, err
}
