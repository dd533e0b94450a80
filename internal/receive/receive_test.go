package receive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// The secrets of the hooks under test.
const (
	siteSecret = "site-secret-0123"
	apiSecret  = "api-secret-012345"
	korKey     = "kor-key-01234567"
)

func hooks() []deployment.Hook {
	return []deployment.Hook{
		{Deployment: "site", Repository: "durhack/site", Ref: "main", Secret: "github.site"},
		{Deployment: "twin", Repository: "durhack/site", Ref: "main", Secret: "github.twin"},
		{Deployment: "next", Repository: "durhack/site", Ref: "next", Secret: "github.site"},
		{Deployment: "api", Repository: "durhack/api", Ref: "main", Secret: "github.api"},
		{Deployment: "kor", Ref: "main", Key: "key.kor"},
		{Deployment: "broken", Repository: "durhack/broken", Ref: "main", Secret: "github.broken", Key: "key.broken"},
	}
}

func secrets() Secrets {
	return Secrets{"github.site": []byte(siteSecret), "github.twin": []byte(siteSecret), "github.api": []byte(apiSecret), "key.kor": []byte(korKey)}
}

// receiver is one that runs.
type receiver struct {
	t     *testing.T
	at    string // http://HOST:PORT
	root  string // of the queues
	queue queue.Dir
	log   *lines
	ended chan error
}

