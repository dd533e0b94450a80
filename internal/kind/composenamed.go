package kind

import (
	"context"
	"maps"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// notifying are the declared files that have a project's containers made anew with
// another content, sorted.
func notifying(b *spec.Backend, project string) []string {
	var out []string
	for _, at := range slices.Sorted(maps.Keys(b.Files)) {
		for _, entry := range b.Files[at].Notify.Restart {
			if name, ok := spec.ProjectNamed(entry); ok && name == project {
				out = append(out, at)
			}
		}
	}
	return out
}

// checkProjectsNamed checks what stands for compose projects beside units.
func checkProjectsNamed(b *spec.Backend, problems *spec.Problems) {
	check := func(m spec.Meta, label, field string, entries []string, never string) {
		for i, entry := range entries {
			name, project := spec.ProjectNamed(entry)
			switch {
			case !project:
			case never != "":
				problems.Addf(m.At(field, i), "%s: %s: %s", label, field, never)
			case !declaresProject(b, name):
				problems.Addf(m.At(field, i), "%s: %s: there is no compose project %q under compose", label, field, name)
			}
		}
	}
	const filesAlone = "only a file has a content with which a compose project's containers are made anew: say recreate_on of its services"
	for at, f := range b.Files {
		never := ""
		if f.Link != "" {
			never = "a link has no content with which a compose project's containers are made anew: say it of the file that it leads to"
		}
		check(f.Notify.Meta, "file "+at+": notify", "restart", f.Notify.Restart, never)
	}
	for at, d := range b.Directories {
		check(d.Notify.Meta, "directory "+at+": notify", "restart", d.Notify.Restart, filesAlone)
	}
	for at, a := range archivesOf(b) {
		check(a.Notify.Meta, "archive "+at+": notify", "restart", a.Notify.Restart, filesAlone)
	}
	for name, v := range venvsOf(b) {
		check(v.Notify.Meta, "venv "+name+": notify", "restart", v.Notify.Restart, filesAlone)
	}
	for name, k := range certificatesOf(b) {
		check(k.Notify.Meta, "certificate "+name+": notify", "restart", k.Notify.Restart, filesAlone)
	}
	if k := chronyOf(b); k != nil {
		check(k.Meta, "chrony", "stop_around", k.StopAround, "")
	}
}

// stopAround are the steps that stop what is listed, of units and compose projects,
// as far as it runs: what is owed, what stops it, and what starts it again.
type stopAround struct {
	owe, stop, start []host.Step
	names            []string // in the order in which they are started
}

// add notes what is stopped by a step, and started again by another.
func (s *stopAround) add(name, why string, stop, start host.Step) {
	s.owe = append(s.owe, host.Owe{Pending: host.Pending{Unit: name, Verb: host.Start, Why: why}})
	s.stop = append(s.stop, stop)
	s.start = append([]host.Step{start, host.Settle{Unit: name, Verb: host.Start}}, s.start...)
}

// around finds what runs of the listed. A run that dies while it is stopped leaves its
// start owed.
func around(ctx context.Context, r host.Reader, list []string, why string) (stopAround, error) {
	var out stopAround
	for _, entry := range list {
		project, ok := spec.ProjectNamed(entry)
		if !ok {
			u, err := r.Unit(ctx, entry)
			if err != nil {
				return out, err
			}
			if u.Running() {
				out.add(entry, why, host.StopUnit{Name: entry}, host.StartUnit{Name: entry})
				out.names = append([]string{entry}, out.names...)
			}
			continue
		}
		all, err := containersOf(ctx, r, project)
		if err != nil && !host.AfterApply(err) { // of an engine that is started just now, none runs yet
			return out, err
		}
		for _, service := range slices.Sorted(maps.Keys(all)) {
			if c := all[service]; c.State == "running" {
				out.add(host.OwedContainer(c.Of), why, host.StopContainer{Of: c.Of, Name: c.Name}, host.StartContainer{Of: c.Of, Name: c.Name})
				out.names = append([]string{"container " + c.Name}, out.names...)
			}
		}
	}
	return out, nil
}
