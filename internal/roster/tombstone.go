package roster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// TombstonePath is the path of somebody's tombstone. The file's name is the person's,
// and that it is there is what disables; what it says is for enable-user and for
// people.
func TombstonePath(name string) string { return path.Join(notes.Disabled, name) }

// tombstoneFormat is the version of the JSON form.
const tombstoneFormat = 1

// Tombstone is what disable-user leaves behind, as JSON: what the account had,
// so that enable-user can say what comes back, and its keys, so that they are
// known when they turn up elsewhere.
type Tombstone struct {
	FormatVersion int       `json:"format_version"`
	Name          string    `json:"name"`
	Since         time.Time `json:"since"` // RFC 3339, UTC
	By            string    `json:"by"`    // who ran disable-user
	Backend       string    `json:"backend,omitempty"`
	// Groups are the supplementary groups that the account was in, sorted.
	Groups []string `json:"groups,omitempty"`
	Shell  string   `json:"shell,omitempty"`
	// Keys are the fingerprints of the keys that were taken away: SHA256:…
	Keys []string `json:"keys,omitempty"`
	// Expires is the account's expiry before, in days since 1970-01-01, -1 for
	// never.
	Expires int `json:"expires"`
	// Note says what is wrong with the file that this was read from; the
	// person is disabled nevertheless.
	Note string `json:"-"`
}

// Marshal is the content of the file. It holds nothing that is secret.
func (t Tombstone) Marshal() ([]byte, error) {
	t.FormatVersion = tombstoneFormat
	t.Since = t.Since.UTC().Truncate(time.Second)
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the tombstone of %s: %w", t.Name, err)
	}
	return append(data, '\n'), nil
}

// ParseTombstone reads the file of the person. It does not fail: a file that it
// does not understand is a tombstone with a Note.
func ParseTombstone(name string, data []byte) Tombstone {
	var t Tombstone
	d := json.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&t)
	switch {
	case err != nil:
		return noted(name, "is not the JSON that disable-user writes")
	case d.More():
		return noted(name, "holds more than one JSON value")
	case t.FormatVersion > tombstoneFormat:
		t.Note = fmt.Sprintf("%s is of a newer opsafe (format %d)", TombstonePath(name), t.FormatVersion)
	case t.Name != name:
		t.Note = fmt.Sprintf("%s is written for %q", TombstonePath(name), t.Name)
	}
	t.Name = name
	return t
}

func noted(name, what string) Tombstone {
	return Tombstone{FormatVersion: tombstoneFormat, Name: name, Expires: -1, Note: TombstonePath(name) + " " + what}
}

// ReadTombstones finds out who is disabled on the host, by name. Whoever has an
// entry in notes.Disabled is disabled, whether the entry can be read or not: then
// there is a Note. An error, which wraps the *host.UnknownError if there is one,
// means that the directory cannot be seen, so that nobody's account may be
// judged.
func ReadTombstones(r host.Files) (map[string]Tombstone, error) {
	names, err := r.ReadDir(notes.Disabled)
	if err != nil {
		return nil, fmt.Errorf("cannot tell who is disabled on this host: %w", err)
	}
	out := make(map[string]Tombstone, len(names))
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue // a file that was being written; no account is called so
		}
		data, err := r.ReadFile(TombstonePath(name))
		switch {
		case err != nil:
			out[name] = noted(name, fmt.Sprintf("cannot be read (%v)", err))
		case data == nil:
			// It went between the two looks: enable-user is at work. The
			// next run lets the person in.
			out[name] = noted(name, "is going away")
		default:
			out[name] = ParseTombstone(name, data)
		}
	}
	return out, nil
}
