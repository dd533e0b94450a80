package render

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"opsafe/internal/change"
)

// TestManyRuledPaths: of many people and paths, those that are there are listed, and
// soon.
func TestManyRuledPaths(t *testing.T) {
	t.Parallel()
	const many = 1000
	r := &AccessReport{Access: &change.AccessDiff{}}
	for i := range many {
		r.Ruled = append(r.Ruled, fmt.Sprintf("/srv/%04d", i))
	}
	for i := range many {
		p := Person{Name: fmt.Sprintf("p%d", i), Account: true}
		for n, at := range r.Ruled {
			p.Paths = append(p.Paths, PathDoc{Path: at, Absent: n%2 == 0})
		}
		r.Now = append(r.Now, p)
	}
	var out strings.Builder
	began := time.Now()
	WriteAccess(&out, r, Style{})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	for text, want := range map[string]bool{"/srv/0000": false, "/srv/0001": true, "/srv/0079": true, "/srv/0081": false, "… and 460 more": true} {
		if strings.Contains(out.String(), text) != want {
			t.Errorf("%s: not %t", text, want)
		}
	}
}
