package receive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// GitHubPath is where GitHub's form is sent; that of others is the deployment's name.
const GitHubPath = "/" + deployment.GitHubHook

// retryAfter is for how many seconds somebody should wait who was not served.
const retryAfter = "60"

// Who asks for a deployment by the two forms.
const (
	byGitHub = "github"
	byKey    = "key"
)

// refusal is an answer other than that it is queued.
type refusal struct {
	code int
	why  string // for the sender, and for the log
	err  error  // for the log alone
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.why + ": " + r.err.Error()
	}
	return r.why
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code: code, why: fmt.Sprintf(format, args...)}
}

// ServeHTTP answers once what was sent is on the disk.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.touch()
	defer s.touch()
	from := s.client(r)
	code, entry, no := s.take(w, r, from)
	if no == nil {
		s.log.Info("queued", "from", from.String(), "path", short(r.URL.Path), "what", entry.What, "repository", entry.Repository, "ref", entry.Ref, "entry", entry.Name)
		w.WriteHeader(code)
		return
	}
	s.log.Warn("refused", "from", from.String(), "method", short(r.Method), "path", short(r.URL.Path), "code", no.code, "why", no.Error())
	switch no.code {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, no.why, no.code)
}

// short is a text of a sender's, for the log.
func short(text string) string {
	const most = 100
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, string(utf8.RuneError))
}

// take queues what was sent.
func (s *Server) take(w http.ResponseWriter, r *http.Request, from origin) (int, queue.Entry, *refusal) {
	var form func(http.ResponseWriter, *http.Request, origin) (queue.Entry, *refusal)
	code := http.StatusNoContent
	hook := s.hook(strings.TrimPrefix(r.URL.Path, "/"))
	switch {
	case r.URL.Path == GitHubPath && s.takesGitHub():
		form = s.github
	case hook != nil:
		code, form = http.StatusAccepted, func(w http.ResponseWriter, r *http.Request, _ origin) (queue.Entry, *refusal) {
			return s.key(w, r, hook)
		}
	default:
		return 0, queue.Entry{}, refuse(http.StatusNotFound, "there is nothing of that name")
	}
	if r.Method != http.MethodPost {
		return 0, queue.Entry{}, refuse(http.StatusMethodNotAllowed, "want POST")
	}
	entry, no := form(w, r, from)
	if no != nil {
		return 0, entry, no
	}
	return s.add(r, code, entry)
}

// add writes the entry. Whatever keeps it from the disk, the sender has to try again.
func (s *Server) add(r *http.Request, code int, entry queue.Entry) (int, queue.Entry, *refusal) {
	if err := s.writes.Acquire(r.Context(), 1); err != nil {
		return 0, entry, &refusal{http.StatusServiceUnavailable, "too many at once", err}
	}
	defer s.writes.Release(1)
	var err error
	if entry.Name, err = s.queue.Add(entry); err != nil {
		if errors.Is(err, queue.ErrEntry) {
			return 0, entry, &refusal{http.StatusBadRequest, "it has what no push has", err}
		}
		return 0, entry, &refusal{http.StatusServiceUnavailable, "it cannot be queued", err}
	}
	return code, entry, nil
}

func (s *Server) takesGitHub() bool {
	for _, h := range s.note.Hooks {
		if h.Secret != "" {
			return true
		}
	}
	return false
}

// hook is the hook of a deployment that takes a key; nil: there is none of that name.
func (s *Server) hook(name string) *deployment.Hook {
	for i, h := range s.note.Hooks {
		if h.Deployment == name && h.Key != "" {
			return &s.note.Hooks[i]
		}
	}
	return nil
}

// key is the form POST /NAME with {"secret": …}.
func (s *Server) key(w http.ResponseWriter, r *http.Request, hook *deployment.Hook) (queue.Entry, *refusal) {
	body, free, no := s.body(w, r, maxKeyBody, nil)
	if no != nil {
		return queue.Entry{}, no
	}
	defer free()
	var form struct {
		Secret *string `json:"secret"`
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	if err := dec.Decode(&form); err != nil || form.Secret == nil {
		return queue.Entry{}, refuse(http.StatusBadRequest, `want {"secret": "…"}`)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return queue.Entry{}, refuse(http.StatusBadRequest, `want {"secret": "…"} and nothing after it`)
	}
	if err := s.secrets.same(hook.Key, *form.Secret); err != nil {
		return queue.Entry{}, &refusal{http.StatusUnauthorized, "wrong secret", err}
	}
	return queue.Entry{What: queue.Key, Deployment: hook.Deployment, By: byKey}, nil
}
