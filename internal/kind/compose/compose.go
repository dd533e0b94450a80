// Package compose is the kind of the compose projects that docker runs.
package compose

import (
	"context"
	"errors"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"

	"opsafe/internal/change"
	"opsafe/internal/compose"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// When images are pulled: see pull_policy of the Compose specification.
const (
	pullAlways  = "always"
	pullMissing = "missing"
	pullNever   = "never"
)

// Kind is the kind compose.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "compose", Plural: "compose", Is: "compose projects of docker's", Sections: []string{"compose"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Project](),
				Field: spec.Field{
					Name: "compose", Item: "compose project NAME", Is: "compose projects of docker's, by name",
					More: "Their files are read and merged by opsafe, and carried out by docker's compose: docker compose, or docker-compose from 1.27 on. " +
						"A container is made anew when what it was made from has changed: its configuration, its image, a file of its environment or one of recreate_on. " +
						"What somebody has stopped is left so, and so are services of profiles.",
					Unset: "none", Example: "{app: {files: [files/app.yaml], running: true}}",
					Names: &spec.Form{Says: "name of a compose project", Pattern: `^[a-z0-9][a-z0-9_-]*$`, Longest: 63},
				},
			}},
			Texts: read, Check: check, Projects: projects,
		},
		Stage: kind.StageServices, Runs: true, Declare: declare, Adopt: adopt,
		Covers: covers,
	}
}

// Project is a compose project; the item's name is the project's.
type Project struct {
	spec.Item
	Files     []string `yaml:"files"`
	Overrides []string `yaml:"overrides"`
	// Data is what Files and then Overrides hold, read when the spec is loaded.
	Data      []compose.File    `yaml:"-"`
	EnvFiles  []string          `yaml:"env_files"`
	Variables map[string]string `yaml:"variables"`
	GroupIDs  map[string]string `yaml:"group_ids"`
	Directory string            `yaml:"directory"`
	// Pull is always, missing or never; empty: what a service says, else missing.
	Pull     string                    `yaml:"pull"`
	Running  *bool                     `yaml:"running"`
	Services map[string]*ServiceWishes `yaml:"services"`
	State    string                    `yaml:"state"`
}

// ServiceWishes is what compose files cannot say of a service.
type ServiceWishes struct {
	spec.Meta
	RecreateOn []string `yaml:"recreate_on"`
}

