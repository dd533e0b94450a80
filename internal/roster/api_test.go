package roster_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"opsafe/internal/roster"
)

func TestAPIForm(t *testing.T) {
	first, second := newKey(t), newKey(t)
	const token = "c4n4ry-t0ken"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(401)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch r.URL.Path + "?" + r.URL.Query().Get("page") {
		case "/api/v3/users/alice?":
			_, _ = fmt.Fprint(w, `{"login":"alice","id":42}`)
		case "/api/v3/users/alice/keys?":
			w.Header().Set("Link", `<https://elsewhere.example/?page=2>; rel="next"`)
			_, _ = fmt.Fprintf(w, `[{"id":1,"key":%q}]`, first)
		case "/api/v3/users/alice/keys?2":
			_, _ = fmt.Fprintf(w, `[{"id":2,"key":%q}]`, second)
		default:
			w.WriteHeader(404)
		}
	})
	o := roster.FetchOptions{Form: roster.FormAPI, URL: url + "/api/v3", Token: func() (string, error) { return token, nil }}
	alice := person("alice", 7, "developers")
	alice.GitHubID = 42
	s := collect(t, o, alice, "")
	if s.Problem != nil || len(s.Keys) != 2 {
		t.Fatalf("%+v", s)
	}
	alice.GitHubID = 41
	s = collect(t, o, alice, "")
	mustContain(t, s.Problem, "account 42", "says 41", "developers.yaml:7:3")
	if len(s.Keys) != 0 {
		t.Error("takes a stranger's keys")
	}
}

func TestAPIBadAnswers(t *testing.T) {
	const token = "c4n4ry-t0ken"
	key := newKey(t)
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the token goes to another server: %q", r.Header.Get("Authorization"))
	})
	answer := func(code int, typ, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typ)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		says string
	}{
		"404":          {answer(404, "application/json", `{"message":"Not Found"}`), "404 Not Found"},
		"401":          {answer(401, "application/json", `{"message":"Bad credentials"}`), "token is not valid"},
		"502":          {answer(502, "text/html", "<html>"), "502 Bad Gateway"},
		"202":          {answer(202, "application/json", "[]"), "202"},
		"HTML":         {answer(200, "text/html", "<html>"), "text/html"},
		"empty body":   {answer(200, "application/json", ""), "not whole JSON"},
		"half":         {answer(200, "application/json", `[{"key":"`+key+`"}`), "not whole JSON"},
		"two values":   {answer(200, "application/json", `[] []`), "not whole JSON"},
		"other JSON":   {answer(200, "application/json", `{"key":"`+key+`"}`), "cannot unmarshal"},
		"empty list":   {answer(200, "application/json", `[]`), "without any key"},
		"no key":       {answer(200, "application/json", `[{"id":1}]`), "not one key"},
		"two keys":     {answer(200, "application/json", `[{"key":"`+key+`\n`+newKey(t)+`"}]`), "not one key"},
		"bad key":      {answer(200, "application/json", `[{"key":"`+key+`"},{"key":"ssh-rsa AAAA"}]`), "refused as a whole"},
		"other server": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) }, "another server"},
		"rate limit": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Limit", "60")
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", "1900000000")
			w.WriteHeader(403)
		}, "limit of 60 requests"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			n := 1
			_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
			w.Header().Set("Link", fmt.Sprintf(`<http://x/?page=%d>; rel="next"`, n+1))
			answer(200, "application/json", `[{"key":"`+key+`"}]`)(w, r)
		}, "more than 10 pages"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no complete answer within"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, c.h)
			o := roster.FetchOptions{Form: roster.FormAPI, URL: url, Timeout: 300 * time.Millisecond, Token: func() (string, error) { return token, nil }}
			s := collect(t, o, person("alice", 1, "developers"), "")
			if len(s.Keys) != 0 {
				t.Errorf("takes %d keys", len(s.Keys))
			}
			mustContain(t, s.Problem, "alice", c.says, "the present keys stay")
			if strings.Contains(fmt.Sprintf("%v %+v %#v", s.Problem, s.Problem, s.Problem), token) {
				t.Errorf("shows the token: %v", s.Problem)
			}
		})
	}
}
