package kind

import (
	"errors"
	"slices"

	"opsafe/internal/host"
)

// ownKeyPlaces are the files that sshd reads for one account, and not for all.
func ownKeyPlaces(r host.Reader, name string) ([]string, error) {
	all, err := KeyPlaces(r)
	var out []string
	for _, p := range all {
		if p.Of(name) {
			out = append(out, p.Path)
		}
	}
	return out, err
}

// PresentKeys are the fingerprints of the keys in somebody's own files. With an
// error, they are those that can be read.
func PresentKeys(r host.Reader, name string) ([]string, error) {
	places, err := KeyPlaces(r)
	keys, unread := OwnKeys(r, places, name)
	return keys, errors.Join(err, unread)
}

// OwnKeys is PresentKeys where the places are known.
func OwnKeys(r host.Reader, places []KeyPlace, name string) ([]string, error) {
	var unread []error
	var out []string
	for _, p := range places {
		if !p.Of(name) {
			continue
		}
		lines, _, err := KeyLines(r, p.Path)
		unread = append(unread, err)
		for _, l := range lines {
			if l.Fingerprint != "" && !slices.Contains(out, l.Fingerprint) {
				out = append(out, l.Fingerprint)
			}
		}
	}
	return out, errors.Join(unread...)
}

// KeysIn are the fingerprints of the keys in a file.
func KeysIn(r host.Reader, at string) ([]string, error) {
	lines, _, err := KeyLines(r, at)
	var out []string
	for _, l := range lines {
		if l.Fingerprint != "" {
			out = append(out, l.Fingerprint)
		}
	}
	return out, err
}
