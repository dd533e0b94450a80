package kind

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/policy"
	"opsafe/internal/roster"
)

// KeyAttrs names the keys that come, go and change, by their fingerprints, and
// the lines that are no keys: nothing goes unsaid.
func KeyAttrs(c *change.Change, have, want []byte, set roster.KeySet) {
	attr := func(name, before, after string) {
		c.Attrs = append(c.Attrs, change.Attr{Name: name, Before: change.Text(before), After: change.Text(after)})
	}
	source := map[string]string{}
	for _, k := range set.Keys {
		source[k.Fingerprint] = k.Source
	}
	wanted, others := map[string]roster.Key{}, map[string]bool{}
	var order []roster.Key
	for line := range strings.Lines(string(want)) {
		if k, ok := PresentKey(line); ok {
			wanted[k.Fingerprint] = k
			order = append(order, k)
		} else if strings.TrimSpace(line) != "" {
			others[strings.TrimRight(line, "\r\n")] = true
		}
	}
	seen := map[string]bool{}
	var gone []string
	for line := range strings.Lines(string(have)) {
		k, ok := PresentKey(line)
		w, declared := wanted[k.Fingerprint]
		switch {
		case ok && declared && !seen[k.Fingerprint]:
			seen[k.Fingerprint] = true
			if k.Options != w.Options {
				attr("options of "+k.Fingerprint, cmp.Or(k.Options, "none"), cmp.Or(w.Options, "none"))
			}
		case ok:
			gone = append(gone, keyText(k))
		case others[strings.TrimRight(line, "\r\n")]:
			delete(others, strings.TrimRight(line, "\r\n"))
		case strings.TrimSpace(line) != "":
			gone = append(gone, quoted(line))
		}
	}
	for _, k := range order {
		if seen[k.Fingerprint] {
			continue
		}
		text := keyText(k)
		if s := source[k.Fingerprint]; s != "" && s != k.Comment {
			text += " (" + s + ")"
		}
		attr("key", "", text)
	}
	for _, line := range slices.Sorted(maps.Keys(others)) {
		attr("key", "", quoted(line))
	}
	for _, text := range gone {
		attr("key", text, "")
	}
	if len(c.Attrs) == 0 {
		attr("lines", "order or comments differ", "as declared")
	}
}

// NameKeys has the change of a file of keys name them as those of the kind do, instead
// of showing lines: what it held, and what it is going to hold.
func NameKeys(c *change.Change, have, want []byte) {
	c.Diff = nil
	c.Attrs = slices.DeleteFunc(c.Attrs, func(a change.Attr) bool { return a.Name == "content" })
	var keys change.Change
	if !bytes.Equal(have, want) {
		KeyAttrs(&keys, have, want, roster.KeySet{})
	}
	c.Attrs = append(c.Attrs, keys.Attrs...)
}

// HasKeys reports whether a file holds public keys, whatever else is in it.
func HasKeys(data []byte) bool {
	for line := range bytes.Lines(data) {
		if _, ok := PresentKey(string(line)); ok {
			return true
		}
	}
	return false
}

func keyText(k roster.Key) string {
	return strings.TrimSpace(strings.Join([]string{k.Type, k.Fingerprint, k.Comment}, " "))
}

// quoted shows the beginning of a line that is no key.
func quoted(line string) string {
	line = strings.TrimRight(line, "\r\n")
	const most = 40
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", line)
}

// PresentKey reads one line of a present authorized_keys, of which more is
// accepted than of a declared one.
func PresentKey(line string) (roster.Key, bool) {
	keys, err := roster.ParseKeys([]byte(line), "", roster.ParseOptions{Options: true, Comments: true, MinRSABits: 1})
	if err != nil || len(keys) != 1 {
		return roster.Key{}, false
	}
	return keys[0], true
}

// HasKey reports whether an account has a key that lets somebody in.
func HasKey(r host.Reader, u *host.User) (bool, error) {
	for _, name := range policy.KeyFiles() {
		at := u.Home + "/.ssh/" + name
		n, err := r.Stat(at)
		if err != nil {
			return false, err
		}
		if n == nil || n.Type != host.TypeFile {
			continue
		}
		if n.Size > policy.MaxKeyFile {
			return true, nil
		}
		data, err := r.ReadFile(at)
		if err != nil {
			return false, err
		}
		for line := range bytes.Lines(data) {
			if _, ok := PresentKey(string(line)); ok {
				return true, nil
			}
		}
	}
	return false, nil
}
