package offboard

import (
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/policy"
	"opsafe/internal/spec"
)

// sudoers are the drop-ins that have no other rules than the person's.
func (o Offboarding) sudoers(r host.Reader) []kind.Resource {
	u, err := r.User(o.Name)
	if err != nil || u == nil {
		return nil
	}
	files, _ := policy.SudoersNaming(r, *u) // what cannot be read is said in the end
	gone := map[string]*kind.DropIn{}
	for _, f := range files {
		if f.Only && path.Dir(f.Path) == debian.SudoersDir && !o.declaresRules(f.Path) {
			gone[path.Base(f.Path)] = &kind.DropIn{State: stateAbsent}
		}
	}
	b := spec.With(spec.Backend{}, "sudoers", gone)
	k, _ := kinds.Find("sudoers")
	return k.Declare(&kind.Input{Backend: &b, Repo: &spec.Repository{}})
}

// declaresRules reports whether the spec declares a file of sudoers.
func (o Offboarding) declaresRules(at string) bool {
	return o.declaresFile(at) || o.Declared != nil && spec.Of[map[string]*kind.DropIn](o.Declared, "sudoers")[path.Base(at)] != nil
}
