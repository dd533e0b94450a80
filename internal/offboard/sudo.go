package offboard

import (
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// sudoers are the drop-ins that have no other rules than the person's.
func (o Offboarding) sudoers(r host.Reader) []kind.Resource {
	u, err := r.User(o.Name)
	if err != nil || u == nil {
		return nil
	}
	files, _ := kind.SudoersNaming(r, *u) // what cannot be read is said in the end
	gone := map[string]*spec.DropIn{}
	for _, f := range files {
		if f.Only && path.Dir(f.Path) == debian.SudoersDir && !o.declaresRules(f.Path) {
			gone[path.Base(f.Path)] = &spec.DropIn{State: stateAbsent}
		}
	}
	return kind.Sudoers().Declare(&kind.Input{Backend: &spec.Backend{Sudoers: gone}, Repo: &spec.Repository{}})
}

// declaresRules reports whether the spec declares a file of sudoers.
func (o Offboarding) declaresRules(at string) bool {
	return o.declaresFile(at) || o.Declared != nil && o.Declared.Sudoers[path.Base(at)] != nil
}
