package kind

import (
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// differ adds an attribute to c if its two values are not the same.
func differ(c *change.Change, name, before, after string) bool {
	return c.Differ(name, before, after)
}

// fresh adds attributes of a thing that is made, in pairs of name and value;
// empty values are left out.
func fresh(c *change.Change, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			c.Attrs = append(c.Attrs, change.Attr{Name: pairs[i], After: change.Text(pairs[i+1])})
		}
	}
}

// freshID adds the number of what is made, which may be known after apply only.
func freshID(c *change.Change, name string, id int) {
	after := change.Text(strconv.Itoa(id))
	if id == host.UnknownID {
		after = change.Later()
	}
	c.Attrs = append(c.Attrs, change.Attr{Name: name, After: after})
}

// list writes a list as one value; an empty list is no value.
func list(items []string) string { return strings.Join(items, ", ") }
