package kind

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// sticky keeps those who can write a directory from renaming what is not theirs.
const sticky host.Mode = 0o1000

// movable says which of the paths that a rule leaves alone can be renamed by
// others than root, by what is declared of the directories that hold them. The
// rule knows them by name only: under another name, it would open them up.
func (in *Input) movable(rule host.TreeRule) []string {
	byDir := map[string][]string{}
	for _, p := range unique(slices.Concat(rule.Except, rule.Prune)) {
		byDir[path.Dir(p)] = append(byDir[path.Dir(p)], p)
	}
	var notes []string
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		mode := in.declaredMode(dir)
		who := in.writers(dir, mode)
		if mode&sticky != 0 || len(who) == 0 {
			continue
		}
		advice := "3770, say"
		if mode != 0 {
			advice = (mode | sticky).String()
		}
		notes = append(notes, fmt.Sprintf("%s can be renamed by %s, and would then follow this rule: give %s the sticky bit (mode %s), or keep it elsewhere",
			some(byDir[dir], host.MaxTreeDiffs), strings.Join(who, ", "), dir, advice))
	}
	return notes
}

// declaredMode is the mode that is declared for a directory, by itself or by the
// nearest rule above it; 0 for none.
func (in *Input) declaredMode(dir string) host.Mode {
	own, ok := in.Backend.Directories[dir]
	if ok {
		if m := spec.Mode(own.Mode); m != nil {
			return *m
		}
		return 0
	}
	for at := path.Dir(dir); at != "/" && at != "."; at = path.Dir(at) {
		if d, ok := in.Backend.Directories[at]; ok && d.Recurse != nil && d.State != Absent {
			if m := spec.Mode(d.Recurse.Directories); m != nil {
				return *m
			}
			return 0
		}
	}
	return 0
}

// writers lists who but its owner may write a directory: by its mode, and by the
// ACL that is declared for it.
func (in *Input) writers(dir string, mode host.Mode) []string {
	var who []string
	if mode&0o020 != 0 {
		who = append(who, "its directory's group")
	}
	if mode&0o002 != 0 {
		who = append(who, "everybody")
	}
	for _, c := range in.aclCovers(dir) {
		for _, e := range c.rule.Access {
			if e.Perm&host.Write != 0 {
				who = append(who, string(e.Tag)+" "+e.Name)
			}
		}
	}
	return who
}
