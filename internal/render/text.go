package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Text writes results for people as they come: only what changes, grouped by
// kind, with before and after.
type Text struct {
	out   io.Writer
	style Style
	kind  string // whose heading was written last
	wrote bool
}

// NewText writes to out.
func NewText(out io.Writer, style Style) *Text { return &Text{out: out, style: style} }

// Result writes one result, if it is a change.
func (t *Text) Result(r change.Result) {
	if r.Status != change.Changed {
		return
	}
	t.heading(r.ID.Kind)
	t.line(r)
	t.details(r.Change)
	for _, n := range r.Notes {
		t.printf("      %s\n", t.style.paint(yellow, "note: "+clean(n)))
	}
}

// headings are the kinds' names above their changes.
func plural(kind string) string {
	switch kind {
	case "directory":
		return "directories"
	case "acl":
		return "ACLs"
	case "sudoers", "sshd", "docker", "chrony":
		return kind
	case "restart", "reload":
		return "services"
	default:
		return kind + "s"
	}
}

func (t *Text) heading(kind string) {
	name := plural(kind)
	if name == t.kind {
		return
	}
	if t.wrote {
		t.printf("\n")
	}
	t.kind, t.wrote = name, true
	t.printf("%s\n", t.style.paint(bold, name))
}

// nameColumn is how much room a name has before its attributes.
const nameColumn = 32

// indent stands before everything that belongs to the line above.
const indent = "      "

// defaultWidth is assumed where the output is no terminal.
const defaultWidth = 100

func (t *Text) line(r change.Result) {
	name := clean(r.ID.Name)
	if r.Change.Action == change.Run {
		name = r.ID.Kind + " " + name
	}
	short, long := t.split(r)
	words := short
	if r.Change.Why != "" {
		words = append(words, clean(r.Change.Why))
	}
	if r.Change.Deferred != "" {
		words = append(words, t.style.paint(dim, "(known after apply: "+clean(r.Change.Deferred)+")"))
	}
	if r.Change.Irreversible != "" {
		words = append(words, t.style.paint(yellow, "cannot be undone: "+clean(r.Change.Irreversible)))
	}
	t.printf("%s\n", strings.Join(t.wrap("  "+t.sign(r.Change.Action)+" "+name, words), "\n"))
	for _, l := range long {
		t.printf("%s%s\n", indent, l)
	}
}

// wrap puts words behind a head, and those for which there is no room on lines of
// their own below.
func (t *Text) wrap(head string, words []string) []string {
	width := t.style.Width
	if width == 0 {
		width = defaultWidth
	}
	const margin = 4 // of sign and spaces before a name
	if len(words) > 0 {
		head += strings.Repeat(" ", max(0, nameColumn+margin-visible(head)))
	}
	lines := []string{head}
	between := " "
	for _, w := range words {
		last := &lines[len(lines)-1]
		if visible(*last)+visible(between+w) > width && between != "" {
			if len(lines) == 1 && between == " " {
				*last = strings.TrimRight(*last, " ")
			}
			lines = append(lines, indent+w)
		} else {
			*last += between + w
		}
		between = " · "
	}
	return lines
}

// visible is how many columns text takes, without its colours.
func visible(text string) int {
	n, escape := 0, false
	for _, c := range text {
		switch {
		case c == 0x1b:
			escape = true
		case !escape:
			n++
		case c == 'm':
			escape = false
		}
	}
	return n
}

func (t *Text) sign(a change.Action) string {
	switch a {
	case change.Add:
		return t.style.paint(green, "+")
	case change.Remove:
		return t.style.paint(red, "-")
	case change.Run:
		return t.style.paint(cyan, "↻")
	default:
		return t.style.paint(yellow, "~")
	}
}

// longValue is the length from which an attribute gets a line of its own.
const longValue = 48

// split writes the attributes: short ones for the resource's own line, long
// ones and repeated ones for lines below.
func (t *Text) split(r change.Result) (short, long []string) {
	for _, g := range groupAttrs(compact(r)) {
		text := t.attr(r.Change.Action, g)
		if len(g.values) == 1 && utf8.RuneCountInString(g.values[0].Before.Text)+utf8.RuneCountInString(g.values[0].After.Text) <= longValue {
			short = append(short, text...)
		} else {
			long = append(long, text...)
		}
	}
	return short, long
}

