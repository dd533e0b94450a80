package saved

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kinds"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

// MovedSpec lists the files of the repository that are not what they were.
func (p *Plan) MovedSpec(repo *spec.Repository, b *spec.Backend) []string {
	now := p.sums(repo, b)
	var out []string
	for _, file := range slices.Sorted(maps.Keys(p.Spec)) {
		switch sum, ok := now[file]; {
		case !ok:
			out = append(out, file+" is gone")
		case sum != p.Spec[file]:
			out = append(out, file+" has changed")
		}
	}
	for _, file := range slices.Sorted(maps.Keys(now)) {
		if _, ok := p.Spec[file]; !ok {
			out = append(out, file+" is new")
		}
	}
	return out
}

// MovedFacts lists what of the host is not what it was.
func (p *Plan) MovedFacts(answers []snapshot.Answer) []string {
	before := map[string]Fact{}
	for _, f := range p.Facts {
		before[f.Question] = f
	}
	var out []string
	for i, now := range p.facts(answers) {
		was, ok := before[now.Question]
		delete(before, now.Question)
		switch {
		case ok && was.Digest != now.Digest:
			out = append(out, now.Question+": "+moved(was, now))
		case !ok && len(out) == 0 && !isVerdict(answers[i]):
			// Only another answer could have led to another question.
			out = append(out, now.Question+": nobody asked for it then")
		}
	}
	return out
}

// isVerdict reports whether an answer is a program's: it is about other contents
// where these have moved.
func isVerdict(a snapshot.Answer) bool { return strings.HasPrefix(a.Question, "what ") }

// moved says what is different about a fact.
func moved(was, now Fact) string {
	var parts []string
	for _, i := range now.Items {
		if !slices.Contains(was.Items, i) {
			parts = append(parts, "+"+i)
		}
	}
	for _, i := range was.Items {
		if !slices.Contains(now.Items, i) {
			parts = append(parts, "-"+i)
		}
	}
	const most = 6
	if more := len(parts) - most; more > 0 {
		parts = append(parts[:most], fmt.Sprintf("and %d more", more))
	}
	if was.Words != now.Words {
		parts = append([]string{fmt.Sprintf("%s, and was %s", now.Words, was.Words)}, parts...)
	}
	if len(parts) == 0 {
		return "it has changed"
	}
	return strings.Join(parts, " ")
}

// MovedChanges lists the changes that would not be those that were planned, with
// everything else the same: what people have registered as their keys is not among
// the facts of the host.
func (p *Plan) MovedChanges(now render.Document) []string {
	var out []string
	left := index(p.Run.Changes)
	for _, c := range now.Changes {
		name := c.Kind + "/" + c.Name
		was, ok := left[name]
		delete(left, name)
		switch {
		case !ok:
			out = append(out, name+" was not planned")
		case !sameItem(was, c):
			out = append(out, name+" would be changed in another way")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		out = append(out, name+" was planned, and would not be changed any more")
	}
	return out
}

func index(items []render.Item) map[string]render.Item {
	out := map[string]render.Item{}
	for _, i := range items {
		name := i.Kind + "/" + i.Name
		if out[name].Error == "" { // what could not even be closed is there twice
			out[name] = i
		}
	}
	return out
}

func sameItem(a, b render.Item) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Approve refuses a change that is not in the plan, or not as it was planned. One
// that fails in the plan is not tried, and fails so again. What depends on something that is known after apply has to be of the same sort.
func (p *Plan) Approve(r change.Result) error {
	name := r.ID.String()
	was, ok := index(p.Run.Changes)[name]
	failed, bad := index(p.Run.Failed)[name]
	now := render.ItemOf(r)
	switch {
	case !ok && bad && failed.Error != "":
		return errors.New(failed.Error) // as it was planned
	case !ok:
		return errors.New("it is not in the plan that is carried out, so it is left alone: look at what has changed, and plan anew")
	case p.certain() && r.Change.Action != change.Run && !sameItem(was, now),
		was.Deferred == "" && was.Action != now.Action:
		return errors.New("it would not be the change that was planned, so it is left alone: look at what has changed, and plan anew")
	}
	return nil
}

// certain reports whether nothing in the plan hangs on what only the run itself
// brings to light: what a package brings, which number an account gets.
func (p *Plan) certain() bool {
	table := kinds.ByName()
	return !slices.ContainsFunc(p.Run.Changes, func(i render.Item) bool {
		later := slices.ContainsFunc(i.Attrs, func(a render.Attr) bool { return a.Special == string(change.AfterApply) })
		return i.Deferred != "" || later || table[i.Kind].Brings
	})
}