// Fields says what there is to know of the fields.
func (Project) Fields() []spec.Field {
	return []spec.Field{
		{Name: "files", Is: "compose files beside the spec", More: "A later one is merged over those before it.", Unset: "an error", Example: "[files/app.yaml]", Form: spec.BesideForm(), List: spec.ListRules{Distinct: true}},
		{Name: "overrides", Is: "compose files that come after those", More: "So that a backend can add to what it includes.", Unset: "none", Example: "[files/app.override.yaml]", Form: spec.BesideForm(), List: spec.ListRules{Distinct: true}},
		{Name: "env_files", Is: "files on the host with variables for compose files", More: "Compose files name them as ${NAME}. A later file wins. What a container gets is in env_file of its service.", Unset: "none", Example: "[/etc/app/app.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "variables", Is: "variables for ${NAME} in compose files", More: "They win over those of env_files. BACKEND is the name of the backend; in a project with the name of an application, APPLICATION_ID and APPLICATION_PORT are those of applications.", Unset: "BACKEND alone", Example: `{TAG: "1.4"}`, Names: new(spec.VariableForm())},
		{Name: "group_ids", Is: "variables that are the number of a group of the host", Unset: "none", Example: "{DOCKER_GID: docker}", Form: spec.AccountForm(), Names: new(spec.VariableForm())},
		{Name: "directory", Is: "the directory on the host that relative paths start from", Default: "/", Example: "/srv/app", Form: spec.PathForm()},
		{Name: "pull", Is: "when images are pulled", More: "always: manage asks the registry each time whether it has another image for services that run; plan does so with --registries. never: an image that is not there is an error.", Default: pullMissing, Example: pullAlways, Form: spec.WordsForm(pullAlways, pullMissing, pullNever)},
		{Name: "running", Is: "whether services are started that do not run", More: "true: also those that have ended by themselves. What somebody has stopped is never started.", Unset: "they are left, and said", Example: "true"},
		{Name: "services", Item: "service NAME", Is: "what compose files cannot say of services", Unset: "nothing", Example: "{app: {recreate_on: [/etc/app/cert.pem]}}", Names: &spec.Form{Says: "name of a service", Pattern: `^[a-zA-Z0-9._-]+$`}},
		{Name: "state", Is: "whether there is such a project", More: "absent: its containers and networks go, its volumes stay.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (ServiceWishes) Fields() []spec.Field {
	return []spec.Field{
		{Name: "recreate_on", Is: "files on the host with whose content the container is made anew", More: "Such as a certificate that is read once.", Unset: "none", Example: "[/etc/app/cert.pem]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
	}
}

func of(b *spec.Backend) map[string]*Project {
	return spec.Of[map[string]*Project](b, "compose")
}

// projects are those that are declared to be there.
func projects(b *spec.Backend) []string {
	var out []string
	for name, p := range of(b) {
		if p.State != kind.Absent {
			out = append(out, name)
		}
	}
	return out
}

// read reads the compose files of projects.
func read(b *spec.Backend, read func(at spec.Pos, label, name string) []byte) {
	for name, p := range of(b) {
		p.Data = nil
		for _, list := range []struct {
			field string
			files []string
		}{{"files", p.Files}, {"overrides", p.Overrides}} {
			for i, file := range list.files {
				data := read(p.At(list.field, i), "compose project "+name+": "+list.field, file)
				p.Data = append(p.Data, compose.File{Name: file, Data: data})
			}
		}
	}
}

func check(b *spec.Backend, problems *spec.Problems) {
	read := map[string]*compose.Project{}
	for name, p := range of(b) {
		label := "compose project " + name
		switch gone := p.State == kind.Absent; {
		case gone && (p.Has("files") || p.Has("overrides")):
			problems.Addf(p.At("state"), "%s: what is absent has no files", label)
			continue
		case gone:
			continue
		case len(p.Files) == 0:
			problems.Addf(p.Pos, "%s: has no files: name its compose files", label)
			continue
		}
		if p.Running != nil && !*p.Running {
			problems.Addf(p.At("running"), "%s: running is true or left out: want one or the other; what is to go is absent", label)
		}
		if project := checkFiles(b, name, p, problems); project != nil && len(p.When) == 0 {
			read[name] = project
		}
	}
	checkPorts(b, read, problems)
}

// checkPorts refuses a port of the host that two projects publish: the second does not come
// up. Projects with conditions may be on different hosts.
func checkPorts(b *spec.Backend, read map[string]*compose.Project, problems *spec.Problems) {
	type taken struct {
		compose.Listener
		project string
	}
	var all []taken
	for _, name := range slices.Sorted(maps.Keys(read)) {
		before := all
		for _, l := range read[name].Listeners {
			if i := slices.IndexFunc(before, func(t taken) bool { return t.Meets(l) }); i >= 0 {
				problems.Addf(of(b)[name].At("files"), "compose project %s: service %s publishes port %s of the host, which service %s of compose project %s publishes already", name, l.Service, l.Port, before[i].Service, before[i].project)
			}
			all = append(all, taken{l, name})
		}
	}
}

// checkFiles reads a project as far as that can be done without its host, and returns it if
// that is all of it; else nil.
func checkFiles(b *spec.Backend, name string, p *Project, problems *spec.Problems) *compose.Project {
	label, before := "compose project "+name, len(*problems)
	for i, f := range p.Data {
		at := p.At("files", i)
		if i >= len(p.Files) {
			at = p.At("overrides", i-len(p.Files))
		}
		if f.Data == nil {
			return nil // that is a problem already
		}
		for _, err := range compose.Check(f) {
			addProblem(problems, at, label, err)
		}
	}
	if len(*problems) > before {
		return nil
	}
	vars := variables(b, name, p)
	for name := range p.GroupIDs {
		vars[name] = "0"
	}
	unset, err := compose.Unset(p.Data, vars)
	if err == nil && len(unset) > 0 && len(p.EnvFiles) == 0 {
		for _, name := range unset {
			problem := compose.Uses(p.Data, name)
			problem.Text = "nothing sets " + name + ": say it under variables"
			addProblem(problems, p.At("files"), label, problem)
		}
		return nil
	}
	for _, name := range unset {
		vars[name] = "0" // as of what is on the host
	}
	project, err := compose.Load(context.Background(), compose.Source{Name: name, Dir: p.dir(), Files: p.Data, Variables: vars})
	if err != nil {
		if len(unset) == 0 {
			addProblem(problems, p.At("files"), label, err)
		}
		return nil
	}
	checkRegistered(b, name, p, project, problems)
	for _, service := range slices.Sorted(maps.Keys(p.Services)) {
		switch {
		case slices.Contains(project.Inactive, service):
			problems.Addf(p.At("services"), "%s: service %s belongs to a profile, and is left as it is: there is nothing to say of it", label, service)
		case project.Service(service) == nil:
			problems.Addf(p.At("services"), "%s: there is no service %s in its files", label, service)
		}
	}
	if len(unset) > 0 {
		return nil
	}
	return project
}

// addProblem notes a problem of a project in the compose file, or at the place in the
// spec that names it if more is not known.
func addProblem(problems *spec.Problems, named spec.Pos, label string, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			addProblem(problems, named, label, one)
		}
		return
	}
	var p *compose.Problem
	if !errors.As(err, &p) || p.Line == 0 {
		problems.Addf(named, "%s: cannot read it: %v", label, err)
		return
	}
	at := spec.Pos{File: path.Join(path.Dir(named.File), p.File), Line: p.Line, Column: p.Column}
	hint := ""
	if p.Known != nil {
		hint = words.DidYouMean(p.Word, p.Known)
	}
	problems.Addf(at, "%s: %s%s", label, p.Text, hint)
}

// variables are the variables that the spec itself sets.
func variables(b *spec.Backend, project string, p *Project) map[string]string {
	vars := map[string]string{"BACKEND": b.Name}
	if a := b.Applications[project]; a != nil {
		vars["APPLICATION_ID"], vars["APPLICATION_PORT"] = strconv.Itoa(a.ID), strconv.Itoa(a.Port)
	}
	maps.Copy(vars, p.Variables)
	return vars
}

func (p *Project) dir() string {
	if p.Directory == "" {
		return "/"
	}
	return p.Directory
}

// declare lists the projects: those that go come first, since another may want
// their ports.
func declare(in *kind.Input) []kind.Resource {
	var out, goes []kind.Resource
	projects := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		p := projects[name]
		r := kind.Resource{ID: change.ID{Kind: "compose", Name: name}, Pos: p.Pos, When: p.When, Needs: needs(in, name, p)}
		if p.State == kind.Absent {
			r.Looker = goneLook{name: name}
			goes = append(goes, r)
			continue
		}
		r.Looker = look{in: in, name: name, decl: p}
		out = append(out, r)
	}
	return append(goes, out...)
}

// needs are the engine, compose, and the declared files that a project reads.
func needs(in *kind.Input, name string, p *Project) []change.ID {
	var needs []change.ID
	if slices.ContainsFunc(in.Backend.Installs(), func(p spec.Installed) bool { return p.Section == "docker" }) {
		needs = append(needs, change.ID{Kind: "docker", Name: "engine"})
	}
	for _, at := range slices.Concat(p.EnvFiles, notifying(in.Backend, name)) {
		if f := in.Backend.Files[at]; f != nil && f.State != kind.Absent {
			needs = append(needs, change.ID{Kind: "file", Name: at})
		}
	}
	return needs
}

// adopt says which projects there are: their files are not on the host in a
// form in which they could be declared.
func adopt(ctx context.Context, t kind.Taker, name string) error {
	all, err := t.Containers(ctx)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var said []string
	for _, c := range all {
		if p := c.Of.Project; p != "" && (name == "" || name == p) && !slices.Contains(said, p) {
			said = append(said, p)
			t.Notef("compose project %s: copy its compose files beside the spec, and name them under compose", p)
		}
	}
	return nil
}

// covers asks for containers if there are projects: one that does not apply yet
// may, and chrony stops those that run. Another spec may want another image, and bring up what
// today's leaves alone.
func covers(ctx context.Context, r kind.Recorder, b *spec.Backend) ([]string, error) {
	if len(of(b)) == 0 {
		return nil, nil
	}
	_, _ = r.Containers(ctx)
	_, _ = r.ImageNames(ctx)
	for _, at := range append(debian.ComposePlugins(), debian.ComposeProgram) {
		_, _ = r.Stat(at)
	}
	return nil, nil
}
