// Package compose reads compose files: it merges them, fills in their variables, and
// says what each service comes to, without a program and without looking at a host.
package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"
)

// File is a compose file. A later one is merged over those before it.
type File struct {
	Name string
	Data []byte
}

// Source is what a project is read from.
type Source struct {
	Name string // of the project
	// Dir is the directory on the host that relative paths start from.
	Dir   string
	Files []File
	// Variables fill in what the files leave open: ${NAME}.
	Variables map[string]string
}

// Project is a project as it is read.
type Project struct {
	// Services come after those that they depend on.
	Services []Service
	// Inactive are services of profiles, sorted: no profile is chosen.
	Inactive []string
	// Networks are those that compose makes for it.
	Networks []string
	// Listeners are the ports of the host that its services publish, each by itself.
	Listeners []Listener
	// model is the project as JSON, without its name.
	model map[string]any
}

// Service is a service of a project, which is one container.
type Service struct {
	Name  string
	Image string
	// Container is the name that its container is given; empty: compose's choice.
	Container string
	// Pull is its own pull_policy; empty: none.
	Pull string
	// Restart is its restart policy: no, always, unless-stopped or on-failure.
	Restart  string
	EnvFiles []EnvFile
	// Environment is what the files say themselves, which wins over EnvFiles.
	Environment map[string]string
	// Shares are services with whose containers its own shares a namespace, such as the
	// network: it does not outlive them.
	Shares []string
	// Refers are services that compose has to know to make its container: also those of
	// links and volumes_from.
	Refers []string
	// User is whom its programs run as, as NAME or NUMBER, with :GROUP after it or
	// not; empty: whom the image says.
	User string
	// Published are its ports on the host: a number, or two of them with - between.
	Published []string
}

// EnvFile is a file on the host that a service gets variables from.
type EnvFile struct {
	Path     string
	Optional bool
	Raw      bool // values are taken as they are
}

// read is a file as it is written.
func read(f File) (map[string]any, error) {
	var m map[string]any
	documents := yaml.NewDecoder(bytes.NewReader(f.Data))
	if err := documents.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, parsed(f.Name, err)
	}
	// The library merges all documents of a file.
	if err := documents.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, &Problem{File: f.Name, Text: "has several documents: make a file of each, without ---"}
	}
	return m, nil
}

// Check lists what opsafe does not do of what a file says: each is a *Problem.
func Check(f File) []error {
	m, err := read(f)
	if err != nil {
		return []error{err}
	}
	var out []error
	refuse := func(of map[string]any, at, key, why string) {
		if _, said := of[key]; said {
			path := strings.ReplaceAll(strings.Replace(at, "service ", "services.", 1), ": ", ".")
			p := find([]File{f}, path+key)
			p.Text = at + key + ": " + why
			out = append(out, p)
		}
	}
	refuse(m, "", "include", "list the files in the spec")
	refuse(m, "", "name", "the project has the name that it has in the spec")
	refuse(m, "", "version", "it is obsolete, and says nothing: take it out")
	services, _ := m["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s, _ := services[name].(map[string]any)
		at := "service " + name + ": "
		refuse(s, at, "build", "opsafe makes no images: name one")
		refuse(s, at, "label_file", "write the labels down in the file")
		refuse(s, at, "scale", "a service is one container")
		refuse(s, at, "provider", "a service is a container of docker's")
		if extends, ok := s["extends"].(map[string]any); ok {
			refuse(extends, at+"extends: ", "file", "list the files in the spec")
		}
		if deploy, ok := s["deploy"].(map[string]any); ok {
			refuse(deploy, at+"deploy: ", "replicas", "a service is one container")
		}
		if check, ok := s["healthcheck"].(map[string]any); ok && !startsCheck(check["test"]) {
			refuse(check, at+"healthcheck: ", "test", "a list begins with CMD, CMD-SHELL or NONE")
		}
	}
	return out
}

// startsCheck reports whether a health check is text, or a list that says how it is run.
func startsCheck(test any) bool {
	list, ok := test.([]any)
	if !ok || len(list) == 0 {
		return true
	}
	first, _ := list[0].(string)
	return slices.Contains([]string{"CMD", "CMD-SHELL", "NONE"}, first) || strings.Contains(first, "$")
}

