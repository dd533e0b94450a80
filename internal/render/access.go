package render

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Refused writes why the plan would not be carried out.
func (t *Text) Refused(why string) {
	if why == "" {
		return
	}
	lines := strings.Split(why, "\n")
	t.section(t.style.Broken(clean(lines[0])), bold+red)
	for _, l := range lines[1:] {
		t.lines(t.style.broken(clean(l))...)
	}
}

// Access writes who gains and who loses what: before the changes that do it.
func (t *Text) Access(a *change.AccessDiff) {
	if a == nil || len(a.Turns)+len(a.Unknown) == 0 {
		return
	}
	t.section("access", bold)
	for i, turn := range a.Turns {
		if more := len(a.Turns) - i; i >= mostGroups && more > 1 && !t.style.Full {
			t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more %s", more, showsThem)))
			break
		}
		who := clean(turn.Who())
		if t.style.Full {
			who = clean(strings.Join(turn.Names, ", "))
		}
		t.turn(who, turn.Gain(), green, turn.Gains)
		t.turn(who, turn.Lose(), red, turn.Loses)
	}
	t.untold(a.Unknown)
}

// untold says what could not be found out.
func (t *Text) untold(unknown []string) {
	for i, what := range unknown {
		if more := len(unknown) - i; i >= fewNames && more > 1 && !t.style.Full {
			t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more that cannot be told", more)))
			break
		}
		t.lines(t.style.broken("  " + t.style.paint(yellow, "cannot be told: "+clean(what)))...)
	}
}

func (t *Text) turn(who, verb, color string, what []string) {
	if len(what) == 0 {
		return
	}
	words := make([]string, len(what))
	for i, w := range what {
		words[i] = clean(w)
	}
	words[0] = t.style.paint(color, verb) + " " + words[0]
	t.lines(t.style.fill("  "+who, words)...)
}

// accessSection is who gains and who loses what: first those who become root or are root no
// more.
func accessSection(rep *converge.Report, p markdownPen) *section {
	s := &section{title: "access", columns: [3]string{"", "Who", "What"}, urgent: true}
	if rep.Access == nil {
		return s
	}
	var others []row
	for _, turn := range rep.Access.Turns {
		who := make([]string, len(turn.Names))
		for i, n := range turn.Names {
			who[i] = p.code(n)
		}
		for _, part := range []struct {
			sign, verb string
			what       []string
		}{{"+", turn.Gain(), turn.Gains}, {"-", turn.Lose(), turn.Loses}} {
			words, root := rightsInMarkdown(p, part.what)
			x := row{sign: part.sign, name: newPart(strings.Join(who, ", ")), about: newPart(part.verb + " " + strings.Join(words, " · "))}
			switch {
			case root:
				s.rows = append(s.rows, x)
			case len(words) > 0:
				others = append(others, x)
			}
		}
	}
	s.rows = append(s.rows, others...)
	for _, what := range rep.Access.Unknown {
		s.rows = append(s.rows, row{sign: "?", name: newPart("cannot be told"), about: newPart(p.prose(what))})
	}
	return s
}

// rightsInMarkdown are gains or losses, those of being root first and bold, and whether there
// is one of these.
func rightsInMarkdown(p markdownPen, what []string) (words []string, root bool) {
	var others []string
	for _, w := range what {
		if change.GivesRoot(w) {
			words = append(words, "**"+p.prose(w)+"**")
		} else {
			others = append(others, p.prose(w))
		}
	}
	return slices.Concat(words, others), len(words) > 0
}

func newAccessDoc(a *change.AccessDiff) *AccessDoc {
	if a == nil {
		return nil
	}
	d := &AccessDoc{Turns: []TurnDoc{}, Unknown: readable(a.Unknown)}
	for _, t := range a.Turns {
		d.Turns = append(d.Turns, TurnDoc{Names: t.Names, Gains: append([]string{}, readable(t.Gains)...), Loses: append([]string{}, readable(t.Loses)...)})
	}
	return d
}
