package receive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"opsafe/internal/queue"
)

// signaturePrefix begins the value of X-Hub-Signature-256.
const signaturePrefix = "sha256="

// github is a webhook of GitHub's: see "Validating webhook deliveries" in its
// documentation. Nothing of the body is read before the sender's address and the
// headers are right, and nothing is parsed before its signature is.
func (s *Server) github(w http.ResponseWriter, r *http.Request, from origin) (queue.Entry, *refusal) {
	if !s.fromGitHub(from) {
		return queue.Entry{}, refuse(http.StatusForbidden, "not from an address of GitHub's")
	}
	text, ok := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), signaturePrefix)
	signature, err := hex.DecodeString(text)
	if !ok || err != nil || len(signature) != sha256.Size {
		return queue.Entry{}, refuse(http.StatusUnauthorized, "no X-Hub-Signature-256 of a SHA-256: has the webhook a secret?")
	}
	signed := s.secrets.signers(s.note.Hooks)
	digest := sha256.New()
	body, free, no := s.body(w, r, s.limits.Body, io.MultiWriter(digest, signed))
	if no != nil {
		return queue.Entry{}, no
	}
	defer free()
	repositories := signed.with(signature)
	if len(repositories) == 0 {
		return queue.Entry{}, refuse(http.StatusUnauthorized, "the signature is by no secret that is known here")
	}
	entry := queue.Entry{By: byGitHub, Event: r.Header.Get("X-GitHub-Event"), Digest: hex.EncodeToString(digest.Sum(nil))}
	if no := readPush(r.Header.Get("Content-Type"), body, &entry); no != nil {
		return entry, no
	}
	if s.declares(entry.Repository) && !slices.ContainsFunc(repositories, sameRepository(entry.Repository)) {
		return entry, refuse(http.StatusUnauthorized, "the signature is not by a secret of this repository's")
	}
	return entry, nil
}

// sameRepository compares as GitHub does, to which the case of names does not matter.
func sameRepository(a string) func(string) bool {
	return func(b string) bool { return strings.EqualFold(a, b) }
}

func (s *Server) declares(repository string) bool {
	for _, h := range s.note.Hooks {
		if h.Secret != "" && strings.EqualFold(h.Repository, repository) {
			return true
		}
	}
	return false
}

// payload is what is read of a delivery: see "Webhook events and payloads", push.
type payload struct {
	Ref        string  `json:"ref"`
	After      string  `json:"after"`
	Deleted    bool    `json:"deleted"`
	Zen        *string `json:"zen"` // of ping alone
	Repository struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// readPush reads the body. What it is, the body itself has to bear out: the header that
// names the event is not signed.
func readPush(contentType string, body []byte, entry *queue.Entry) *refusal {
	if media, _, _ := mime.ParseMediaType(contentType); media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil || len(form["payload"]) != 1 {
			return refuse(http.StatusBadRequest, "the form has no payload")
		}
		body = []byte(form.Get("payload"))
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return &refusal{http.StatusBadRequest, "the body is no JSON of a webhook", err}
	}
	entry.Repository = p.Repository.FullName
	switch {
	case entry.Event == queue.Push:
		entry.What, entry.Ref, entry.Commit, entry.Deleted = queue.Push, p.Ref, p.After, p.Deleted
		if p.Ref == "" || p.Repository.FullName == "" {
			return refuse(http.StatusBadRequest, "the push has no ref or no repository")
		}
	case entry.Event == queue.Ping && p.Zen != nil:
		entry.What = queue.Ping
	case entry.Event == "":
		return refuse(http.StatusBadRequest, "no X-GitHub-Event")
	default:
		entry.What = queue.Other
	}
	return nil
}
