package roster_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// collect asks the server for the keys of one developer, alice, whose file in
// the repository is given ("" for none).
func collect(t *testing.T, o roster.FetchOptions, alice *spec.Person, file string) roster.KeySet {
	t.Helper()
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": developers()})
	repo := repository(b, alice)
	if file != "" {
		repo.KeyFiles["alice"] = []byte(file)
	}
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := roster.NewFetcher(o)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, f)
	if err != nil {
		t.Fatal(err)
	}
	return sets["alice"]
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(body))
}

// raw answers each connection with these bytes and closes it.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = c.Read(buf)
			_, _ = c.Write([]byte(answer))
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestPlainForm(t *testing.T) {
	key, mine := newKey(t), newKey(t)
	var paths []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		if r.URL.Path == "/keys/alice.keys" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound) // on the same server
			return
		}
		text(w, key+"\n"+mine+"\n")
	})
	s := collect(t, roster.FetchOptions{URL: url + "/keys"}, person("alice", 1, "developers"), mine+" mine\n")
	if s.Problem != nil || len(s.Keys) != 2 || strings.Join(paths, " ") != "/keys/alice.keys /elsewhere" {
		t.Fatalf("%+v, asked for %v", s, paths)
	}
	want := mine + " mine\n" + key + " " + url + "/keys/alice.keys\n"
	if got := string(s.File()); got != want {
		t.Errorf("the file is\n%swant\n%s", got, want)
	}
}

// TestBadAnswers has a stub for each bad answer: none gives a key, each names
// the person, the address and the cause, and says that the present keys stay.
func TestBadAnswers(t *testing.T) {
	key := newKey(t)
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { text(w, key+"\n") })
	handlers := map[string]struct {
		h    http.HandlerFunc
		says string
	}{
		"502": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); text(w, key+"\n") }, "502 Bad Gateway"},
		"404": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Not Found", 404) }, "404 Not Found"},
		"203": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(203)
		}, "203"},
		"206":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); text(w, key) }, "206"},
		"empty":        {func(w http.ResponseWriter, _ *http.Request) { text(w, "") }, "without any key"},
		"HTML":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>" + key)) }, "text/html"},
		"HTML as text": {func(w http.ResponseWriter, _ *http.Request) { text(w, "<!DOCTYPE html>\n"+key+"\n") }, "line 1"},
		"no type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte(key))
		}, "content of type"},
		"other type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write([]byte(key + "\n"))
		}, "octet-stream"},
		"bad last line": {func(w http.ResponseWriter, _ *http.Request) { text(w, key+"\n"+key[:30]) }, "line 2"},
		"comment line":  {func(w http.ResponseWriter, _ *http.Request) { text(w, "# error\n"+key+"\n") }, "line 1"},
		"options":       {func(w http.ResponseWriter, _ *http.Request) { text(w, `command="x" `+key+"\n") }, "line 1"},
		"too long":      {func(w http.ResponseWriter, _ *http.Request) { text(w, strings.Repeat(key+"\n", 1000)) }, "larger than 64 KiB"},
		"says too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99999999")
			text(w, key)
		}, "larger than 64 KiB"},
		"other server": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+"/alice.keys?t=1", http.StatusFound)
		}, "another server"},
		"loop":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "more than three times"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip"); text(w, key) }, "encoding"},
		"charset": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-16")
			_, _ = w.Write([]byte(key))
		}, "utf-16"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no complete answer within"},
		"half and hangs": {func(w http.ResponseWriter, r *http.Request) {
			text(w, key+"\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "no complete answer within"},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			text(w, key+"\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "broke off"},
	}
	urls := map[string]struct{ url, says string }{
		"short body": {raw(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n"+key+"\n"), "broke off"},
		"no length":  {raw(t, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"+key+"\n"), "how long it is"},
		"no HTTP":    {raw(t, key+"\n"), "malformed"},
		"nothing":    {raw(t, ""), "EOF"},
		"refused":    {"http://127.0.0.1:1", "connection refused"},
	}
	for name, c := range handlers {
		urls[name] = struct{ url, says string }{serve(t, c.h), c.says}
	}
	for name, c := range urls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := collect(t, roster.FetchOptions{URL: c.url, Timeout: 300 * time.Millisecond}, person("alice", 1, "developers"), "")
			if len(s.Keys) != 0 {
				t.Errorf("takes %d keys", len(s.Keys))
			}
			mustContain(t, s.Problem, "alice", c.says, "the present keys stay")
			if name != "empty" {
				mustContain(t, s.Problem, c.url+"/alice.keys")
			}
		})
	}
}

// TestEmptyAnswerBesideRepository: GitHub answers so for somebody who has
// registered nothing; the keys of the repository are enough.
func TestEmptyAnswerBesideRepository(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { text(w, "") })
	s := collect(t, roster.FetchOptions{URL: url}, person("alice", 1, "developers"), newKey(t)+"\n")
	if s.Problem != nil || len(s.Keys) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFailureBesideRepository: what is certain is there, but the
// Problem says that it is not all.
func TestFailureBesideRepository(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) })
	s := collect(t, roster.FetchOptions{URL: url}, person("alice", 1, "developers"), newKey(t)+"\n")
	if len(s.Keys) != 1 {
		t.Errorf("%+v", s)
	}
	mustContain(t, s.Problem, "502")
}

