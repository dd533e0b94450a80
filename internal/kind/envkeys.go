package kind

import (
	"context"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// lacking says which variables the declared content of an environment file has
// and the host's own lacks: such a file is written once and then left to the
// host, so that a variable which is declared later never gets there by itself.
// Values are never named.
func (l fileLook) lacking(ctx context.Context, r host.Reader) ([]string, error) {
	if !l.once || l.form == nil || path.Ext(l.path) != host.EnvSuffix {
		return nil, nil
	}
	have, err := r.ReadFile(l.path)
	names := host.EnvNames(have)
	switch red := host.Redacted(err); {
	case red != nil && l.form.whole() && red.Text != nil:
		names = host.EnvNames(red.Text)
	case red != nil && l.form.whole():
		names = red.Variables
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
	if len(missing) == 0 {
		return nil, nil
	}
	return []string{"it lacks " + list(missing) + ", which the declared content has: the file is the host's own, add it by hand"}, nil
}

// secretVariables are those that the secret environment files declare. An operator
// may have written one of them into another layer, which is shown: for the diff of
// that, its value is as secret.
func (in *Input) secretVariables(file string) map[string]bool {
	if path.Ext(file) != host.EnvSuffix {
		return nil
	}
	names := map[string]bool{}
	for p, f := range in.Backend.Files {
		if path.Ext(p) == host.EnvSuffix && spec.Is(f.Secret) {
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
