package spec

import (
	"fmt"
	"slices"
	"strings"
)

// conditionForms is what a condition can look like, for messages.
const conditionForms = `"device PATH exists", "path PATH exists", "release NAME[, NAME…]", "package NAME available", ` +
	`"package NAME installed" or "unit NAME exists", each with "not" in front if need be`

// parseCondition parses the grammar that the facts document.
func parseCondition(at Pos, text string) (Condition, error) {
	c := Condition{Pos: at, Text: text}
	words := strings.Fields(strings.ReplaceAll(text, ",", " , "))
	if len(words) > 0 && words[0] == "not" {
		c.Not = true
		words = words[1:]
	}
	if len(words) < 2 {
		return c, fmt.Errorf("condition %s: want %s", quote(text), conditionForms)
	}
	if words[0] == string(FactRelease) {
		return c.release(words[1:])
	}
	if len(words) != 3 {
		return c, fmt.Errorf("condition %s: want %s", quote(text), conditionForms)
	}
	c.Args = words[1:2]
	switch subject, verb := words[0], words[2]; {
	case (subject == "device" || subject == "path") && verb == "exists":
		c.Fact = Fact(subject)
		if err := cleanPath(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	case subject == "package" && (verb == "available" || verb == "installed"):
		c.Fact = Fact(subject + " " + verb)
		if err := packageName(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	case subject == "unit" && verb == "exists":
		c.Fact = FactUnit
		if err := unitName(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	default:
		return c, fmt.Errorf("condition %s: want %s", quote(text), conditionForms)
	}
	return c, nil
}

func (c Condition) release(words []string) (Condition, error) {
	c.Fact = FactRelease
	for i, w := range words {
		if i%2 == 1 != (w == ",") {
			return c, fmt.Errorf("condition %s: want release NAME, NAME…", quote(c.Text))
		}
		if w == "," {
			continue
		}
		if strings.ContainsFunc(w, func(r rune) bool { return r < 'a' || r > 'z' }) {
			return c, fmt.Errorf("condition %s: release %s: want a codename such as bookworm", quote(c.Text), quote(w))
		}
		if slices.Contains(c.Args, w) {
			return c, fmt.Errorf("condition %s: release %s twice", quote(c.Text), quote(w))
		}
		c.Args = append(c.Args, w)
	}
	if len(words)%2 == 0 {
		return c, fmt.Errorf("condition %s: ends with a comma", quote(c.Text))
	}
	return c, nil
}