// compact leaves out what goes without saying, and writes owner, group and mode
// of something new as one.
func compact(r change.Result) []change.Attr {
	attrs := r.Change.Attrs
	if r.Change.Action != change.Add {
		return attrs
	}
	if r.ID.Kind == "package" {
		return slices.DeleteFunc(slices.Clone(attrs), func(a change.Attr) bool {
			return a.Name == "state" && a.Before.Kind == change.Absent
		})
	}
	named := map[string]string{}
	for _, a := range attrs {
		if a.Before.Kind == change.Absent && a.After.Kind == change.Known {
			named[a.Name] = a.After.Text
		}
	}
	owner, group := named["owner"], named["group"]
	if owner == "" || group == "" {
		return attrs
	}
	whole := change.Attr{After: change.Text(strings.TrimSpace(owner + ":" + group + " " + named["mode"]))}
	rest := slices.DeleteFunc(slices.Clone(attrs), func(a change.Attr) bool {
		return a.Name == "owner" || a.Name == "group" || a.Name == "mode"
	})
	return append([]change.Attr{whole}, rest...)
}

// attrGroup is the values of attributes of one name, such as the members of a
// group that come and go.
type attrGroup struct {
	name   string
	values []change.Attr
}

func groupAttrs(attrs []change.Attr) []attrGroup {
	var out []attrGroup
	for _, a := range attrs {
		if n := len(out); n > 0 && out[n-1].name == a.Name {
			out[n-1].values = append(out[n-1].values, a)
		} else {
			out = append(out, attrGroup{a.Name, []change.Attr{a}})
		}
	}
	return out
}

func (t *Text) attr(action change.Action, g attrGroup) []string {
	if len(g.values) == 1 {
		a := g.values[0]
		switch {
		case g.name == "":
			return []string{t.value(a.After)}
		case a.Before.Kind == change.Absent && action == change.Add:
			return []string{clean(g.name) + " " + t.value(a.After)}
		case a.Before.Kind == change.Absent:
			return []string{clean(g.name) + " " + t.style.paint(green, "+") + t.value(a.After)}
		case a.After.Kind == change.Absent:
			return []string{clean(g.name) + " " + t.style.paint(red, "-") + t.value(a.Before)}
		default:
			return []string{clean(g.name) + " " + t.value(a.Before) + " → " + t.value(a.After)}
		}
	}
	return t.many(g)
}

// many writes several values of one attribute: short ones side by side, long
// ones a line each, folded when there are too many.
func (t *Text) many(g attrGroup) []string {
	const most = 12
	var items []string
	wide := false
	for _, a := range g.values {
		switch {
		case a.Before.Kind == change.Absent:
			items = append(items, t.style.paint(green, "+")+t.value(a.After))
		case a.After.Kind == change.Absent:
			items = append(items, t.style.paint(red, "-")+t.value(a.Before))
		default:
			items = append(items, t.value(a.Before)+" → "+t.value(a.After))
		}
		wide = wide || utf8.RuneCountInString(a.Before.Text)+utf8.RuneCountInString(a.After.Text) > longValue/2
	}
	if more := len(items) - most; more > 1 && !t.style.Full {
		items = append(items[:most], t.style.paint(dim, fmt.Sprintf("and %d more", more)))
	}
	if !wide {
		return []string{clean(g.name) + " " + strings.Join(items, " ")}
	}
	for i := range items {
		items[i] = clean(g.name) + " " + items[i]
	}
	return items
}

func (t *Text) value(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return clean(v.Text)
	case change.Secret:
		return t.style.paint(dim, "(secret, sha256 "+clean(v.Text)+")")
	case change.Absent:
		return t.style.paint(dim, "none")
	default:
		return t.style.paint(dim, "("+string(v.Kind)+")")
	}
}

func (t *Text) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// Close writes what could not be seen, what does not apply and what failed, and
// last the summary in one line.
func (t *Text) Close(rep *converge.Report, mode Mode) {
	if mode == Plan {
		t.list("not applicable on this host", rep, dim, change.NotApplicable)
	}
	t.list("unknown", rep, yellow, change.Unknown)
	t.noted(rep)
	t.failures(rep)
	if t.wrote {
		t.printf("\n")
	}
	t.printf("%s\n", t.summary(rep, mode))
}

func (t *Text) section(name, color string) {
	if t.wrote {
		t.printf("\n")
	}
	t.wrote, t.kind = true, ""
	t.printf("%s\n", t.style.paint(bold+color, name))
}

// denied is what the reason says when root would see more.
const denied = "permission denied"

