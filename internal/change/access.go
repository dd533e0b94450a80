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
