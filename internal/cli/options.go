package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/kind"
)

// backendFile is where bootstrap remembers the backend on the host.
const backendFile = "/etc/opsafe/backend"

// defaultDir is where the repository is looked for in the end.
const defaultDir = "/srv/opsafe"

// options are common to the commands that read a spec.
type options struct {
	backend string
	dir     string
	only    []string
	skip    []string
	format  string
	formats []string // that the command has
	full    bool
}

func (o *options) addRepository(c *cobra.Command, a *App) {
	c.Flags().StringVar(&o.backend, "backend", "", "backend to use (default: $OPSAFE_BACKEND, else what bootstrap left on the host)")
	o.addDir(c)
	_ = c.RegisterFlagCompletionFunc("backend", a.completeBackends(o))
}

func (o *options) addDir(c *cobra.Command) {
	c.Flags().StringVar(&o.dir, "dir", "", "repository with backends/ (default: $OPSAFE_DIR, else the nearest parent that has backends/, else "+defaultDir+")")
	_ = c.MarkFlagDirname("dir")
}

func (o *options) addSelection(c *cobra.Command, a *App) {
	c.Flags().StringSliceVar(&o.only, "only", nil, "only these `KIND`s or KIND/NAMEs")
	c.Flags().StringSliceVar(&o.skip, "skip", nil, "all but these `KIND`s or KIND/NAMEs")
	for _, f := range []string{"only", "skip"} {
		_ = c.RegisterFlagCompletionFunc(f, a.completeSelection(o))
	}
}

// addFormat is for commands that show a run.
func (o *options) addFormat(c *cobra.Command) {
	o.addFormats(c, formatText, formatJSON, formatMarkdown)
}

func (o *options) addFormats(c *cobra.Command, formats ...string) {
	o.formats = formats
	c.Flags().StringVar(&o.format, "format", formatText, "output `FORMAT`: "+choice(formats))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// choice is words as in: this, that or the other.
func choice(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (o *options) addFull(c *cobra.Command) {
	c.Flags().BoolVar(&o.full, "full", false, "show file contents and long lists in full")
}

// The output formats.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

func (o *options) checkFormat() error {
	if !slices.Contains(o.formats, o.format) {
		return fmt.Errorf("unknown format %q: want %s", o.format, choice(o.formats))
	}
	return nil
}

// repository finds the directory that has backends/.
func (o *options) repository(a *App) (string, error) {
	if dir := firstOf(o.dir, a.Env("OPSAFE_DIR")); dir != "" {
		if !hasBackends(dir) {
			return "", fmt.Errorf("there is no directory backends in %s", dir)
		}
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot tell the present directory: %w", err)
	}
	for {
		if hasBackends(dir) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	if hasBackends(defaultDir) {
		return defaultDir, nil
	}
	return "", fmt.Errorf("cannot find a directory backends, neither here, nor in a parent, nor in %s: name the repository with --dir or OPSAFE_DIR", defaultDir)
}

func hasBackends(dir string) bool {
	st, err := os.Stat(filepath.Join(dir, "backends"))
	return err == nil && st.IsDir()
}

// backendName is the backend to use, and what the host was bootstrapped as: the
// two differ when the command line says so.
func (o *options) backendName(a *App) (name, boot string, err error) {
	data, err := a.Host.ReadFile(backendFile)
	if err != nil {
		return "", "", fmt.Errorf("cannot tell the backend of this host: %w", err)
	}
	boot = strings.TrimSpace(string(data))
	name = firstOf(o.backend, a.Env("OPSAFE_BACKEND"), boot)
	if name == "" {
		return "", "", errors.New("which backend? say it with --backend or OPSAFE_BACKEND, or have the host remember it with opsafe bootstrap")
	}
	return name, boot, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// selection compiles --only and --skip. Words that match nothing that is
// declared are errors: a typo must not look like a host without changes.
func (o *options) selection(declared []converge.Kind) ([]converge.Kind, error) {
	only, err := o.matchers("--only", o.only, declared)
	if err != nil {
		return nil, err
	}
	skip, err := o.matchers("--skip", o.skip, declared)
	if err != nil {
		return nil, err
	}
	if len(only) == 0 && len(skip) == 0 {
		return declared, nil
	}
	matches := func(ms []change.ID, id change.ID) bool {
		return slices.ContainsFunc(ms, func(m change.ID) bool { return m.Kind == id.Kind && (m.Name == "" || m.Name == id.Name) })
	}
	out := slices.Clone(declared)
	for i, k := range out {
		out[i].Resources = slices.DeleteFunc(slices.Clone(k.Resources), func(r kind.Resource) bool {
			return len(only) > 0 && !matches(only, r.ID) || matches(skip, r.ID)
		})
	}
	return out, nil
}

func (o *options) matchers(flag string, words []string, declared []converge.Kind) ([]change.ID, error) {
	var out []change.ID
	for _, w := range words {
		name, item, named := strings.Cut(w, "/")
		k := findKind(name, declared)
		if k == nil {
			return nil, fmt.Errorf("%s %s: there is no kind %q: did you mean %q?", flag, w, name, nearest(name, kindNames()))
		}
		if named && item == "" {
			return nil, fmt.Errorf("%s %s: want KIND or KIND/NAME", flag, w)
		}
		if named && len(k.Resources) == 0 {
			return nil, fmt.Errorf("%s %s: nothing of that name is declared: this backend has no %s", flag, w, k.Name)
		}
		if named && !slices.ContainsFunc(k.Resources, func(r kind.Resource) bool { return r.ID.Name == item }) {
			var names []string
			for _, r := range k.Resources {
				names = append(names, r.ID.Name)
			}
			return nil, fmt.Errorf("%s %s: nothing of that name is declared; the nearest is %s/%s", flag, w, k.Name, nearest(item, names))
		}
		out = append(out, change.ID{Kind: k.Name, Name: item})
	}
	return out, nil
}

// findKind takes a kind's name, in the singular or the plural.
func findKind(name string, kinds []converge.Kind) *converge.Kind {
	for i, k := range kinds {
		if k.Name == name || k.Name+"s" == name || k.Name == "directory" && name == "directories" {
			return &kinds[i]
		}
	}
	return nil
}

func kindNames() []string {
	var names []string
	for _, k := range kind.Table() {
		names = append(names, k.Name)
	}
	return names
}

// nearest is the candidate that is most like word.
func nearest(word string, candidates []string) string {
	best, score := "", -1.0
	for _, c := range candidates {
		if s := levenshtein.Match(word, c, nil); s > score {
			best, score = c, s
		}
	}
	return best
}
