package kind

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// envSuffix ends the names of environment files.
const envSuffix = ".env"

// lacking says which variables the declared content of an environment file has
// and the host's own lacks: such a file is written once and then left to the
// host, so that a variable which is declared later never gets there by itself.
// Values are never named.
func (l fileLook) lacking(ctx context.Context, r host.Reader) ([]string, error) {
	if !l.once || l.form == nil || path.Ext(l.path) != envSuffix {
		return nil, nil
	}
	have, err := r.ReadFile(l.path)
	if host.IsUnknown(err) {
		return nil, nil // the content is not managed: not seeing it is no harm
	}
	if err != nil {
		return nil, err
	}
	declared, err := l.form.content(ctx, r, have)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, name := range variables(have) {
		there[name] = true
	}
	var missing []string
	for _, name := range variables(declared) {
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

// variables lists the names that an environment file assigns, in its order.
func variables(data []byte) []string {
	var names []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, _, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); ok && name != "" && !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	return names
}

// secretVariables are those that the secret environment files declare. An operator
// may have written one of them into another layer, which is shown: for the diff of
// that, its value is as secret.
func (in *Input) secretVariables(file string) map[string]bool {
	if path.Ext(file) != envSuffix {
		return nil
	}
	names := map[string]bool{}
	for p, f := range in.Backend.Files {
		if path.Ext(p) == envSuffix && spec.Is(f.Secret) {
			for _, name := range variables(f.Data) {
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
	d.Before, d.After = hideIn(d.Before, names), hideIn(d.After, names)
	return d
}

func hideIn(text string, names map[string]bool) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, "=")
		value, rest := strings.TrimRight(value, "\r\n"), "\n"
		if v := variables([]byte(line)); len(v) == 1 && names[v[0]] && value != "" {
			if !strings.HasSuffix(line, "\n") {
				rest = ""
			}
			line = name + "=" + host.NewSecret([]byte(value)).String() + rest
		}
		b.WriteString(line)
	}
	return b.String()
}
