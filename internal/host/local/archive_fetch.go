package local

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// stalled is how long a server may say nothing.
const stalled = time.Minute

// fetchArchive copies an archive to a file without a name, which nobody else can
// change, and makes sure that it is the one that is meant.
func (h *Host) fetchArchive(ctx context.Context, a host.Archive) (*os.File, error) {
	return h.fetchPinned(ctx, a.Name, a.Source, []string{a.SHA256})
}

// fetchPinned is fetchArchive of whatever has one of these digests.
func (h *Host) fetchPinned(ctx context.Context, name, source string, pinned []string) (*os.File, error) {
	from, err := h.openArchive(ctx, source)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := h.nameless(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, maxArchive+1))
	switch is := hex.EncodeToString(sum.Sum(nil)); {
	case err != nil:
		err = fmt.Errorf("cannot read it: %w", err)
	case n > maxArchive:
		err = fmt.Errorf("it is larger than %d GiB", maxArchive>>30)
	case !slices.Contains(pinned, is):
		err = fmt.Errorf("its sha256 is %s, not %s: it is another archive than the declared one", is, strings.Join(pinned, " or "))
	default:
		return to, nil
	}
	return nil, errors.Join(err, to.Close())
}

// openArchive opens an archive of this machine, or asks for it.
func (h *Host) openArchive(ctx context.Context, source string) (io.ReadCloser, error) {
	if !filepath.IsAbs(source) {
		return download(ctx, source)
	}
	fd, err := h.openNode(source, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), source) //nolint:gosec // a descriptor is not negative
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// nameless is a file beside opsafe's notes that goes when it is closed.
func (h *Host) nameless(name string) (*os.File, error) {
	dir, _, err := h.openNoteDir(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	if err := h.sweep(dir); err != nil {
		return nil, err
	}
	s, err := newStage(dir)
	if err != nil {
		return nil, err
	}
	defer s.discard()
	return os.OpenFile(procPath(s.fd()), os.O_RDWR, 0)
}

// download asks a server for an archive. Whoever answers, the digest decides.
func download(ctx context.Context, url string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("the server has said nothing for %s", stalled)) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "opsafe")
	resp, err := archiveClient().Do(req) //nolint:bodyclose // whoever reads it closes it
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.Join(fmt.Errorf("the server answers %s", resp.Status), resp.Body.Close())
	}
	if err != nil {
		watch.Stop()
		cancel(nil)
		return nil, fmt.Errorf("cannot fetch it: %w", errors.Join(err, context.Cause(ctx)))
	}
	return &reply{ReadCloser: resp.Body, watch: watch, ctx: ctx, cancel: cancel}, nil
}

// archiveClient goes through the proxy that the environment names, and from https to
// nothing less.
func archiveClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 30 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			DisableKeepAlives:   true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			const most = 10
			if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
				return fmt.Errorf("redirected from https to %s", req.URL.Scheme)
			}
			if len(via) > most {
				return fmt.Errorf("redirected more than %d times", most)
			}
			return nil
		},
	}
}

// reply is what a server sends, as long as it goes on sending.
type reply struct {
	io.ReadCloser
	watch  *time.Timer
	ctx    context.Context //nolint:containedctx // the request's own
	cancel context.CancelCauseFunc
}

func (a *reply) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.watch.Reset(stalled)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errors.Join(err, context.Cause(a.ctx))
	}
	return n, err
}

func (a *reply) Close() error {
	a.watch.Stop()
	a.cancel(nil)
	return a.ReadCloser.Close()
}
