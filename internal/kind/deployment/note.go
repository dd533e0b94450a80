package deployment

import (
	"bytes"
	"encoding/json"
	"fmt"

	"opsafe/internal/notes"
)

// noteFormat is the format of the receiver's note.
const noteFormat = 1

// Note is what opsafe receive and opsafe forward go by. There is no secret in it.
type Note struct {
	FormatVersion int `json:"format_version"`
	// Proxies are the addresses whose X-Forwarded-For counts.
	Proxies []string `json:"proxies"`
	// Any, Published and Ranges say from where GitHub's form is taken: from anywhere, or
	// from the ranges that GitHub publishes, and from others.
	Any       bool     `json:"any,omitempty"`
	Published bool     `json:"published,omitempty"`
	Ranges    []string `json:"ranges,omitempty"`
	Hooks     []Hook   `json:"hooks"`
}

// Hook says who may have a deployment deployed.
type Hook struct {
	Deployment string `json:"deployment"`
	// Repository is OWNER/NAME of GitHub's form; empty: it is not taken.
	Repository string `json:"repository,omitempty"`
	// Ref is the branch that is deployed.
	Ref string `json:"ref"`
	// Secret and Key are the names of systemd's credentials with the secrets of GitHub's
	// form and of the form POST /NAME; empty: the form is not taken.
	Secret string `json:"secret,omitempty"`
	Key    string `json:"key,omitempty"`
}

// The words of github_addresses.
const (
	FromAny       = "any"
	FromPublished = "published"
)

// ParseNote reads the receiver's note, as a run has written it.
func ParseNote(data []byte) (Note, error) {
	var n Note
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil || n.FormatVersion != noteFormat {
		return n, fmt.Errorf("%s was not written by this opsafe: run opsafe manage, which writes it anew", notes.Receiver)
	}
	return n, nil
}
