package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
)

// Unset lists the variables that files need and that are not set, sorted. One that
// has a default where it stands needs no value there, but may in the next line.
func Unset(files []File, variables map[string]string) ([]string, error) {
	n := needs{set: variables, unset: map[string]bool{}}
	for _, f := range files {
		m, err := read(f)
		if err != nil {
			return nil, err
		}
		n.look(m)
	}
	return slices.Sorted(maps.Keys(n.unset)), nil
}

// needs are the variables that the texts of a file cannot do without. The library
// tells them only by name, and takes a default in one place for one in all places.
type needs struct {
	set   map[string]string
	unset map[string]bool
}

// look goes through all that is filled in: of maps it is the values alone.
func (n needs) look(v any) {
	switch v := v.(type) {
	case string:
		n.fill(v)
	case []any:
		for _, e := range v {
			n.look(e)
		}
	case map[string]any:
		for _, e := range v {
			n.look(e)
		}
	case map[any]any: // where a key is a number
		for _, e := range v {
			n.look(e)
		}
	}
}

// fill goes through the variables of a text in the way in which they are filled in:
// a default counts, and needs what is in it, only where it is taken.
func (n needs) fill(text string) {
	pattern := template.DefaultPattern
	for {
		at := pattern.FindStringIndex(text)
		if at == nil {
			return
		}
		// The pattern takes in what comes after the brace that closes the variable.
		one := text[at[0]:at[1]]
		one = one[:closing(one)]
		text = text[at[0]+len(one):]
		groups := pattern.FindStringSubmatch(one)
		if groups == nil {
			continue
		}
		if name := groups[pattern.SubexpIndex("named")]; name != "" {
			n.want(name)
		} else if braced := groups[pattern.SubexpIndex("braced")]; braced != "" {
			n.braced(braced)
		}
	}
}

// braced is a variable with what is said of it: NAME, NAME-DEFAULT, NAME:?ERROR.
func (n needs) braced(text string) {
	end := strings.IndexAny(text, ":-+?")
	if end < 0 {
		n.want(text)
		return
	}
	name := text[:end]
	rest, orEmpty := strings.CutPrefix(text[end:], ":")
	value, set := n.set[name]
	there := set && (value != "" || !orEmpty)
	switch rest[0] {
	case '-':
		if !there {
			n.fill(rest[1:])
		}
	case '+':
		if there {
			n.fill(rest[1:])
		}
	default: // with ? it says itself that it needs one
		n.want(name)
	}
}

func (n needs) want(name string) {
	if _, set := n.set[name]; !set {
		n.unset[name] = true
	}
}

// closing is where a variable ends that a text begins with: behind its brace, or else
// with the text. Like the library, it takes no brace that follows another for one.
func closing(text string) int {
	open := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open++
			i++
		case '}':
			if open--; open == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
