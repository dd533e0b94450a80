package roster

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// The forms in which a server gives keys.
const (
	FormPlain = "plain" // URL/NAME.keys, as text
	FormAPI   = "api"   // GitHub's REST API below URL
)

// FetchOptions says how to ask for the keys that people have registered.
type FetchOptions struct {
	// Client carries the requests; its redirect rule, cookies and timeout are
	// replaced. Nil: one of opsafe's own.
	Client *http.Client
	// Form is FormPlain (the default) or FormAPI.
	Form string
	// URL is the server. Empty: GitHub itself.
	URL string
	// Token gives the token for the API; it is called once, when it is first
	// needed. Nil: no token. Its error stops all who use GitHub.
	Token func() (string, error)
	// Timeout bounds one answer as a whole, redirects and body included (0: 10
	// seconds), Total all answers together (0: 60 seconds).
	Timeout, Total time.Duration
	// Parallel is how many are asked for at once (0: 8).
	Parallel int
	// MinRSABits is the smallest RSA key; 0 means DefaultRSABits.
	MinRSABits int
	// Away is set where it is not the host that asks: the server may be out of
	// reach here, and then the keys are unknown, which is no failure.
	Away bool
}

// FetchOptionsOf are the options that a backend's keys section means. The token
// file is read from the host when it is first needed.
func FetchOptionsOf(b *spec.Backend, r host.Files) FetchOptions {
	g := b.Keys.GitHub
	o := FetchOptions{Form: g.Form, URL: g.URL, MinRSABits: b.Keys.MinRSABits}
	if g.TokenFile != "" {
		o.Token = func() (string, error) { return readToken(r, g.TokenFile) }
	}
	return o
}

// Fetcher asks a server for the keys that people have registered. It keeps
// its connections open between questions.
type Fetcher struct {
	o      FetchOptions
	base   *url.URL
	client *http.Client
	api    func() (*github.Client, error)
}

// NewFetcher checks the options; it asks for nothing yet.
func NewFetcher(o FetchOptions) (*Fetcher, error) {
	o = withDefaults(o)
	base, err := checkURL(o.Form, o.URL)
	if err != nil {
		return nil, err
	}
	f := &Fetcher{o: o, base: base}
	f.client = guarded(o.Client, base, o.Parallel)
	if o.Form == FormAPI {
		f.api = f.lazyAPI()
	}
	return f, nil
}

func withDefaults(o FetchOptions) FetchOptions {
	if o.Form == "" {
		o.Form = FormPlain
	}
	if o.URL == "" {
		o.URL = "https://github.com/"
		if o.Form == FormAPI {
			o.URL = "https://api.github.com/"
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Total == 0 {
		o.Total = time.Minute
	}
	if o.Parallel == 0 {
		o.Parallel = 8
	}
	return o
}

// checkGitHub finds what NewFetcher would refuse, with its place.
func checkGitHub(b *spec.Backend, ps *spec.Problems) {
	g := b.Keys.GitHub
	o := withDefaults(FetchOptions{Form: g.Form, URL: g.URL})
	if _, err := checkURL(o.Form, o.URL); err != nil {
		field := "url"
		if o.Form != FormPlain && o.Form != FormAPI {
			field = "form"
		}
		ps.Addf(g.At(field), "keys.github: %v", err)
	}
}

// checkURL accepts https, and http on the loopback interface: over http anybody
// on the way could let himself in.
func checkURL(form, raw string) (*url.URL, error) {
	if form != FormPlain && form != FormAPI {
		return nil, fmt.Errorf("form %q is unknown: want %s or %s", form, FormPlain, FormAPI)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("url %q is no address of a server: want https://HOST/", raw)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("url holds a user, a query or a fragment: want https://HOST/PATH; a token goes into token_file")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("url %q is not encrypted: anybody on the way could put a key in; want https", raw)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

// readToken reads a token file of the host.
func readToken(r host.Files, path string) (string, error) {
	data, err := r.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the token: %w", err)
	}
	if data == nil {
		return "", fmt.Errorf("cannot read the token: %s is not there: write it (0600, root), or leave out keys.github.token_file", path)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("cannot use the token in %s: it is empty or more than one word", path)
	}
	return token, nil
}

// fetch gives the keys that a person has registered with the server, none where
// it knows of none.
func (f *Fetcher) fetch(ctx context.Context, p *spec.Person) ([]Key, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Timeout, errSlow{f.o.Timeout})
	defer cancel()
	var keys []Key
	var err error
	if f.o.Form == FormAPI {
		keys, err = f.fetchAPI(ctx, p)
	} else {
		keys, err = f.fetchPlain(ctx, p)
	}
	if err != nil && f.o.Away && unreachable(ctx, err) {
		return nil, &host.UnknownError{
			What: "which keys " + p.Name + " has registered", Why: fmt.Sprintf("%s cannot be reached from here: %v", f.address(p.Name), cause(ctx, err)),
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot fetch the keys of %s from %s: %w", p.Name, f.address(p.Name), cause(ctx, err))
	}
	return keys, nil
}

// unreachable tells a server that is not to be had from one that answers wrongly.
func unreachable(ctx context.Context, err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var slow errSlow
	return errors.As(err, &op) || errors.As(err, &dns) || errors.As(context.Cause(ctx), &slow)
}

// address is what is asked for somebody's keys.
func (f *Fetcher) address(name string) string {
	if f.o.Form == FormAPI {
		return f.base.JoinPath("users", name, "keys").String()
	}
	return f.base.JoinPath(name + ".keys").String()
}

// errSlow is the cause of a timeout.
type errSlow struct{ after time.Duration }

func (e errSlow) Error() string { return fmt.Sprintf("no complete answer within %s", e.after) }

// cause peels off what net/http wraps around an error: the address, which is
// named anyway, and the word deadline.
func cause(ctx context.Context, err error) error {
	var slow errSlow
	if c := context.Cause(ctx); errors.As(c, &slow) {
		return slow
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("%w; see whether this host's clock is right (timedatectl)", err)
	}
	return err
}
