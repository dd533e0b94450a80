package roster

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"opsafe/internal/spec"
)

// guarded is the client that both forms use: a few connections to the one
// server, kept open, no redirect to anywhere else, and no answer that is not
// known to be complete.
func guarded(given *http.Client, base *url.URL, parallel int) *http.Client {
	var c http.Client
	if given != nil {
		c.Transport = given.Transport
	}
	if c.Transport == nil {
		c.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			MaxConnsPerHost:     parallel,
			MaxIdleConnsPerHost: parallel,
			IdleConnTimeout:     30 * time.Second,
		}
	}
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != base.Scheme || req.URL.Host != base.Host {
			return fmt.Errorf("redirected to another server, %s://%s", req.URL.Scheme, req.URL.Host)
		}
		if len(via) > 3 {
			return errors.New("redirected more than three times")
		}
		return nil
	}
	return &c
}

// fetchPlain asks URL/NAME.keys.
func (f *Fetcher) fetchPlain(ctx context.Context, p *spec.Person) ([]Key, error) {
	address := f.address(p.Name)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "opsafe")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer discard(resp.Body)
	data, err := whole(resp, "text/plain", MaxKeyFile)
	if err != nil {
		return nil, err
	}
	return parseAnswer(data, address, f.o.MinRSABits)
}

// parseAnswer takes an answer only if each of its lines is a key.
func parseAnswer(data []byte, address string, minRSABits int) ([]Key, error) {
	keys, err := ParseKeys(data, address, ParseOptions{MinRSABits: minRSABits})
	var ps spec.Problems
	switch {
	case errors.As(err, &ps) && ps[0].Pos.Line == 0:
		return nil, fmt.Errorf("the answer %s", ps[0].Text)
	case errors.As(err, &ps):
		return nil, fmt.Errorf("the answer is refused as a whole because of its line %d: %s", ps[0].Pos.Line, ps[0].Text)
	case err != nil:
		return nil, err
	}
	for i := range keys {
		keys[i].Line = 0
	}
	return keys, nil
}

// whole reads the body of an answer that is a 200 of the type wanted, is not
// larger than limit, and can be told to be complete.
func whole(resp *http.Response, wantType string, limit int64) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	typ, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || typ != wantType {
		return nil, fmt.Errorf("answered with content of type %.60q, not %s: perhaps an error page or a login portal", resp.Header.Get("Content-Type"), wantType)
	}
	if cs, ok := params["charset"]; ok && !slices.Contains([]string{"utf-8", "UTF-8", "us-ascii", "US-ASCII"}, cs) {
		return nil, fmt.Errorf("answered in the character set %.40q, not utf-8", cs)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, fmt.Errorf("answered with the content encoding %.40q, which was not asked for", enc)
	}
	if resp.ProtoMajor == 1 && resp.ContentLength < 0 && !slices.Contains(resp.TransferEncoding, "chunked") && !resp.Uncompressed {
		return nil, errors.New("the answer does not say how long it is: half of it could not be told from all of it")
	}
	if resp.ContentLength > limit {
		return nil, fmt.Errorf("the answer is larger than %d KiB, which is the most that is read", limit>>10)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("the answer broke off after %d bytes: %w", len(data), err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("the answer is larger than %d KiB, which is the most that is read", limit>>10)
	}
	return data, nil
}

// discard reads a little of what is left of a body, so that the connection can
// be used again, and closes it.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 4<<10)
	_ = body.Close()
}

// jsonOnly is a transport that hands on a 200 only when it is whole JSON:
// go-github takes an empty body for an empty list.
type jsonOnly struct {
	next  http.RoundTripper
	valid func([]byte) bool
}

// RoundTrip implements http.RoundTripper.
func (t jsonOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	const limit = 1 << 20
	if resp.StatusCode/100 != 2 {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, MaxKeyFile), resp.Body}
		return resp, nil
	}
	defer discard(resp.Body)
	data, err := whole(resp, "application/json", limit)
	if err != nil {
		return nil, err
	}
	if !t.valid(data) {
		return nil, errors.New("the answer is not whole JSON")
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}
