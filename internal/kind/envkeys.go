package kind

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/host"
)

// lacking says which variables the declared content of an environment file has
// and the host's own lacks: such a file is written once and then left to the
// host, so that a variable which is declared later never gets there by itself.
// Values are never named.
func (l fileLook) lacking(ctx context.Context, r host.Reader) ([]string, error) {
	if !l.once || l.form == nil || path.Ext(l.path) != ".env" {
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