// list writes resources of one status with their reasons; those that share one
// are written together. What only root may see is counted by kind.
func (t *Text) list(title string, rep *converge.Report, color string, status change.Status) {
	var reasons, kinds []string
	byReason, byKind := map[string][]string{}, map[string][]string{}
	for _, r := range rep.Results {
		switch {
		case r.Status != status:
		case strings.Contains(r.Reason, denied):
			kinds = collect(kinds, byKind, plural(r.ID.Kind), clean(r.ID.Name))
		default:
			reasons = collect(reasons, byReason, r.Reason, clean(r.ID.String()))
		}
	}
	if len(reasons)+len(kinds) == 0 {
		return
	}
	t.section(title, color)
	for _, reason := range reasons {
		head := "  " + t.fold(byReason[reason])
		t.printf("%s\n", strings.Join(t.wrap(head, []string{t.style.paint(dim, clean(reason))}), "\n"))
	}
	for _, kind := range kinds {
		names := byKind[kind]
		what := fmt.Sprintf("%d %s", len(names), kind)
		if len(names) == 1 && kind != plural("sudoers") {
			what = "1 " + strings.TrimSuffix(strings.Replace(kind, "directories", "directory", 1), "s")
		}
		head := fmt.Sprintf("  %s, %s", what, t.style.paint(dim, denied+":"))
		t.printf("%s\n", strings.Join(t.wrap(head, []string{t.fold(names)}), "\n"))
	}
}

// collect files a name under a key, and keeps the keys in order of appearance.
func collect(order []string, m map[string][]string, key, name string) []string {
	if _, ok := m[key]; !ok {
		order = append(order, key)
	}
	m[key] = append(m[key], name)
	return order
}

// fold lists names, the first few unless all are asked for.
func (t *Text) fold(names []string) string {
	const most = 3
	if len(names) > most+1 && !t.style.Full {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// noted writes the notes of what did not change: those of changes stand beside
// them.
func (t *Text) noted(rep *converge.Report) {
	first := true
	for _, r := range rep.Results {
		if r.Status == change.Changed {
			continue
		}
		for _, n := range r.Notes {
			if first {
				t.section("notes", yellow)
				first = false
			}
			t.printf("  %s\n      %s\n", clean(r.ID.String()), clean(n))
		}
	}
}

func (t *Text) failures(rep *converge.Report) {
	if rep.Summary.Failed == 0 {
		return
	}
	t.section("failed", red)
	for _, r := range rep.Results {
		switch r.Status {
		case change.Failed:
			t.printf("  %s %s\n", t.style.paint(red, "✗"), t.place(r))
			for line := range strings.Lines(r.Err.Error()) {
				t.printf("      %s\n", clean(strings.TrimRight(line, "\n")))
			}
		case change.Blocked:
			t.printf("  %s %s\n      not tried: %s\n", t.style.paint(yellow, "⊘"), t.place(r), clean(r.Reason))
		}
	}
}

// place is a resource and where it is declared.
func (t *Text) place(r change.Result) string {
	name := clean(r.ID.String())
	if r.Pos.File == "" {
		return name
	}
	return name + " " + t.style.paint(dim, r.Pos.String())
}

// Mode tells a plan from the real thing, for the words of the summary.
type Mode string

// The modes.
const (
	Plan  Mode = "plan"
	Apply Mode = "apply"
)

func (t *Text) summary(rep *converge.Report, mode Mode) string {
	s := rep.Summary
	head, color := "Nothing to do.", green
	if n := s.Changes(); n > 0 {
		verbs := [4]string{"to add", "to change", "to remove", "to restart or reload"}
		head, color = "Plan:", bold
		if mode == Apply {
			verbs = [4]string{"added", "changed", "removed", "restarted or reloaded"}
			head, color = "Done:", green
		}
		var parts []string
		for i, n := range []int{s.Add, s.Change, s.Remove, s.Run} {
			if n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, verbs[i]))
			}
		}
		head += " " + strings.Join(parts, ", ") + "."
	}
	if s.Failed > 0 {
		head, color = strings.TrimSuffix(head, ".")+fmt.Sprintf("; %d failed.", s.Failed), red
		if s.Changes() == 0 {
			head = fmt.Sprintf("%d failed.", s.Failed)
		}
	} else if s.Unknown > 0 && s.Changes() == 0 {
		head, color = "Not everything could be seen.", yellow
	}
	if rep.Interrupted {
		if s.Changes()+s.Failed+s.Unknown == 0 {
			head = "" // there may well be something to do
		}
		head, color = strings.TrimSpace("Interrupted. "+head), red
	}
	tail := fmt.Sprintf("%d unchanged", s.Unchanged)
	if s.NotApplicable > 0 {
		tail += fmt.Sprintf(", %d not applicable", s.NotApplicable)
	}
	if s.Unknown > 0 {
		tail += fmt.Sprintf(", %d unknown", s.Unknown)
	}
	tail += ", " + took(rep.Took)
	between := " "
	if w := t.style.Width; w > 0 && visible(head+" "+tail) > w {
		between = "\n"
	}
	return t.style.paint(color, head) + between + t.style.paint(dim, tail)
}

func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
