package cli

import (
	"opsafe/internal/drift"
	"opsafe/internal/kind"
	"opsafe/internal/words"
)

// named is how many people of whom the same is to be said have a note each, with the
// command that takes what they keep.
const named = 3

// entryNotes name the entries of ACLs that nothing declares.
func entryNotes(left []kind.LeftEntries) []string {
	var out []string
	for i, l := range left {
		if i == named {
			return append(out, words.Count(len(left)-named, "more path")+" with entries of ACLs that nothing declares: opsafe status names them all")
		}
		out = append(out, "the ACL of "+l.Path+" has "+l.String()+", which nothing declares: "+l.Way())
	}
	return out
}

// leaverNotes name people who keep what no list gives them. The same of many is said
// once: a note for each of them would hide the plan.
func leaverNotes(leavers []drift.Leaver) []string {
	said := func(l drift.Leaver, is, has, keeps string) string {
		switch {
		case l.Listed:
			return is + " in " + words.And(l.Has) + ", which nothing declares for them"
		case l.Role:
			return has + " no role that has accounts here and " + keeps + " " + words.And(l.Has)
		}
		return is + " on no list and " + keeps + " " + words.And(l.Has)
	}
	alike := map[string][]drift.Leaver{}
	for _, l := range leavers {
		text := said(l, "are", "have", "keep")
		alike[text] = append(alike[text], l)
	}
	var out []string
	for _, l := range leavers {
		text := said(l, "are", "have", "keep")
		all := alike[text]
		switch {
		case len(all) <= named:
			out = append(out, l.Name+" "+said(l, "is", "has", "keeps")+": sudo "+l.Way)
		case all[0].Name == l.Name:
			who := make([]string, 0, named+1)
			for _, o := range all[:named] {
				who = append(who, o.Name)
			}
			out = append(out, words.And(append(who, words.Count(len(all)-named, "other")))+" "+text+": opsafe status names them all")
		}
	}
	return out
}
