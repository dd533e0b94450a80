package kind

import (
	"context"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// lacking says which variables the declared content of an environment file has
// and the host's own lacks: such a file is written once and then left to the
// host, so that a variable which is declared later never gets there by itself.
// Of secret ones it also says which have no value yet. Values are never named.
func (l fileLook) lacking(ctx context.Context, r host.Reader) ([]string, error) {
	if !l.once || l.form == nil || !host.IsEnvFile(l.path) {
		return nil, nil
	}
	have, err := r.ReadFile(l.path)
	names, unset := host.EnvNames(have), host.EnvUnset(have)
	switch red := host.Redacted(err); {
	case red != nil && l.form.whole() && red.Text != nil:
		names, unset = host.EnvNames(red.Text), host.EnvUnset(red.Text)
	case red != nil && l.form.whole():
		names, unset = red.Variables, red.Unset
	case host.IsUnknown(err):
		return nil, nil // the content is not managed: not seeing it is no harm
	case err != nil:
		return nil, err
	}
	declared, err := l.form.content(ctx, r, have)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	var missing []string
	for _, name := range host.EnvNames(declared) {
		if !there[name] {
			there[name] = true
			missing = append(missing, name)
		}
	}
	var notes []string
	if len(missing) > 0 {
		notes = append(notes, "it lacks "+strings.Join(missing, ", ")+", which the declared content has: the file is the host's own, add it by hand")
	}
	if l.secret && len(unset) > 0 {
		notes = append(notes, strings.Join(unset, ", ")+": empty, or a placeholder: put the values in by hand, or take the lines out")
	}
	return notes, nil
}

// secretVariables are those that the secret environment files declare. An operator
// may have written one of them into another layer, which is shown: for the diff of
// that, its value is as secret.
func (in *Input) secretVariables(file string) map[string]bool {
	if !host.IsEnvFile(file) {
		return nil
	}
	names := map[string]bool{}
	for p, f := range in.Backend.Files {
		if host.IsEnvFile(p) && spec.Is(f.Secret) {
			for _, name := range host.EnvNames(f.Data) {
				names[name] = true
			}
		}
	}
	return names
}

// hideValues replaces the values of variables in a diff by digests.
func hideValues(d *change.Diff, names map[string]bool) *change.Diff {
	if len(names) == 0 || d.Hidden != "" {
		return d
	}
	d.Before, d.After = host.HideEnv(d.Path, d.Before, names), host.HideEnv(d.Path, d.After, names)
	return d
}