// files is a host with nothing but files.
type files struct {
	host.Files
	content map[string]string
	dirs    map[string][]string
	err     map[string]error
}

func (f files) ReadFile(path string) ([]byte, error) {
	if err := f.err[path]; err != nil {
		return nil, err
	}
	if s, ok := f.content[path]; ok {
		return []byte(s), nil
	}
	return nil, nil
}

func (f files) ReadDir(path string) ([]string, error) { return f.dirs[path], f.err[path] }

func TestTokenFile(t *testing.T) {
	const path, canary = "/etc/opsafe/token", "c4n4ry"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+canary {
			w.WriteHeader(401)
		}
		_, _ = fmt.Fprintf(w, `[{"key":%q}]`, newKey(t))
	})
	b := backend(nil, nil)
	b.Keys.GitHub = spec.GitHub{Form: roster.FormAPI, URL: url, TokenFile: path}
	for name, c := range map[string]struct {
		files files
		says  string
	}{
		"there":    {files{content: map[string]string{path: canary + "\n"}}, ""},
		"missing":  {files{}, "is not there"},
		"empty":    {files{content: map[string]string{path: " \n"}}, "more than one word"},
		"strange":  {files{content: map[string]string{path: canary + "\r\nX-Evil: 1"}}, "more than one word"},
		"unseen":   {files{err: map[string]error{path: &host.UnknownError{What: path, Why: "permission denied"}}}, "permission denied"},
		"io error": {files{err: map[string]error{path: errors.New("read " + path + ": input/output error")}}, "input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			s := collect(t, roster.FetchOptionsOf(b, c.files), person("alice", 1, "developers"), "")
			if c.says == "" {
				if s.Problem != nil || len(s.Keys) != 1 {
					t.Errorf("%+v", s)
				}
				return
			}
			mustContain(t, s.Problem, c.says, path)
			if strings.Contains(s.Problem.Error(), canary) {
				t.Errorf("shows the token: %v", s.Problem)
			}
			if host.IsUnknown(s.Problem) != (name == "unseen") {
				t.Errorf("unknown: %v", host.IsUnknown(s.Problem))
			}
		})
	}
}

// TestFetchesTogether asks for 40 people: not more than eight at a time, over
// not more than eight connections, and one failure is one person's.
func TestFetchesTogether(t *testing.T) {
	var now, most, conns atomic.Int32
	keys := map[string]string{}
	var people []*spec.Person
	for i := range 40 {
		name := fmt.Sprintf("p%02d", i)
		keys["/"+name+".keys"] = newKey(t)
		people = append(people, person(name, i+1, "developers"))
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if r.URL.Path == "/p07.keys" {
			w.WriteHeader(500)
			return
		}
		text(w, keys[r.URL.Path]+"\n")
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": developers()})
	repo := repository(b, people...)
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := roster.NewFetcher(roster.FetchOptions{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := r.CollectKeys(t.Context(), repo, b, f)
	if err != nil || len(sets) != 40 {
		t.Fatalf("%d sets, %v", len(sets), err)
	}
	for name, set := range sets {
		if (set.Problem != nil) != (name == "p07") {
			t.Errorf("%s: %v", name, set.Problem)
		}
	}
	if most.Load() > 8 || conns.Load() > 9 { // 9: the pool may replace one
		t.Errorf("%d requests at once over %d connections", most.Load(), conns.Load())
	}
}

func TestCancelled(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": developers()})
	repo := repository(b, person("alice", 1, "developers"))
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := roster.NewFetcher(roster.FetchOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.CollectKeys(ctx, repo, b, f); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
