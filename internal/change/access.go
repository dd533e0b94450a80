package change

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/words"
)

// AccessDiff is who gains and who loses which access by a run.
type AccessDiff struct {
	Turns []Turn
	// Unknown lists what could not be found out, about the state before the run or
	// after it.
	Unknown []string
}

// Turn is what a run gives to some people and takes from them, in words. It names
// all for whom that is the same.
type Turn struct {
	Names        []string
	Gains, Loses []string
}

// RootInEffect ends what makes somebody root who is not called so, as the group docker does.
const RootInEffect = " (root in effect)"

// GivesRoot reports whether a gain or a loss, in words, is of being root or of running
// something as root.
func GivesRoot(what string) bool {
	return what == "sudo" || strings.HasPrefix(what, "sudo ") || strings.HasSuffix(what, RootInEffect)
}

// SudoFor says what rules of sudo let somebody do: those that are root in effect one by one,
// and the others as far as they are few.
func SudoFor(rules []string) []string {
	var out, others []string
	for _, rule := range rules {
		if strings.HasSuffix(rule, RootInEffect) {
			out = append(out, "sudo for "+rule)
		} else {
			others = append(others, rule)
		}
	}
	const most = 2
	switch n := len(others); {
	case n > most:
		out = append(out, "sudo for "+words.Count(n, "command"))
	case n > 0:
		out = append(out, "sudo for "+words.And(others))
	}
	return out
}

// Who lists the names: of many, the first ones and the number of the others.
func (t Turn) Who() string {
	const most = 4
	names := t.Names
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(t.Names)-most+1))
	}
	return words.And(names)
}

// Gain is the verb "gain" in the form that goes with the names.
func (t Turn) Gain() string { return t.verb("gain") }

// Lose is the verb "lose" in the form that goes with the names.
func (t Turn) Lose() string { return t.verb("lose") }

func (t Turn) verb(verb string) string {
	if len(t.Names) == 1 {
		return verb + "s"
	}
	return verb
}

// String is the turn as a sentence.
func (t Turn) String() string {
	var parts []string
	if len(t.Gains) > 0 {
		parts = append(parts, t.Gain()+" "+strings.Join(t.Gains, ", "))
	}
	if len(t.Loses) > 0 {
		parts = append(parts, t.Lose()+" "+strings.Join(t.Loses, ", "))
	}
	return t.Who() + " " + strings.Join(parts, "; ")
}