// Load reads a project, and refuses what docker would refuse of it. All of its variables
// have to be set. Files have passed Check.
func Load(ctx context.Context, s Source) (p *Project, err error) {
	defer func() {
		if r := recover(); r != nil { // of a library, on odd input
			p, err = nil, fmt.Errorf("cannot be read: %v", r)
		}
	}()
	logrus.SetOutput(io.Discard) // what is wrong, the library returns
	details := types.ConfigDetails{WorkingDir: s.Dir, Environment: maps.Clone(types.Mapping(s.Variables))}
	for _, f := range s.Files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f.Name, Content: f.Data})
	}
	loaded, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(s.Name, true)
		o.SkipResolveEnvironment, o.SkipResolveLabels, o.SkipInclude = true, true, true
		o.SkipValidation = plain(s.Files)
		o.Interpolate = &interpolation.Options{
			LookupValue: details.LookupEnv, TypeCastMapping: o.Interpolate.TypeCastMapping,
			Substitute: func(text string, lookup template.Mapping) (string, error) {
				return template.SubstituteWithOptions(text, lookup, template.WithoutLogging)
			},
		}
	})
	if err != nil {
		return nil, placed(s.Files, err)
	}
	listeners, errs := refusedByDocker(s.Files, loaded)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if p, err = newProject(loaded); err == nil {
		p.Listeners = listeners
	}
	return p, err
}

func newProject(loaded *types.Project) (*Project, error) {
	p := &Project{}
	data, err := loaded.MarshalJSON(types.WithSecretContent)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &p.model); err != nil {
		return nil, err
	}
	delete(p.model, "name")
	// Maps have no order: what does not depend on each other is in that of the names.
	names := slices.Sorted(maps.Keys(loaded.Services))
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		service, ok := loaded.Services[name]
		if !ok || seen[name] {
			return
		}
		seen[name] = true
		for _, d := range slices.Sorted(maps.Keys(service.DependsOn)) {
			add(d)
		}
		p.Services = append(p.Services, newService(service))
	}
	for _, name := range names {
		add(name)
	}
	p.Inactive = slices.Sorted(maps.Keys(loaded.DisabledServices))
	p.Networks = madeNetworks(loaded)
	return p, nil
}

// madeNetworks are the networks that compose makes, sorted.
func madeNetworks(loaded *types.Project) []string {
	var out []string
	for _, n := range loaded.Networks {
		if !bool(n.External) {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}

func newService(s types.ServiceConfig) Service {
	out := Service{
		Name: s.Name, Image: s.Image, Container: s.ContainerName, Pull: s.PullPolicy, Restart: "no",
		Environment: map[string]string{}, User: s.User,
	}
	for _, p := range s.Ports {
		if p.Published != "" {
			out.Published = append(out.Published, p.Published)
		}
	}
	if s.Restart != "" {
		out.Restart, _, _ = strings.Cut(s.Restart, ":")
	}
	for _, f := range s.EnvFiles {
		out.EnvFiles = append(out.EnvFiles, EnvFile{Path: path.Clean(f.Path), Optional: !bool(f.Required), Raw: f.Format == "raw"})
	}
	for name, value := range s.Environment {
		if value != nil {
			out.Environment[name] = *value
		}
	}
	for _, of := range []string{s.NetworkMode, s.Ipc, s.Pid, s.Uts, s.Cgroup} {
		if other, ok := strings.CutPrefix(of, types.ServicePrefix); ok {
			out.Shares = append(out.Shares, other)
		}
	}
	out.Refers = slices.Clone(out.Shares)
	for _, of := range slices.Concat(s.Links, s.VolumesFrom) {
		if other, _, _ := strings.Cut(of, ":"); other+":" != types.ContainerPrefix {
			out.Refers = append(out.Refers, other)
		}
	}
	return out
}

// Service finds a service by its name. Nil: there is none.
func (p *Project) Service(name string) *Service {
	for i := range p.Services {
		if p.Services[i].Name == name {
			return &p.Services[i]
		}
	}
	return nil
}

// Configuration is all that the files say about a service, and of what services
// share, in a form that can be compared.
func (p *Project) Configuration(service string) ([]byte, error) {
	c := maps.Clone(p.model)
	delete(c, "services")
	c["service"] = p.services()[service]
	return json.Marshal(c)
}

func (p *Project) services() map[string]any {
	s, _ := p.model["services"].(map[string]any)
	return s
}

// Variables reads an environment file as compose does. Known are those of the files
// before it, which it may use.
func (f EnvFile) Variables(data []byte, known map[string]string) (map[string]string, error) {
	lookup := func(name string) (string, bool) { v, ok := known[name]; return v, ok }
	if !f.Raw {
		return dotenv.ParseWithLookup(bytes.NewReader(data), lookup)
	}
	vars := map[string]string{}
	return vars, dotenv.ParseWithFormat(bytes.NewReader(data), f.Path, vars, lookup, "raw")
}
