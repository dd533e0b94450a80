package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// conditionForms is what a condition can look like, for messages.
const conditionForms = `"device PATH exists", "path PATH exists", "mounted PATH", "release NAME[, NAME…]", "package NAME available", ` +
	`"package NAME installed", "unit NAME exists" or "exists", each with "not" in front if need be`

// exists is the condition on the item itself that it stands in.
const exists = "exists"

// parseCondition parses the grammar that the facts document.
func parseCondition(at Pos, text string) (Condition, error) {
	c := Condition{Pos: at, Text: text}
	words := strings.Fields(strings.ReplaceAll(text, ",", " , "))
	if len(words) > 0 && words[0] == "not" {
		c.Not = true
		words = words[1:]
	}
	switch {
	case len(words) == 1 && words[0] == exists:
		return c, nil // of what, the item says: see itself
	case len(words) > 1 && words[0] == string(FactRelease):
		return c.release(words[1:])
	case len(words) == 2 && words[0] == string(FactMounted):
		words = append(words, "")
	case len(words) != 3:
		return c, fmt.Errorf("condition %s: want %s", quote(text), conditionForms)
	}
	c.Args = words[1:2]
	switch subject, verb := words[0], words[2]; {
	case subject == string(FactMounted) && verb == "":
		c.Fact = FactMounted
		if err := CleanPath(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	case (subject == "device" || subject == "path") && verb == "exists":
		c.Fact = Fact(subject)
		if err := CleanPath(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	case subject == "package" && (verb == "available" || verb == "installed"):
		c.Fact = Fact(subject + " " + verb)
		if err := PackageName(c.Args[0]); err != nil {
			return c, fmt.Errorf("condition %s: %w", quote(text), err)
		}
	case subject == "unit" && verb == "exists":
		c.Fact = FactUnit
		if err := UnitName(c.Args[0]); err != nil {
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

// existing is an item of which it can be asked whether it is there by itself.
type existing interface {
	// ExistsAs is what the condition exists asks, of the item's name.
	ExistsAs() Fact
}

// itself resolves the condition exists, which is on an item itself, once it is known
// which item of which type that is.
func (d *decoder) itself(v reflect.Value, name, label string) {
	field := v.FieldByName("When")
	if !field.IsValid() {
		return
	}
	when, _ := field.Interface().(Conditions)
	for i := range when {
		c := &when[i]
		if c.Fact != "" {
			continue
		}
		item, ok := v.Interface().(existing)
		if !ok {
			d.problems.Addf(c.Pos, "%s: when: the condition %s is for directories, acls, files and units: name what has to be there, as in path PATH exists", label, quote(c.Text))
			continue
		}
		c.Fact, c.Args = item.ExistsAs(), []string{name}
		c.Text = strings.Replace(c.Text, exists, string(c.Fact)+" "+name+" "+exists, 1)
	}
}
