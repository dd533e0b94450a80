package compose

import (
	"regexp"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// What the library says of values that it cannot read.
var (
	undecoded = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^'([^']+)' (.+)$`) })
	otherType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(services\.\S+): unexpected type (\w+)$`) })
	noNumber  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:failed to cast to expected type: )?strconv\.\w+: parsing (".*"): .*$`)
	})
	badSuffix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^invalid (?:suffix|size): '(.*)'$`) })
	badTime   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^time: .* duration (".*")$`) })
)

// values places what the library says of values that it cannot read; nil: it says something else.
func values(files []File, text string) []*Problem {
	var out []*Problem
	say := func(path, what string) {
		path = strings.TrimSuffix(strings.NewReplacer(".[", ".", "[", ".", "]", "").Replace(path), ".")
		p := find(files, path)
		p.Text = path + ": " + inWords(what)
		out = append(out, p)
	}
	if strings.HasPrefix(text, "decoding failed ") {
		for _, m := range undecoded().FindAllStringSubmatch(text, -1) {
			say(m[1], m[2])
		}
		return out
	}
	if m := otherType().FindStringSubmatch(text); m != nil {
		say(m[1], "want text: write it in quotes")
		return out
	}
	for i := len(files) - 1; i >= 0; i-- {
		var root yaml.Node
		if yaml.Unmarshal(files[i].Data, &root) != nil || len(root.Content) == 0 {
			continue
		}
		if n, what := refused(&root, text, nil); n != nil {
			return []*Problem{{File: files[i].Name, Line: n.Line, Column: n.Column, Text: what}}
		}
	}
	return nil
}

// inWords says what is wrong with a value without the words of a library of a language.
func inWords(what string) string {
	if m := noNumber().FindStringSubmatch(what); m != nil {
		return "want a number, got " + m[1]
	}
	if m := badSuffix().FindStringSubmatch(what); m != nil {
		return "want a size such as 512m or 2g, got " + m[1]
	}
	if m := badTime().FindStringSubmatch(what); m != nil {
		return "want a time such as 30s or 1m30s, got " + m[1]
	}
	if _, got, ok := strings.Cut(what, "invalid boolean: "); ok {
		return "want true or false, got " + got
	}
	return what
}

// refused is the port or volume of a service, in its short form, of which the library says text.
func refused(n *yaml.Node, text string, within []string) (*yaml.Node, string) {
	if n.Kind == yaml.ScalarNode && len(within) == 3 && !strings.Contains(n.Value, "$") {
		var err error
		switch within[2] {
		case "ports":
			_, err = types.ParsePortConfig(n.Value)
		case "volumes":
			_, err = format.ParseVolume(n.Value)
		}
		if err != nil && strings.Contains(text, err.Error()) {
			return n, strings.Join(within, ".") + ": " + n.Value + ": " + err.Error()
		}
	}
	for i, c := range n.Content {
		below := within
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			below = append(within[:len(within):len(within)], n.Content[i-1].Value)
		}
		if found, what := refused(c, text, below); found != nil {
			return found, what
		}
	}
	return nil, ""
}
