package converge

import (
	"fmt"

	"opsafe/internal/change"
)

// Describe says in one line what a change is about.
func Describe(c change.Change) string {
	var s string
	for i, a := range c.Attrs {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%s is %s, not %s", a.Name, valueText(a.Before), valueText(a.After))
	}
	switch {
	case s != "":
		return s
	case c.Diff != nil:
		return "content of " + c.Diff.Path
	case c.Why != "":
		return c.Why
	default:
		return string(c.Action)
	}
}

func valueText(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return v.Text
	case change.Secret:
		return "(secret)"
	case change.Absent:
		return "absent"
	default:
		return string(v.Kind)
	}
}
