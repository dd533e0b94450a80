package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/history"
)

// TestHistoryColumns: on a terminal no line is wider than that, or than 80 columns.
func TestHistoryColumns(t *testing.T) {
	who := strings.Repeat("w", 30)
	h := &history.History{By: map[int]int{1: 2}, Records: []*history.Record{
		{Run: 1, Command: "disable-user", Subject: strings.Repeat("n", 60), By: who, Started: time.Now(), Result: history.Failed, Summary: change.Summary{Add: 100, Change: 200, Failed: 3}},
		{Run: 2, Command: "undo", Undoes: 1, By: who, Started: time.Now(), Result: history.Succeeded},
	}}
	for columns, most := range map[int]int{40: 80, 80: 80, 100: 100, 0: 1000} {
		lines := historyTable(h, columns)
		if len(lines) != 3 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > most {
				t.Errorf("%d columns on a terminal of %d: %s", n, columns, line)
			}
		}
		if short := utf8.RuneCountInString(lines[2]); columns == 0 && short > 100 {
			t.Errorf("a long name in one line makes another %d columns wide: %s", short, lines[2])
		}
		if cut := strings.Contains(strings.Join(lines, "\n"), "…"); cut != (columns > 0) {
			t.Errorf("on %d columns: cut off is %v", columns, cut)
		}
	}
}
