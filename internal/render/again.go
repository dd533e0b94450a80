package render

import (
	"slices"

	"opsafe/internal/change"
)

// What has been read from a document again is shown in the words in which the run
// itself has shown it.

// About is what would become of a resource: its attributes, and what is said of it.
func (i Item) About() []string {
	c := change.Change{Action: change.Action(i.Action)}
	for _, a := range i.Attrs {
		c.Attrs = append(c.Attrs, change.Attr{Name: a.Name, Before: a.of(a.Before), After: a.of(a.After)})
	}
	var out []string
	for _, g := range groupAttrs(compact(change.Result{ID: change.ID{Kind: i.Kind, Name: i.Name}, Change: c})) {
		out = append(out, describe(Style{Full: true}, c.Action, g)...)
	}
	for _, said := range []struct{ before, text string }{
		{"", i.Why}, {"known after apply: ", i.Deferred}, {"cannot be undone: ", i.Undo}, {"", i.Reason}, {"", i.Error},
	} {
		if said.text != "" {
			out = append(out, said.before+said.text)
		}
	}
	if _, hidden := i.Content(); hidden != "" {
		out = append(out, "content is not shown: "+hidden)
	}
	return slices.Concat(out, i.Notes)
}

// of is one of the two values of an attribute. Which of them is special, a document
// does not say: a value that is not there at all is, and so are digests.
func (a Attr) of(text *string) change.Value {
	kind := change.ValueKind(a.Special)
	switch {
	case text == nil:
		return change.Value{}
	case kind == change.Secret, kind != change.Absent && *text == "":
		return change.Value{Kind: kind, Text: *text}
	}
	return change.Text(*text)
}

// Content is the difference of a file's content by line, or why it is not shown.
func (i Item) Content() (lines []string, hidden string) {
	if i.Diff == nil {
		return nil, ""
	}
	return content(change.Change{Diff: &change.Diff{Path: i.Diff.Path, Before: i.Diff.Before, After: i.Diff.After, Hidden: i.Diff.Hidden}})
}

// Sign stands before a resource, by what would become of it.
func (i Item) Sign() string {
	switch change.Status(i.Status) {
	case change.Failed:
		return failedSign
	case change.Blocked:
		return "⊘"
	case change.Changed:
		return Style{}.sign(change.Action(i.Action))
	case change.Unchanged:
		return " "
	default:
		return "?"
	}
}

// LoginWords say whether and by what somebody can log in.
func (p Person) LoginWords() string { return p.login() }

// OtherWays are the ways in that are not a key for a shell, as a document says them.
func (p Person) OtherWays() []string {
	var out []string
	for _, w := range p.Ways {
		if w.plain() {
			continue
		}
		text := w.By
		for _, more := range []string{w.At, w.Fingerprint} {
			if more != "" {
				text += " " + more
			}
		}
		switch {
		case w.Doubt != "":
			text += ": cannot be told: " + w.Doubt
		case w.Good != "":
			text += ": " + w.Good
		}
		out = append(out, text)
	}
	return out
}

// MarkdownCode is a name in Markdown, of which nothing is markup.
func MarkdownCode(text string) string { return markdownPen{}.code(text) }

// MarkdownProse is text of one line or several in Markdown, of which nothing is markup.
func MarkdownProse(text string) string { return markdownPen{}.prose(text) }

// MarkdownDiff is the difference of a file in Markdown, between fences.
func MarkdownDiff(lines []string) string { return fenced(lines) }
