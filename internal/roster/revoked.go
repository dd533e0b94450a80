package roster

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// RevokedPath is the path of a key's record. That it is there is what keeps the key
// out; what it says is for people.
func RevokedPath(fingerprint string) string {
	return path.Join(notes.Revoked, strings.NewReplacer(":", "-", "/", "_").Replace(fingerprint))
}

// CheckFingerprint refuses what is not a fingerprint as ssh-keygen -l shows it.
func CheckFingerprint(s string) error {
	const digits = 43 // base64 without padding, of 32 bytes
	sum, ok := strings.CutPrefix(s, "SHA256:")
	if !ok || len(sum) != digits || strings.ContainsFunc(sum, notBase64) {
		return fmt.Errorf("%q is not the fingerprint of a key: want SHA256: and 43 characters, as ssh-keygen -l shows it", s)
	}
	return nil
}

func notBase64(c rune) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return !letter && (c < '0' || c > '9') && c != '+' && c != '/'
}

// Revocation is what revoke-key leaves behind, as JSON.
type Revocation struct {
	FormatVersion int       `json:"format_version"`
	Fingerprint   string    `json:"fingerprint"`
	Since         time.Time `json:"since"` // RFC 3339, UTC
	By            string    `json:"by"`    // who ran revoke-key
}

// Marshal is the content of the file.
func (v Revocation) Marshal() ([]byte, error) {
	v.FormatVersion = tombstoneFormat
	v.Since = v.Since.UTC().Truncate(time.Second)
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot write the record of %s: %w", v.Fingerprint, err)
	}
	return append(data, '\n'), nil
}

// ReadRevoked finds out which keys are revoked on the host, by fingerprint. A file
// that cannot be understood still revokes the key that it is called after.
func ReadRevoked(r host.Files) (map[string]Revocation, error) {
	names, err := r.ReadDir(notes.Revoked)
	if err != nil {
		return nil, fmt.Errorf("cannot tell which keys are revoked on this host: %w", err)
	}
	out := map[string]Revocation{}
	for _, name := range names {
		// A fingerprint has no - and no _ of its own.
		fingerprint := strings.ReplaceAll(strings.Replace(name, "-", ":", 1), "_", "/")
		if CheckFingerprint(fingerprint) != nil {
			continue
		}
		var v Revocation
		if data, err := r.ReadFile(path.Join(notes.Revoked, name)); err == nil {
			_ = json.Unmarshal(data, &v)
		}
		v.Fingerprint = fingerprint
		out[fingerprint] = v
	}
	return out, nil
}

// Block leaves revoked keys out of all that is collected afterwards.
func (r *Roster) Block(revoked map[string]Revocation) { r.blocked = revoked }

// block takes revoked keys out of a set, and says where the lists still have them.
func (r *Roster) block(s *KeySet) {
	if len(r.blocked) == 0 {
		return
	}
	kept := s.Keys[:0:0]
	for _, k := range s.Keys {
		v, ok := r.blocked[k.Fingerprint]
		if !ok {
			kept = append(kept, k)
			continue
		}
		since := ""
		if !v.Since.IsZero() {
			since = fmt.Sprintf(" since %s by %s", v.Since.Local().Format("2006-01-02 15:04"), v.By)
		}
		s.notef("the key %s is revoked on this host%s, and left out: take it out of %s", k.Fingerprint, since, k.Place())
		if !slices.Contains(r.stillListed, k.Fingerprint) {
			r.stillListed = append(r.stillListed, k.Fingerprint)
		}
	}
	s.Keys = kept
	if s.Doubt != nil {
		s.Doubt.Pinned = slices.DeleteFunc(slices.Clone(s.Doubt.Pinned), func(fp string) bool { _, ok := r.blocked[fp]; return ok })
	}
}

// Revoked are the keys that are kept out of this host, sorted; of those with true,
// the lists have none any more.
func (r *Roster) Revoked() map[string]bool {
	out := map[string]bool{}
	for fp := range r.blocked {
		out[fp] = !slices.Contains(r.stillListed, fp)
	}
	return out
}
