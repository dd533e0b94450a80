package change

import (
	"fmt"
	"slices"
	"strings"
)

// Access is who gains and who loses what by a run.
type Access struct {
	Turns []Turn
	// Unknown is what could not be told, of before or after.
	Unknown []string
}

// Turn is what a run gives and takes, in words, of those for whom it is the same.
type Turn struct {
	Names        []string
	Gains, Loses []string
}

// Who names them, the first ones if they are many.
func (t Turn) Who() string {
	const most = 4
	names := t.Names
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(t.Names)-most+1))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// Gain and Lose are the verbs for them.
func (t Turn) Gain() string { return t.verb("gain") }

// Lose is as Gain.
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
