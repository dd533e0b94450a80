package run

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/facts"
	"opsafe/internal/history"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
)

// LastRun is the last run that brought about all that a backend's spec declared; nil:
// there is none, or nobody can tell.
func (r *Runner) LastRun(backend string) *facts.LastRun {
	if r.Recorded != nil {
		return r.LastRuns[backend]
	}
	last, err := history.LastOf(r.Host, func(r *history.Record) bool {
		return r.Command == "manage" && r.Backend == backend && len(r.Declared) > 0
	})
	if err != nil || last == nil {
		return nil
	}
	return &facts.LastRun{Run: last.Run, Declared: last.Declared, Former: last.Former}
}

// Former are the paths that runs of a backend have declared, as KIND/PATH, that its spec
// does not declare any more, and that are there still.
func (r *Runner) Former(backend string, declared []string) []string {
	last := r.LastRun(backend)
	if last == nil || len(declared) == 0 {
		return nil
	}
	now, table := map[string]bool{}, kinds.ByName()
	for _, id := range declared {
		now[id] = true
	}
	var out []string
	for _, id := range slices.Concat(last.Former, last.Declared) {
		of, name, _ := strings.Cut(id, "/")
		if now[id] || !table[of].ByPath {
			continue
		}
		if n, err := r.Host.Stat(strings.TrimSuffix(name, "/**")); err == nil && n == nil {
			continue
		}
		now[id] = true
		out = append(out, id)
	}
	return out
}

// Stopped names what the spec declared at the last run, and does not any more: it
// stays on the host as it is. Nothing is said of a selection, which declares nothing.
func (r *Runner) Stopped(backend string, declared []string) []string {
	if len(declared) == 0 {
		return nil
	}
	last := r.LastRun(backend)
	if last == nil {
		return nil
	}
	now := map[string]bool{}
	for _, id := range declared {
		now[id] = true
	}
	gone := slices.DeleteFunc(slices.Clone(last.Declared), func(id string) bool { return now[id] || kind.KeepsOut(id) })
	if len(gone) == 0 {
		return nil
	}
	for i, id := range gone {
		of, name, _ := strings.Cut(id, "/")
		gone[i] = change.ID{Kind: of, Name: name}.Words()
	}
	return []string{fmt.Sprintf("since run %d the spec has stopped declaring %s: what is left of it stays as it is", last.Run, some(gone))}
}

// NoteFormer names the paths that earlier specs declared, and that nothing looks after any
// more; of ACLs, their entries are named elsewhere.
func (r *Runner) NoteFormer(former []string) {
	var names []string
	for _, id := range former {
		if of, name, _ := strings.Cut(id, "/"); of != "acl" {
			names = append(names, change.ID{Kind: of, Name: name}.Words())
		}
	}
	if len(names) > 0 {
		r.note("earlier specs declared %s: nothing does any more, and it is there still", some(names))
	}
}

// NoteAgain names the run that was undone and of which something is about to be done
// again.
func (r *Runner) NoteAgain(rep *converge.Report, what string) {
	if r.Recorded != nil || rep.Summary.Changes() == 0 {
		return
	}
	h, err := history.Read(r.Host)
	if err != nil || len(h.By) == 0 {
		return
	}
	again := map[change.ID]bool{}
	for _, res := range rep.Results {
		if res.Status == change.Changed {
			again[res.ID] = true
		}
	}
	undoes := map[int]bool{}
	for _, by := range h.By {
		undoes[by] = true
	}
	for _, rec := range slices.Backward(h.Records) {
		by := h.By[rec.Run]
		if undoes[rec.Run] || by != 0 && rec.Command != "manage" {
			continue
		}
		var names []string
		for _, e := range rec.Entries {
			switch {
			case e.Status != change.Changed || !again[e.ID]:
			case by == 0:
				delete(again, e.ID) // it has been something else since
			default:
				names = append(names, e.ID.Words())
			}
		}
		if len(names) > 0 {
			r.note("run %d was undone by run %d, and the spec still declares what it did: %s %s", rec.Run, by, some(names), what)
			return
		}
	}
}

// some are names, or the first of many.
func some(names []string) string {
	const most = 10
	if more := len(names) - most; more > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// NoteLost says beforehand what undo will not be able to bring back.
func (r *Runner) NoteLost(lost []string) {
	for _, what := range lost {
		r.note("undo will not bring this back: %s", what)
	}
}
