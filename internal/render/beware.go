package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// mostSeen is how many changes can be seen at a glance. Where there are more, what
// to beware of is said again at the end.
const mostSeen = 10

// byKind counts what happens to each kind, where not every change is shown.
func (t *Text) byKind(rep *converge.Report) {
	if !t.folds {
		return
	}
	var kinds groups
	for _, r := range rep.Results {
		if r.Status == change.Changed || r.Status == change.Failed || r.Status == change.Blocked {
			kinds.add(t.plurals.of(r.ID.Kind), r)
		}
	}
	var rows [][]string
	widths := map[int]int{}
	for _, kind := range kinds.keys {
		sum := change.Count(kinds.of[kind])
		row := []string{kind}
		for _, n := range byAction(sum) {
			row = append(row, count(t.style.sign(n.action), n.count))
		}
		rows = append(rows, append(row, count(t.style.paint(red, failedSign), sum.Failed)))
		for i, cell := range rows[len(rows)-1] {
			widths[i] = max(widths[i], visible(cell))
		}
	}
	t.section("by kind", bold)
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			if widths[i] > 0 {
				line += "  " + pad(cell, widths[i])
			}
		}
		t.lines(strings.TrimRight(line, " "))
	}
}

// count is a number behind a sign, and nothing for none.
func count(sign string, n int) string {
	if n == 0 {
		return ""
	}
	return sign + fmt.Sprint(n)
}

// irreversible says again what cannot be undone: all of it, whatever is folded.
func (t *Text) irreversible(rep *converge.Report) {
	if t.total <= mostSeen {
		return
	}
	var reasons groups
	for _, r := range rep.Results {
		if r.Status == change.Changed && r.Change.Irreversible != "" {
			reasons.add(r.Change.Irreversible, r)
		}
	}
	if len(reasons.keys) == 0 {
		return
	}
	t.section("cannot be undone", bold+yellow)
	for _, reason := range reasons.keys {
		t.lines(t.style.broken("  " + clean(reason))...)
		t.names("", ids(reasons.of[reason]))
	}
}

// Notes writes the notes of a report in which nothing has changed.
func (t *Text) Notes(rep *converge.Report) { t.noted(rep) }

// noted writes the notes: of what did not change, and where there are many
// changes, those that stand beside them once more.
func (t *Text) noted(rep *converge.Report) {
	var notes groups
	texts := map[string]string{}
	for _, r := range rep.Results {
		if r.Status == change.Changed && t.total <= mostSeen {
			continue
		}
		for _, n := range r.Notes {
			key := t.style.key(n, r.ID)
			if _, ok := texts[key]; !ok {
				texts[key] = n
			}
			notes.add(key, r)
		}
	}
	if len(notes.keys) == 0 {
		return
	}
	t.section("notes", bold+yellow)
	for i, key := range notes.keys {
		if more := notes.after(i); i >= mostGroups && more > 1 && !t.style.Full {
			t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more %s", more, showsThem)))
			break
		}
		of := ids(notes.of[key])
		t.lines("  " + of[0])
		t.lines(t.style.broken(indent + clean(texts[key]))...)
		if len(of) > 1 {
			t.names(fmt.Sprintf("%d more likewise: ", len(of)-1), t.few(of[1:], someNames))
		}
	}
}

// failures names all of them. What is the same but for the name is said once.
func (t *Text) failures(rep *converge.Report) {
	var failed groups
	for _, r := range rep.Results {
		switch r.Status {
		case change.Failed:
			failed.add("failed: "+t.style.key(r.Err.Error(), r.ID), r)
		case change.Blocked:
			failed.add("blocked: "+t.style.key(r.Reason, r.ID), r)
		}
	}
	if len(failed.keys) == 0 {
		return
	}
	t.section("failed", bold+red)
	for _, key := range failed.keys {
		of := failed.of[key]
		if n := len(of); n > fewNames && of[0].Status == change.Blocked && !t.style.Full {
			t.lines(t.style.broken("  " + t.style.paint(yellow, "⊘") + fmt.Sprintf(" %d not tried: ", n) + clean(of[0].Reason))...)
			t.names("", t.few(ids(of), someNames))
			continue
		}
		one := of
		if len(of) > fewNames {
			one = of[:1]
		}
		for _, r := range one {
			t.failure(r)
		}
		if len(one) < len(of) {
			t.names(fmt.Sprintf("%d more likewise: ", len(of)-1), ids(of[1:]))
		}
	}
}

func (t *Text) failure(r change.Result) {
	sign, text := t.style.paint(red, failedSign), ""
	if r.Status == change.Blocked {
		sign, text = t.style.paint(yellow, "⊘"), "not tried: "+r.Reason
	} else {
		text = strings.TrimRight(r.Err.Error(), "\n")
	}
	place := ""
	if r.Pos.File != "" {
		place = " " + t.style.paint(dim, r.Pos.String())
	}
	t.lines(t.style.broken("  " + sign + " " + clean(r.ID.Words()) + place)...)
	for line := range strings.SplitSeq(text, "\n") {
		t.lines(t.style.broken(indent + clean(line))...)
	}
}

// key is what texts have in common that are written once: nothing if all is to be
// shown.
func (s Style) key(text string, id change.ID) string {
	if s.Full {
		return id.Words() + ": " + text
	}
	return alike(text, id)
}

// names writes a list of names, none of which is broken.
func (t *Text) names(head string, names []string) {
	line := indent + head
	for i, n := range names {
		if i < len(names)-1 {
			n += ","
		}
		switch {
		case i == 0:
			line += n
		case visible(line+" "+n) > t.style.columns():
			t.lines(line)
			line = indent + n
		default:
			line += " " + n
		}
	}
	t.lines(line)
}

func endsInWord(text string) bool {
	c, _ := utf8.DecodeLastRuneInString(text)
	return inWord(c)
}

func beginsWithWord(text string) bool {
	c, _ := utf8.DecodeRuneInString(text)
	return inWord(c)
}

func inWord(c rune) bool {
	return c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c) || slices.Contains([]rune{'_', '-'}, c))
}
