package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/compose"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Labels that tell what a container was made from. They hold slow digests alone: with
// a list of words, nobody finds a secret out by them.
const (
	configLabel = host.LabelPrefix + "config" // of what compose files say of the service
	filesLabel  = host.LabelPrefix + "files"  // of files on the host, as JSON by path
)

// load reads a project as it is on a host.
func (l look) load(ctx context.Context, r host.Reader) (*compose.Project, error) {
	vars := map[string]string{}
	for _, at := range l.decl.EnvFiles {
		data, err := envData(r, compose.EnvFile{Path: at})
		if err != nil {
			return nil, err
		}
		if err := data.Kept(); err != nil {
			return nil, err
		}
		if err := addVariables(vars, compose.EnvFile{Path: at}, data.Bytes()); err != nil {
			return nil, err
		}
	}
	maps.Copy(vars, variables(l.in.Backend, l.name, l.decl))
	for _, name := range slices.Sorted(maps.Keys(l.decl.GroupIDs)) {
		g, err := r.Group(l.decl.GroupIDs[name])
		switch {
		case err != nil:
			return nil, err
		case g == nil:
			return nil, kind.Missing("group "+l.decl.GroupIDs[name], "there is no group %s, whose number %s is", l.decl.GroupIDs[name], name)
		case g.GID == host.UnknownID:
			return nil, &host.UnknownError{What: "number of group " + g.Name, Why: "a package brings it", AfterApply: true}
		}
		vars[name] = strconv.Itoa(g.GID)
	}
	unset, err := compose.Unset(l.decl.Data, vars)
	if err != nil {
		return nil, err
	}
	if len(unset) > 0 {
		return nil, fmt.Errorf("nothing sets %s: say it under variables, or in a file of env_files", strings.Join(unset, ", "))
	}
	p, err := compose.Load(ctx, compose.Source{Name: l.name, Dir: l.decl.dir(), Files: l.decl.Data, Variables: vars})
	if err != nil && len(l.decl.EnvFiles) > 0 {
		return nil, l.unsaid(vars)
	}
	return p, err
}

// unsaid stands for what is wrong with compose files once variables are filled in from
// files on the host: to say that might quote a secret.
func (l look) unsaid(vars map[string]string) error {
	show := []string{"sudo", "env"}
	for _, name := range slices.Sorted(maps.Keys(variables(l.in.Backend, l.name, l.decl))) {
		show = append(show, name+"=…")
	}
	for _, name := range slices.Sorted(maps.Keys(l.decl.GroupIDs)) {
		show = append(show, name+"="+vars[name])
	}
	show = append(show, "docker", "compose", "--project-directory", l.decl.dir())
	for _, at := range l.decl.EnvFiles {
		show = append(show, "--env-file", at)
	}
	for _, f := range l.decl.Data {
		show = append(show, "--file", f.Name)
	}
	return fmt.Errorf("cannot read %s with what is in %s, and to say why might quote a secret: see it on the host, beside the compose files, with: %s config --quiet",
		strings.Join(slices.Concat(l.decl.Files, l.decl.Overrides), ", "), strings.Join(l.decl.EnvFiles, ", "), strings.Join(show, " "))
}

// envData is what an environment file holds, as a secret. Of one that need not be
// there and is not, it is empty.
func envData(r host.Reader, f compose.EnvFile) (host.Content, error) {
	image, err := kind.Regular(r, f.Path)
	if err != nil {
		return host.Content{}, err
	}
	if image == nil {
		if f.Optional {
			return host.NewSecret(nil), nil
		}
		return host.Content{}, kind.MissingPath(f.Path, "there is no environment file %s: make it, or declare it under files", f.Path)
	}
	if image.Content.Secret() {
		return image.Content, nil
	}
	return host.NewSecret(image.Content.Bytes()), nil
}

// addVariables adds those of a file. What is wrong with it may quote a secret, and is
// not said.
func addVariables(vars map[string]string, f compose.EnvFile, data []byte) error {
	more, err := f.Variables(data, vars)
	if err != nil {
		return fmt.Errorf("cannot read environment file %s: want lines NAME=VALUE, and quotes that are closed", f.Path)
	}
	maps.Copy(vars, more)
	return nil
}

// labels are those of a service's container, made from what is declared now.
func (l look) labels(r host.Reader, p *compose.Project, s compose.Service) (map[string]string, error) {
	config, err := p.Configuration(s.Name)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range s.EnvFiles {
		data, err := envData(r, f)
		if err != nil {
			return nil, err
		}
		files[f.Path] = short(data.Shown(f.Path))
	}
	anew := notifying(l.in.Backend, l.name)
	if wishes := l.decl.Services[s.Name]; wishes != nil {
		anew = append(anew, wishes.RecreateOn...)
	}
	for _, at := range anew {
		image, err := kind.Regular(r, at)
		if err != nil {
			return nil, err
		}
		files[at] = ""
		if image != nil {
			files[at] = short(image.Content.Shown(at))
		}
	}
	text, err := json.Marshal(files)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		configLabel: short(host.SecretDigest("compose "+l.name+"/"+s.Name, config)),
		filesLabel:  string(text),
	}, nil
}

// short is as much of a digest as is needed to tell contents apart.
func short(digest string) string {
	const enough = 16
	return digest[:min(len(digest), enough)]
}

// file is the project as compose is given it, with some of its services.
func (l look) file(r host.Reader, p *compose.Project, of []serviceLook) (host.ComposeFile, error) {
	out := host.ComposeFile{Project: l.name, Content: host.NewSecret(nil)}
	extras := map[string]compose.Extra{}
	var secret []string
	for _, at := range l.decl.EnvFiles { // load has read them
		vars := map[string]string{}
		data, err := envData(r, compose.EnvFile{Path: at})
		if err == nil {
			err = addVariables(vars, compose.EnvFile{Path: at}, data.Bytes())
		}
		if err != nil {
			return out, err
		}
		secret = slices.AppendSeq(secret, maps.Values(vars))
	}
	for _, s := range of {
		vars := map[string]string{}
		for _, f := range s.EnvFiles {
			data, err := envData(r, f)
			if err != nil {
				return out, err
			}
			if data.Bytes() == nil && data.Shown(f.Path) != "" {
				return out, nil // as in a plan far from the host, which carries nothing out
			}
			if err := addVariables(vars, f, data.Bytes()); err != nil {
				return out, err
			}
		}
		secret = slices.AppendSeq(secret, maps.Values(vars))
		maps.Copy(vars, s.Environment)
		extras[s.Name] = compose.Extra{Labels: s.labels, Environment: vars}
	}
	text, err := p.Render(extras)
	if err != nil {
		return out, err
	}
	out.Content = host.NewSecret(text)
	slices.Sort(secret)
	said := l.said()
	for _, value := range slices.Compact(secret) {
		if !slices.Contains(said, value) {
			out.Unsaid = append(out.Unsaid, host.NewSecret([]byte(value)))
		}
	}
	return out, nil
}

// said are words that the spec has, too: they are no secrets where an environment file
// has them, and without them an error could not be read.
func (l look) said() []string {
	out := []string{l.name, l.decl.dir()}
	out = slices.AppendSeq(out, maps.Values(variables(l.in.Backend, l.name, l.decl)))
	return slices.AppendSeq(out, maps.Values(l.decl.GroupIDs))
}

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
