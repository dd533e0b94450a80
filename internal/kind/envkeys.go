package kind

import (
	"context"
	"path"
	"regexp"
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
	names := variables(have)
	switch red := host.Redacted(err); {
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

// hideValues replaces the values of variables in a diff by digests. What has been
// recorded without them has the digests already.
func hideValues(d *change.Diff, names map[string]bool, redacted bool) *change.Diff {
	if len(names) == 0 || d.Hidden != "" {
		return d
	}
	d.Before, d.After = hideIn(d.Path, d.Before, names, redacted), hideIn(d.Path, d.After, names, redacted)
	return d
}

func hideIn(at, text string, names map[string]bool, redacted bool) string {
	return eachValue(text, func(name, value string) string {
		if !names[name] || redacted && hiddenValue.MatchString(value) {
			return value
		}
		return host.Hidden(host.SecretDigest(at+" "+name, []byte(value)))
	})
}

// hiddenValue is what host.Hidden writes.
var hiddenValue = regexp.MustCompile(`^\(secret, digest [0-9a-f]{12}\)$`)

// eachValue replaces the values that a text assigns to variables, but for empty
// ones.
func eachValue(text string, replace func(name, value string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		assigned, value, _ := strings.Cut(line, "=")
		value, rest := strings.TrimRight(value, "\r\n"), "\n"
		if v := variables([]byte(line)); len(v) == 1 && value != "" {
			if !strings.HasSuffix(line, "\n") {
				rest = ""
			}
			if next := replace(v[0], value); next != value {
				line = assigned + "=" + next + rest
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
