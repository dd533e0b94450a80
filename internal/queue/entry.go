// Package queue keeps what is to be done in directories: an entry is a file whose name
// sorts by time, and which is there as a whole or not at all, whatever dies at whatever
// moment. It starts nothing and watches nothing: systemd's path units see that a
// directory is not empty.
//
// Below notes.Queue, main is where the receiver adds what comes in; each deployment has a
// directory by its name; aside has what could not be handled, void what was dropped on
// purpose, each with its reason.
package queue

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// The directories of a queue that are no deployment's. No deployment may have such a name.
const (
	MainName  = "main"
	AsideName = "aside"
	VoidName  = "void"
	// HandledName has the digests of what was forwarded.
	HandledName = "handled"
)

// Reserved reports whether a name is that of a directory that is no deployment's.
func Reserved(name string) bool {
	return name == MainName || name == AsideName || name == VoidName || name == HandledName
}

// What an entry asks for.
const (
	// Push is a push that GitHub tells of.
	Push = "push"
	// Key is a request with a deployment's own key.
	Key = "key"
	// Ping is what GitHub sends when a hook is made.
	Ping = "ping"
	// Other is any other event that GitHub tells of.
	Other = "other"
	// Deploy is asked for on the command line.
	Deploy = "deploy"
	// Rollback is asked for on the command line.
	Rollback = "rollback"
	// Poll is asked for by a timer.
	Poll = "poll"
	// Unreadable stands in aside for a file that is no entry.
	Unreadable = "unreadable"
)

// Entry is one thing to do. It only wakes: what is deployed is what the remote says.
type Entry struct {
	// Name is that of its file: see NameOf.
	Name string `json:"-"`
	// What it asks for: Push, Key, Ping, Other, Deploy, Rollback or Poll.
	What string `json:"what"`
	// Deployment is the one it is for; empty: those that have the repository and ref.
	Deployment string `json:"deployment,omitempty"`
	// Repository (OWNER/NAME), Ref (refs/heads/BRANCH), Commit and Event are as the
	// delivery says. On the command line, Ref and Commit are what was asked for.
	Repository string `json:"repository,omitempty"`
	Ref        string `json:"ref,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Event      string `json:"event,omitempty"`
	// Deleted: the push has deleted the ref.
	Deleted bool `json:"deleted,omitempty"`
	// Digest is the SHA-256 of the signed body, in hex; empty: the entry is never the
	// same as another.
	Digest string `json:"digest,omitempty"`
	// Received is when it came, by the host's clock.
	Received time.Time `json:"received"`
	// By is who asked: "github", "key", "root via sudo by alice".
	By string `json:"by,omitempty"`
	// Tries is how often it was begun.
	Tries int `json:"tries,omitempty"`
	// Reason is why it is in aside or void.
	Reason string `json:"reason,omitempty"`
}

const (
	maxEntry = 64 << 10 // bytes of a file
	maxField = 1 << 10  // bytes of a field; a ref of git has 255 at most on most disks
)

var (
	namePattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{20}-[0-9a-f]{16}\.json$`) })
	digestPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })
)

// NameOf makes the name of an entry's file: 20 digits of nanoseconds since 1970, and 16
// hex digits of the digest, or random ones if there is none.
func NameOf(at time.Time, digest string) string {
	id := make([]byte, 8)
	if raw, err := hex.DecodeString(digest); err == nil && len(raw) >= len(id) {
		copy(id, raw)
	} else {
		rand.Read(id) // never fails
	}
	return fmt.Sprintf("%020d-%x.json", max(0, at.UnixNano()), id)
}

// Encode is the content of an entry's file.
func (e Entry) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("cannot write entry %s: %w", e.Name, err)
	}
	if len(data) >= maxEntry {
		return nil, fmt.Errorf("cannot write entry %s: it has %d bytes, of %d at most", e.Name, len(data), maxEntry)
	}
	return append(data, '\n'), nil
}

// decode reads an entry's file. Fields that a later opsafe has are left alone.
func decode(name string, data []byte) (Entry, error) {
	if !namePattern().MatchString(name) {
		return Entry{}, fmt.Errorf("its name is no entry's: NANOSECONDS-ID.json, with 20 digits and 16 hex digits")
	}
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("it is no JSON of an entry: %w", err)
	}
	if dec.More() {
		return Entry{}, fmt.Errorf("it has something after the entry")
	}
	e.Name = name
	return e, e.check()
}

// check finds what no entry has that opsafe itself has written. Fields are shown and
// logged, so none may hold what a terminal obeys.
func (e Entry) check() error {
	switch e.What {
	case Push, Key, Ping, Other, Deploy, Rollback, Poll, Unreadable:
	default:
		return fmt.Errorf("it asks for %.40q, which is nothing that opsafe does", e.What)
	}
	if e.Digest != "" && !digestPattern().MatchString(e.Digest) {
		return fmt.Errorf("its digest is no SHA-256")
	}
	if e.Tries < 0 {
		return fmt.Errorf("it was tried %d times", e.Tries)
	}
	for field, value := range map[string]string{
		"deployment": e.Deployment, "repository": e.Repository, "ref": e.Ref, "commit": e.Commit, "event": e.Event, "by": e.By,
	} {
		if len(value) > maxField || !plain(value) {
			return fmt.Errorf("its %s is too long or has signs that no such thing has", field)
		}
	}
	return nil
}

// plain reports whether a text is one line that can be shown.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
