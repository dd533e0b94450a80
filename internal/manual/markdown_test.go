package manual

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPage writes each element that documents have.
func TestPage(t *testing.T) {
	p := Page{Path: "docs/guides/go-back.md", Text: "# Go `back`\n\nA [link](x.md), `code`\nand **bold** words: [out](https://example.org).\n" +
		"<!-- generated: x -->\n\n## One\n\n- an item\n  that goes on\n- another\n\n1. first\n\n### Two\n\n```text\n.a  b\n\n  # c\n```\n\n" +
		"| | Type | What it is |\n|---|---|---|\n| `a` | text | this \\| that |\n| `b` | | |\n\n| | |\n|---|---|\n| x | y |\n\n.The end.\n"}
	other := Page{Path: "docs/limits.md", Text: "# Limits\n"}
	got := p.Roff(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), []Page{p, other})
	want := `.TH "OPSAFE-GO-BACK" "7" "2026-01-02" "opsafe" "opsafe"
.SH "NAME"
opsafe\-go\-back \- Go back
.SH "DESCRIPTION"
A link, \fBcode\fP and \fBbold\fP words: out (https://example.org).
.SH "ONE"
.IP "\(bu" "2"
an item that goes on
.IP "\(bu" "2"
another
.IP "1." "4"
first
.SS "Two"
.RS "4"
.EX
\&.a  b

  # c
.EE
.RE
.TP
\fBa\fP
Type: text
.br
What it is: this | that
.TP
\fBb\fP
\&
.TP
x
y
.PP
\&.The end.
.SH "SEE ALSO"
\fBopsafe\fP(1)
.TP
\fBopsafe\-limits\fP(7)
Limits
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
