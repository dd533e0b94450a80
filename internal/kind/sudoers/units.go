package sudoers

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/words"
)

// systemctlRule is a command of a sudoers rule that does something to units.
var systemctlRule = words.Pattern(`systemctl[ \t]+(?:-\S+[ \t]+)*(start|stop|restart|reload|try-restart|reload-or-restart|status|kill|enable|disable)[ \t]+([^,\n\\]+)`)

// journalRule is one that shows the journal of a unit. What -t names is no unit, and
// need not be anything on the host.
var journalRule = words.Pattern(`journalctl[ \t]+(?:-\S+[ \t]+)*?(?:-u[ \t]*|--unit[= \t])([^\s,\\]+)`)

// unitNotes says which units the rules are for that neither the spec nor the host
// has: such a rule gives nobody anything.
func unitNotes(ctx context.Context, in *kind.Input, r host.Reader, lines []string) []string {
	var missing []string
	for _, line := range lines {
		for _, name := range unitsNamed(line) {
			if strings.HasPrefix(name, "-") || strings.ContainsAny(name, `*?[%:"`) {
				continue
			}
			if path.Ext(name) == "" {
				name += ".service"
			}
			if !slices.Contains(missing, name) && noUnit(ctx, in, r, name) {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("it has rules for %s, which neither the spec nor this host has: they give nobody anything", strings.Join(missing, ", "))}
}

// unitsNamed are the words of a line of rules that stand where a unit does.
func unitsNamed(line string) []string {
	var out []string
	for _, m := range systemctlRule().FindAllStringSubmatch(line, -1) {
		out = append(out, strings.Fields(m[2])...)
	}
	for _, m := range journalRule().FindAllStringSubmatch(line, -1) {
		out = append(out, m[1])
	}
	return out
}

// noUnit reports whether a unit is certainly neither declared nor there.
func noUnit(ctx context.Context, in *kind.Input, r host.Reader, name string) bool {
	if u := kind.UnitsOf(in.Backend)[name]; u != nil {
		return u.State == kind.Absent
	}
	if at := strings.IndexByte(name, '@'); at >= 0 { // an instance of a template
		if kind.UnitsOf(in.Backend)[name[:at+1]+path.Ext(name)] != nil {
			return false
		}
	}
	u, err := r.Unit(ctx, name)
	return err == nil && u == nil
}
