package render

import (
	"strings"

	"opsafe/internal/change"
)

// root says that the members of the group are root in effect, if they are.
func (g RootDoc) root() string {
	if g.Why == "" {
		return ""
	}
	return change.RootInEffect
}

// openGroups are those that others get into without root's doing.
func (t *Text) openGroups(groups []OpenGroupDoc) {
	if len(groups) == 0 {
		return
	}
	t.section("groups that others get into", bold)
	for _, g := range groups {
		var how []string
		if g.Password {
			how = append(how, "whoever knows its password, by newgrp")
		}
		if len(g.Admins) > 0 {
			how = append(how, "whomever its administrators take in: "+strings.Join(g.Admins, ", "))
		}
		t.lines(t.style.broken("  " + clean(g.Group) + ": " + clean(strings.Join(how, "; ")) + RootDoc{Why: g.Why}.root())...)
	}
}
