package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/google/go-github/v62/github"

	"opsafe/internal/spec"
)

// maxPages bounds how much of a list is asked for: a hundred keys a page.
const maxPages = 10

// lazyAPI makes the client of the API when it is first needed, with the token.
func (f *Fetcher) lazyAPI() func() (*github.Client, error) {
	return sync.OnceValues(func() (*github.Client, error) {
		hc := *f.client
		hc.Transport = identity{jsonOnly{next: f.client.Transport, valid: json.Valid}}
		c := github.NewClient(&hc)
		if f.o.Token != nil {
			token, err := f.o.Token()
			if err != nil {
				return nil, err
			}
			c = c.WithAuthToken(token)
		}
		c.BaseURL, c.UserAgent = f.base, "opsafe"
		return c, nil
	})
}

// identity asks for content as it is.
type identity struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t identity) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "identity")
	return t.next.RoundTrip(req)
}

// fetchAPI asks the REST API. With a numeric id in developers.yaml it first
// makes sure that the name still belongs to that account.
func (f *Fetcher) fetchAPI(ctx context.Context, p *spec.Person) ([]Key, error) {
	c, err := f.api()
	if err != nil {
		return nil, err
	}
	name := url.PathEscape(p.Name)
	if p.GitHubID != 0 {
		u, _, err := c.Users.Get(ctx, name)
		if err != nil {
			return nil, apiError(err)
		}
		if u.GetID() != p.GitHubID {
			return nil, fmt.Errorf("the name %s belongs to the account %d, but developers.yaml says %d (%s): somebody else may have taken the name over",
				p.Name, u.GetID(), p.GitHubID, p.At("github_id"))
		}
	}
	var keys []Key
	opts := &github.ListOptions{PerPage: 100}
	for range maxPages {
		page, resp, err := c.Users.ListKeys(ctx, name, opts)
		if err != nil {
			return nil, apiError(err)
		}
		for _, k := range page {
			got, err := parseAnswer([]byte(k.GetKey()), f.address(p.Name), f.o.MinRSABits)
			if err == nil && len(got) != 1 {
				err = errors.New("the answer is refused as a whole because of an entry that is not one key")
			}
			if err != nil {
				return nil, err
			}
			keys = append(keys, got...)
		}
		if resp.NextPage <= opts.Page {
			return keys, nil
		}
		opts.Page = resp.NextPage
	}
	return nil, fmt.Errorf("the answer has more than %d pages", maxPages)
}

// apiError says in a few words what go-github means. None of its errors holds
// the token: that is set below it, in the transport.
func apiError(err error) error {
	var rate *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var answer *github.ErrorResponse
	switch {
	case errors.As(err, &rate):
		return fmt.Errorf("the limit of %d requests is used up until %s: a token (keys.github.token_file) raises it",
			rate.Rate.Limit, rate.Rate.Reset.UTC().Format("15:04:05 MST"))
	case errors.As(err, &abuse):
		return errors.New("the server asks to wait: too many requests")
	case errors.As(err, &answer) && answer.Response != nil:
		code := answer.Response.StatusCode
		if code == http.StatusUnauthorized {
			return errors.New("answered 401 Unauthorized: the token is not valid (keys.github.token_file)")
		}
		return fmt.Errorf("answered %d %s", code, http.StatusText(code))
	}
	return err
}