// lines are what was logged.
type lines struct {
	sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(data []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(data)
}

func (l *lines) text() string {
	l.Lock()
	defer l.Unlock()
	return l.String()
}

// newRoot makes the directories of a queue, in a directory or, if that is empty, in one
// of the test's.
func newRoot(t testing.TB, root string) string {
	t.Helper()
	if root == "" {
		root = t.TempDir()
	}
	for _, name := range []string{queue.MainName, queue.AsideName, queue.VoidName, "site", "twin", "next", "api", "kor"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// start has a receiver serve on a socket.
func start(t *testing.T, change func(*Options)) *receiver {
	t.Helper()
	r := &receiver{t: t, root: newRoot(t, ""), log: &lines{}, ended: make(chan error, 1)}
	r.queue = queue.Open(filepath.Join(r.root, queue.MainName))
	o := Options{
		Note:    deployment.Note{Proxies: []string{"127.0.0.1"}, Ranges: []string{"192.30.252.0/22", "2606:50c0::/32"}, Hooks: hooks()},
		Secrets: secrets(), Queue: r.queue, Limits: DefaultLimits(), Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.at = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { r.ended <- s.Serve(ctx, l) }()
	t.Cleanup(cancel)
	return r
}

func push(repository, ref string) string {
	return fmt.Sprintf(`{"ref":%q,"after":"%s","deleted":false,"repository":{"full_name":%q}}`, ref, strings.Repeat("a", 40), repository)
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return signaturePrefix + hex.EncodeToString(mac.Sum(nil))
}

// delivery is what is sent, and what has to be answered.
type delivery struct {
	name, method, path string
	headers            map[string]string
	body               string
	want               int
	says               string
}

// fromGitHub is a delivery as GitHub sends it through nginx.
func fromGitHub(name, secret, event, body string, want int, says string) delivery {
	return delivery{name: name, method: http.MethodPost, path: GitHubPath, body: body, want: want, says: says, headers: map[string]string{
		"X-Hub-Signature-256": sign(secret, body), "X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"Content-Type": "application/json", "X-Forwarded-For": "10.9.8.7, 192.30.252.44",
	}}
}

func (d delivery) with(header, value string) delivery {
	all := map[string]string{}
	for k, v := range d.headers {
		all[k] = v
	}
	all[header] = value
	d.headers = all
	return d
}

// send sends it by a connection of its own.
func (r *receiver) send(d delivery) *http.Response {
	r.t.Helper()
	req, err := http.NewRequest(d.method, r.at+d.path, strings.NewReader(d.body))
	if err != nil {
		r.t.Fatal(err)
	}
	for k, v := range d.headers {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != d.want || !strings.Contains(string(body), d.says) {
		r.t.Errorf("%s: answered %d %q, not %d with %q", d.name, resp.StatusCode, body, d.want, d.says)
	}
	return resp
}

// entries lists a queue.
func entries(t testing.TB, at string) []queue.Entry {
	t.Helper()
	all, bad, err := queue.Open(at).List()
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	return all
}

func inMain(t testing.TB, root string) []queue.Entry {
	return entries(t, filepath.Join(root, queue.MainName))
}

// Each form with all that can be wrong with it. What is refused is not in the queue.
func TestRefused(t *testing.T) {
	r := start(t, nil)
	body := push("durhack/site", "refs/heads/main")
	good := fromGitHub("", siteSecret, "push", body, 0, "")
	refused := func(d delivery, name string, want int, says string) delivery {
		d.name, d.want, d.says = name, want, says
		return d
	}
	key := func(name, path, body string, want int, says string) delivery {
		return delivery{name: name, method: http.MethodPost, path: path, body: body, want: want, says: says}
	}
	longer := good
	longer.body += " "
	for _, d := range []delivery{
		refused(good.with("X-Hub-Signature-256", ""), "no signature", 401, "no X-Hub-Signature-256"),
		refused(good.with("X-Hub-Signature-256", "sha256=00"), "a short signature", 401, "no X-Hub-Signature-256"),
		refused(good.with("X-Hub-Signature-256", "sha1="+strings.Repeat("0", 64)), "another digest", 401, "no X-Hub-Signature-256"),
		refused(good.with("X-Hub-Signature-256", sign("", body)), "signed with nothing", 401, "no secret that is known"),
		refused(good.with("X-Hub-Signature-256", sign("none", body)), "signed with what stands for none", 401, "no secret that is known"),
		refused(longer, "another body", 401, "no secret that is known"),
		fromGitHub("another's secret", apiSecret, "push", body, 401, "not by a secret of this repository's"),
		fromGitHub("a hook whose secret cannot be read", "", "push", push("durhack/broken", "refs/heads/main"), 401, "no secret that is known"),
		refused(good.with("X-Forwarded-For", "192.30.252.44, 10.9.8.7"), "GitHub's address made up before the sender's", 403, "not from an address"),
		refused(good.with("X-Forwarded-For", ""), "the proxy itself", 403, "not from an address"),
		refused(good.with("X-Forwarded-For", "10.9.8.7:443"), "another's address with a port", 403, "not from an address"),
		refused(good.with("X-Forwarded-For", "192.30.252.44:x"), "an address with no port behind the colon", 403, "not from an address"),
		refused(good.with("X-Forwarded-For", "192.30.252.44, nonsense"), "nonsense for an address", 403, "not from an address"),
		fromGitHub("no JSON", siteSecret, "push", "{", 400, "no JSON"),
		fromGitHub("no object", siteSecret, "push", "[]", 400, "no JSON"),
		fromGitHub("no ref", siteSecret, "push", push("durhack/site", ""), 400, "no ref"),
		fromGitHub("no repository", siteSecret, "push", push("", "refs/heads/main"), 400, "no ref or no repository"),
		fromGitHub("no event", siteSecret, "", body, 400, "no X-GitHub-Event"),
		fromGitHub("what a terminal obeys", siteSecret, "push", push("durhack/site", "refs/heads/\x1b[2J"), 400, ""),
		fromGitHub("a long ref", siteSecret, "push", push("durhack/site", "refs/heads/"+strings.Repeat("x", 2000)), 400, "what no push has"),
		refused(good.with("Content-Type", "application/x-www-form-urlencoded"), "a form without payload", 400, "no payload"),
		{name: "another method", method: http.MethodGet, path: GitHubPath, want: 405, says: "want POST"},
		{name: "another method", method: http.MethodPut, path: "/kor", want: 405, says: "want POST"},
		key("unknown", "/none", `{"secret":"x"}`, 404, "nothing of that name"),
		key("not by key", "/site", `{"secret":"x"}`, 404, "nothing of that name"),
		key("a path", "/../kor", `{"secret":"x"}`, 404, "nothing of that name"),
		key("nothing", "/", "", 404, ""),
		key("wrong", "/kor", `{"secret":"kor-key-01234568"}`, 401, "wrong secret"),
		key("empty", "/kor", `{"secret":""}`, 401, "wrong secret"),
		key("a key that cannot be read", "/broken", `{"secret":""}`, 401, "wrong secret"),
		key("malformed", "/kor", `{"secret":`, 400, "want {"),
		key("no secret", "/kor", `{}`, 400, "want {"),
		key("a number", "/kor", `{"secret":1}`, 400, "want {"),
		key("something after it", "/kor", `{"secret":"`+korKey+`"} {}`, 400, "nothing after it"),
		key("too long", "/kor", `{"secret":"`+strings.Repeat("x", maxKeyBody)+`"}`, 413, "more than"),
	} {
		r.send(d)
	}
	if all := inMain(t, r.root); len(all) > 0 {
		t.Errorf("what was refused is in the queue: %+v", all)
	}
	for _, secret := range []string{siteSecret, apiSecret, korKey, sign(siteSecret, body)} {
		if strings.Contains(r.log.text(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
}

// What is taken is on the disk when it is answered.
func TestTaken(t *testing.T) {
	r := start(t, nil)
	body := push("durhack/site", "refs/heads/main")
	form := "payload=" + url.QueryEscape(body)
	r.send(fromGitHub("json", siteSecret, "push", body, 204, ""))
	r.send(fromGitHub("as a form", siteSecret, "push", form, 204, "").with("Content-Type", "application/x-www-form-urlencoded"))
	r.send(fromGitHub("by IPv6", siteSecret, "push", body, 204, "").with("X-Forwarded-For", "2606:50c0::1"))
	r.send(fromGitHub("by a proxy that names ports", siteSecret, "push", body, 204, "").with("X-Forwarded-For", "10.9.8.7:1, 192.30.252.44:50123"))
	r.send(fromGitHub("by IPv6, in brackets", siteSecret, "push", body, 204, "").with("X-Forwarded-For", "10.9.8.7, [2606:50c0::1]"))
	r.send(fromGitHub("case of names", siteSecret, "push", push("DurHack/Site", "refs/heads/main"), 204, ""))
	r.send(fromGitHub("of no deployment", apiSecret, "push", push("durhack/other", "refs/heads/main"), 204, ""))
	r.send(fromGitHub("ping", siteSecret, "ping", `{"zen":"Design for failure.","repository":{"full_name":"durhack/site"}}`, 204, ""))
	r.send(fromGitHub("other", siteSecret, "issues", `{"action":"opened"}`, 204, ""))
	r.send(delivery{name: "key", method: http.MethodPost, path: "/kor", body: `{"secret":"` + korKey + `"}`, want: 202})
	all := inMain(t, r.root)
	var what []string
	for _, e := range all {
		what = append(what, e.What)
	}
	if got := strings.Join(what, " "); got != "push push push push push push push ping other key" {
		t.Fatalf("the queue has %s", got)
	}
	sum := sha256.Sum256([]byte(body))
	first := all[0]
	if first.Repository != "durhack/site" || first.Ref != "refs/heads/main" || first.Commit != strings.Repeat("a", 40) || first.By != "github" || first.Digest != hex.EncodeToString(sum[:]) {
		t.Errorf("the push is queued as %+v", first)
	}
	if key := all[9]; key.Deployment != "kor" || key.Digest != "" || key.By != "key" {
		t.Errorf("the key is queued as %+v", key)
	}
}

// Of what is too long, no more is read than is allowed, be its length told or not.
func TestTooLong(t *testing.T) {
	r := start(t, nil)
	const length = 2 << 30
	for _, told := range []bool{true, false} {
		zeros := &counted{Reader: io.LimitReader(zero{}, length)}
		req, err := http.NewRequest(http.MethodPost, r.at+GitHubPath, zeros)
		if err != nil {
			t.Fatal(err)
		}
		if told {
			req.ContentLength = length
		}
		for k, v := range fromGitHub("", siteSecret, "push", "", 0, "").headers {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil { // or it was cut off, amid sending
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("2 GiB (told: %v) are answered with %s", told, resp.Status)
			}
		}
		if !strings.Contains(r.log.text(), "code=413") || zeros.n > 64<<20 {
			t.Errorf("of 2 GiB (told: %v), %d bytes were taken: %s", told, zeros.n, r.log.text())
		}
	}
	body := push("durhack/site", "refs/heads/main")
	body = body[:len(body)-1] + `,"x":"` + strings.Repeat("x", 20<<20) + `"}`
	r.send(fromGitHub("20 MB", siteSecret, "push", body, 204, ""))
	if all := inMain(t, r.root); len(all) != 1 {
		t.Errorf("the queue has %d entries, not 1", len(all))
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }

type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// raw opens a connection, sends a text and gives what is answered.
func (r *receiver) raw(text string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.at, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	answer, _, _ := bufio.NewReader(c).ReadLine()
	return string(answer)
}

// Who sends slowly, or too much in the headers, is cut off, and others are served
// meanwhile.
func TestSlow(t *testing.T) {
	r := start(t, func(o *Options) { o.Limits.Headers, o.Limits.All = 300*time.Millisecond, 600*time.Millisecond })
	var slow sync.WaitGroup
	for range 50 {
		slow.Go(func() {
			if got := r.raw("POST /kor HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); !strings.Contains(got, "408") {
				t.Errorf("half a body is answered with %q, not 408", got)
			}
		})
		slow.Go(func() {
			if got := r.raw("POST /kor HTTP/1.1\r\nHost: "); got != "" {
				t.Errorf("half a header is answered with %q", got)
			}
		})
	}
	r.send(delivery{name: "meanwhile", method: http.MethodPost, path: "/kor", body: `{"secret":"` + korKey + `"}`, want: 202})
	slow.Wait()
	if got := r.raw("POST /kor HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"); !strings.Contains(got, "431") {
		t.Errorf("64 KiB of headers are answered with %q, not 431", got)
	}
}

// What there is no memory for now is to come again, and what was held for a body is given
// back.
func TestMemory(t *testing.T) {
	r := start(t, func(o *Options) { o.Limits.Memory, o.Limits.Wait = 256<<10, 50*time.Millisecond })
	body := push("durhack/site", "refs/heads/main")
	large := body[:len(body)-1] + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for range 3 {
		resp := r.send(fromGitHub("a large one", siteSecret, "push", large, 503, "too many"))
		if resp.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	for range 20 {
		r.send(fromGitHub("a small one", siteSecret, "push", body, 204, ""))
	}
}

// A disk that takes nothing is told, and what was not written is not said to be.
func TestNoQueue(t *testing.T) {
	r := start(t, nil)
	if err := os.RemoveAll(r.queue.Path()); err != nil {
		t.Fatal(err)
	}
	d := delivery{name: "no queue", method: http.MethodPost, path: "/kor", body: `{"secret":"` + korKey + `"}`, want: 503, says: "cannot be queued"}
	if resp := r.send(d); resp.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

// The receiver ends when nothing comes, and what it has accepted it answers first.
func TestEnds(t *testing.T) {
	r := start(t, func(o *Options) { o.Limits.Idle = 200 * time.Millisecond })
	r.send(fromGitHub("one", siteSecret, "push", push("durhack/site", "refs/heads/main"), 204, ""))
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if all := inMain(t, r.root); len(all) != 1 {
		t.Errorf("the queue has %d entries, not 1", len(all))
	}
}

// Ten thousand deliveries at once: each is answered, and each that was taken is in the
// queue, in the order in which they were taken.
func TestManyAtOnce(t *testing.T) {
	const many = 10_000
	r := start(t, nil)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var senders sync.WaitGroup
	gate := make(chan struct{}, 2000) // as many files as a process may have open
	for i := range many {
		senders.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			body := push("durhack/site", fmt.Sprint("refs/heads/", i))
			d := fromGitHub("", siteSecret, "push", body, 204, "")
			req, err := http.NewRequest(http.MethodPost, r.at+d.path, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			for k, v := range d.headers {
				req.Header.Set(k, v)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Errorf("delivery %d is answered with %s", i, resp.Status)
			}
		})
	}
	senders.Wait()
	refs := map[string]bool{}
	for _, e := range inMain(t, r.root) {
		refs[e.Ref] = true
	}
	if len(refs) != many {
		t.Errorf("the queue has %d of %d deliveries", len(refs), many)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, note := range []deployment.Note{{}, {Ranges: []string{"x"}}, {Any: true, Proxies: []string{"x"}}, {Published: true}} {
		if _, err := New(Options{Note: note, Limits: DefaultLimits()}); err == nil {
			t.Errorf("%+v is taken", note)
		}
	}
	if _, err := New(Options{Note: deployment.Note{Published: true}, Published: []netip.Prefix{netip.MustParsePrefix("192.30.252.0/22")}, Limits: DefaultLimits()}); err != nil {
		t.Error(err)
	}
}
