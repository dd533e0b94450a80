package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeySet is the keys that are to be in one authorized_keys file.
type KeySet struct {
	// Keys are in the order of the file: from the repository first, then from
	// GitHub, without repetitions.
	Keys []Key
	// Options stand in front of each key.
	Options string
	// Problem says why it is not known for certain which keys these are. Then
	// the file on the host stays as it is and the resource fails; Keys holds
	// those that are certain. If Problem wraps a *host.UnknownError, this
	// process may not see what it needs.
	Problem error
	// Unasked says that nothing is wrong but that the key server could not be asked.
	// Then Keys are at least better than none.
	Unasked bool
	// Doubt is set when the key server answered, but in a way that would take
	// away all that came from it.
	Doubt *Doubt
	// Notes are worth saying, but stop nothing.
	Notes []string
}

// Doubt is an answer without any key, as the server gives it for names that it
// does not know too, or without any that is pinned. Keys that came from it, and
// are trusted, stay on the host until somebody has looked.
type Doubt struct {
	Err error
	// Sources are the comments by which keys that stay are known on the host,
	// Pinned their fingerprints.
	Sources, Pinned []string
}

// Keeps reports whether a key that is on the host stays there.
func (d *Doubt) Keeps(k Key) bool {
	return d != nil && (slices.Contains(d.Sources, k.Comment) || slices.Contains(d.Pinned, k.Fingerprint))
}

// doubt adds to what is in doubt.
func (s *KeySet) doubt(d *Doubt) {
	switch {
	case d == nil:
	case s.Doubt == nil:
		s.Doubt = d
	default:
		s.Doubt = &Doubt{
			Err:     errors.Join(s.Doubt.Err, d.Err),
			Sources: slices.Concat(s.Doubt.Sources, d.Sources), Pinned: slices.Concat(s.Doubt.Pinned, d.Pinned),
		}
	}
}

// File is the content of authorized_keys.
func (s KeySet) File() []byte { return AuthorizedKeys(s.Keys, s.Options) }

func (s *KeySet) fail(err error) { s.Problem, s.Unasked = errors.Join(s.Problem, err), false }

// unasked is fail for a key server that could not be asked.
func (s *KeySet) unasked(err error) {
	only := s.Problem == nil || s.Unasked
	s.fail(err)
	s.Unasked = only
}

func (s *KeySet) notef(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// add appends the keys that are not there yet. A key without a comment takes
// that of its repetition.
func (s *KeySet) add(keys []Key) {
	s.Keys = slices.Grow(s.Keys, len(keys))
next:
	for _, k := range keys {
		for i, have := range s.Keys {
			if have.Blob == k.Blob {
				if have.Comment == "" {
					s.Keys[i].Comment = k.Comment
				}
				continue next
			}
		}
		s.Keys = append(s.Keys, k)
	}
}

// AuthorizedKeys renders keys in the order given, one a line: options, type,
// key and comment. A key without a comment gets its source for one, so that
// somebody who looks at the file on the host sees where it came from. Options
// of a key itself follow those for all.
func AuthorizedKeys(keys []Key, options string) []byte {
	var b strings.Builder
	for _, k := range keys {
		all := options
		switch {
		case all == "":
			all = k.Options
		case k.Options != "":
			all += "," + k.Options
		}
		if all != "" {
			b.WriteString(all + " ")
		}
		comment := k.Comment
		if comment == "" {
			comment = k.Source // without the line, which moves
		}
		b.WriteString(strings.TrimRight(k.Type+" "+k.Blob+" "+comment, " ") + "\n")
	}
	return []byte(b.String())
}

// owners knows whose key a blob is.
type owners map[string]owned

type owned struct {
	person string
	key    *Key
}

// claim says that the key is the person's. If it is another's already, the
// other is returned.
func (o owners) claim(person string, k *Key) (other owned, taken bool) {
	have, ok := o[k.Blob]
	if !ok {
		o[k.Blob] = owned{person: person, key: k}
		return owned{}, false
	}
	return have, have.person != person
}
