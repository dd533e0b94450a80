package render

import (
	"fmt"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

// escape makes text harmless in Markdown, in HTML within it and in a cell of a
// table: it is read as it is, and is neither markup, nor a link, nor a mention of
// anybody. References to characters do in all these places what a backslash does
// in some of them only. GitHub looks for mentions and for numbers of issues once
// references have been replaced, but not in code, and so what begins one is code;
// an empty comment keeps the rest of a link from what begins it.
func escape(text string) string {
	text = markup(text)
	for _, c := range []string{"&#64;", "&#35;"} { // @ and #
		text = strings.ReplaceAll(text, c, "<code>"+c+"</code>")
	}
	return issueNumber().ReplaceAllString(text, "<code>$1</code>$2")
}

// issueNumber is the other way to write #4711, besides the sign.
var issueNumber = words.Pattern(`(?i)\b(GH)(-\d)`)

// markup makes text harmless in code, where GitHub looks for nothing.
func markup(text string) string {
	var b strings.Builder
	for _, c := range clean(text) {
		switch c {
		case '&', '<', '>', '|', '`', '*', '_', '~', '[', ']', '\\', '$':
			fmt.Fprintf(&b, "&#%d;", c)
		case '@', '#', ':':
			fmt.Fprintf(&b, "&#%d;%s", c, apart)
		default:
			b.WriteRune(c)
		}
	}
	return strings.ReplaceAll(b.String(), "www.", "www&#46;"+apart)
}

// apart is nothing, between two texts.
const apart = "<!-- -->"

// markdownPen writes attributes in Markdown: values as code, in which GitHub looks
// for nothing.
type markdownPen struct{ full bool }

func (markdownPen) code(text string) string { return "<code>" + markup(text) + "</code>" }

// prose keeps lines apart.
func (markdownPen) prose(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	return strings.Join(lines, "<br>")
}

func (markdownPen) word(text string) string  { return escape(text) }
func (markdownPen) comes(text string) string { return "+" + text }
func (markdownPen) goes(text string) string  { return "-" + text }
func (markdownPen) aside(text string) string { return text }
func (p markdownPen) unfolded() bool         { return p.full }

func (p markdownPen) key(text string, id change.ID) string {
	return Style{Full: p.full}.key(text, id)
}

func (p markdownPen) value(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return p.code(v.Text)
	case change.Secret:
		return "(secret, digest " + p.code(v.Text) + ")"
	case change.Absent:
		return "none"
	default:
		return "(" + escape(string(v.Kind)) + ")"
	}
}

// fenced is a diff between fences that are longer than whatever is in it.
func fenced(lines []string) string {
	longest, run := 2, 0
	var b strings.Builder
	for _, l := range lines {
		l = clean(l)
		run = 0
		for _, c := range l {
			if c != '`' {
				run = 0
				continue
			}
			run++
			longest = max(longest, run)
		}
		b.WriteString(l + "\n")
	}
	fence := strings.Repeat("`", longest+1)
	return fence + "diff\n" + b.String() + fence + "\n"
}
