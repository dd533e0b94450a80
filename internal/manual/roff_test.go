package manual

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRoff writes what is markup in the language of manual pages, as text.
func TestRoff(t *testing.T) {
	var r Roff
	r.Text("One line with a \\ and don't-s,\n.second \"line\": 5 → 6.\n\n\tindented\n\t  more\n\nThe end.")
	want := `One line with a \e and don\(aqt\-s,
\&.second "line": 5 \[u2192] 6.
.PP
.RS "4"
.EX
indented
  more
.EE
.RE
.PP
The end.
`
	if d := cmp.Diff(want, r.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
