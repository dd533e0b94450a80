package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host/local"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/words"
)

// backendFile is where bootstrap remembers the backend on the host.
const backendFile = "/etc/opsafe/backend"

// defaultDir is where the repository is looked for in the end.
const defaultDir = "/srv/opsafe"

// options are common to the commands that read a spec.
type options struct {
	backend string
	dir     string
	// root is the tree of another machine; empty: it is this one.
	root    string
	only    []string
	skip    []string
	format  string
	formats []string // that the command has
	full    bool
	// silent asks no server for keys.
	silent bool
	// registries are asked for images.
	registries bool
	// timings are shown in the end.
	timings bool
}

func (o *options) addRepository(c *cobra.Command, a *App) {
	o.addBackend(c, a)
	o.addDir(c)
}

func (o *options) addBackend(c *cobra.Command, a *App) {
	c.Flags().StringVar(&o.backend, "backend", "", "the backend `NAME` (default: $OPSAFE_BACKEND, else what bootstrap left on the host)")
	_ = c.RegisterFlagCompletionFunc("backend", a.completeBackends(o))
}

func (o *options) addDir(c *cobra.Command) {
	c.Flags().StringVar(&o.dir, "dir", "", "the repository, a `DIR` with backends/ in it (default: $OPSAFE_DIR, else the nearest parent that has backends/, else "+defaultDir+")")
	_ = c.MarkFlagDirname("dir")
}

func (o *options) addRoot(c *cobra.Command) {
	c.Flags().StringVar(&o.root, "root", "", "work on the machine in this `DIR`, which does not run: what needs a running one is left to its first boot")
	_ = c.MarkFlagDirname("root")
}

func (o *options) addSelection(c *cobra.Command, a *App) {
	c.Flags().Var((*list)(&o.only), "only", "only these `KIND`s or KIND/NAMEs")
	c.Flags().Var((*list)(&o.skip), "skip", "all but these `KIND`s or KIND/NAMEs")
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
	c.Flags().StringVar(&o.format, "format", formatText, "output `FORMAT`: "+words.Or(formats))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func (o *options) addFull(c *cobra.Command) {
	c.Flags().BoolVar(&o.full, "full", false, "show file contents and long lists in full")
}

func (o *options) addTimings(c *cobra.Command) {
	c.Flags().BoolVar(&o.timings, "timings", false, "say in the end how long it took for each kind, longest first")
}

// The output formats.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

func (o *options) checkFormat() error {
	if !slices.Contains(o.formats, o.format) {
		return fmt.Errorf("unknown format %q: want %s", o.format, words.Or(o.formats))
	}
	return nil
}

// repository finds the directory that has backends/.
func (o *options) repository(a *App) (string, error) {
	if a.Tree != "" {
		return local.InRootSpec, nil
	}
	if dir := firstOf(o.dir, a.Env("OPSAFE_DIR")); dir != "" {
		if !hasBackends(dir) {
			return "", fmt.Errorf("there is no directory backends in %s: name a directory of specs; opsafe init begins one", dir)
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
	return "", fmt.Errorf("cannot find a directory backends, neither here, nor in a parent, nor in %s: name the repository with --dir or OPSAFE_DIR, or begin one with opsafe init", defaultDir)
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

// errEmpty is that of a flag without a value, as a script gives it whose variable is
// empty: left out, most of them mean everything.
var errEmpty = errors.New("it is given without a value: leave it out, or say what is meant")

// noneEmpty refuses texts that are empty.
func noneEmpty(flags *pflag.FlagSet) error {
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" {
			err = fmt.Errorf("--%s: %w", f.Name, errEmpty)
		}
	})
	return err
}

// sayOnce has the flags of all commands that take one value refuse another one: the first
// would be passed over in silence.
func sayOnce(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, many := f.Value.(*list); !many && f.Value.Type() != "bool" {
			f.Value = &once{Value: f.Value}
		}
	})
	for _, sub := range c.Commands() {
		sayOnce(sub)
	}
}

// once is the value of a flag that is said once.
type once struct {
	pflag.Value
	said *string // as it was typed
}

// Set takes the text, unless another one has been said.
func (o *once) Set(text string) error {
	if o.said != nil && text != *o.said {
		return fmt.Errorf("it takes one value, and %q has been said before", *o.said)
	}
	o.said = &text
	return o.Value.Set(text)
}

// list are the values of a flag that can be repeated, or holds several between
// commas. None of them is empty.
type list []string

// String is empty for no words: help would name [] as what is taken for granted.
func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Type() string { return "strings" }

func (l *list) Set(text string) error {
	words, err := csv.NewReader(strings.NewReader(text)).Read()
	if errors.Is(err, io.EOF) || slices.Contains(words, "") {
		return errEmpty
	}
	*l = append(*l, words...)
	return err
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
	out, left := slices.Clone(declared), 0
	narrowed := &kind.Selection{Said: o.selected(), Out: map[change.ID]kind.Resource{}, Skips: func(id change.ID) bool { return matches(skip, id) }}
	for i, k := range out {
		out[i].Resources = slices.DeleteFunc(slices.Clone(k.Resources), func(r kind.Resource) bool {
			gone := len(only) > 0 && !matches(only, r.ID) || matches(skip, r.ID)
			if gone {
				narrowed.Out[r.ID] = r
			}
			return gone
		})
		for j := range out[i].Resources {
			out[i].Resources[j].Of = narrowed
		}
		out[i].Resources = kind.Chosen(out[i].Resources)
		left += len(out[i].Resources)
	}
	if left == 0 {
		return nil, fmt.Errorf("%s: nothing is left of what is declared", o.selected())
	}
	return out, nil
}

// selected is the selection as it was typed.
func (o *options) selected() string {
	var out []string
	for _, w := range o.only {
		out = append(out, "--only "+w)
	}
	for _, w := range o.skip {
		out = append(out, "--skip "+w)
	}
	return strings.Join(out, " ")
}

func (o *options) matchers(flag string, given []string, declared []converge.Kind) ([]change.ID, error) {
	var out []change.ID
	for _, w := range given {
		name, item, named := strings.Cut(w, "/")
		k := findKind(name, declared)
		if path.IsAbs(w) {
			return nil, fmt.Errorf("%s %s: the kind is missing: did you mean %s file/%s or %s directory/%s?", flag, w, flag, w, flag, w)
		}
		if k == nil {
			return nil, fmt.Errorf("%s %s: there is no kind %q: did you mean %q?", flag, w, name, words.Nearest(name, slices.Values(kindNames())))
		}
		if named && item == "" {
			return nil, fmt.Errorf("%s %s: want KIND or KIND/NAME", flag, w)
		}
		if named && k.ByPath && !strings.HasPrefix(item, "/") {
			return nil, slashMissing(flag, w)
		}
		if named && len(k.Resources) == 0 {
			return nil, fmt.Errorf("%s %s: nothing of that name is declared: this backend has no %s", flag, w, k.Name)
		}
		if named && !slices.ContainsFunc(k.Resources, func(r kind.Resource) bool { return r.ID.Name == item }) {
			var names []string
			for _, r := range k.Resources {
				names = append(names, r.ID.Name)
			}
			if slices.Contains(names, "/"+item) {
				return nil, slashMissing(flag, w)
			}
			return nil, fmt.Errorf("%s %s: nothing of that name is declared; the nearest is %s/%s", flag, w, k.Name, words.Nearest(item, slices.Values(names)))
		}
		out = append(out, change.ID{Kind: k.Name, Name: item})
	}
	return out, nil
}

// slashMissing is the error about a path that stands behind the kind's name without
// its own slash.
func slashMissing(flag, word string) error {
	name, item, _ := strings.Cut(word, "/")
	return fmt.Errorf("%s %s: a slash is missing: %s %s//%s", flag, word, flag, name, item)
}

// findKind takes a kind's name, in the singular or the plural, and gives all that is
// declared of it.
func findKind(name string, kinds []converge.Kind) *converge.Kind {
	var found *converge.Kind
	for _, k := range kinds {
		switch {
		case !k.Called(name):
		case found == nil:
			found = &k
		default:
			found.Resources = slices.Concat(found.Resources, k.Resources)
		}
	}
	return found
}

func kindNames() []string {
	var names []string
	for _, k := range kinds.Table() {
		names = append(names, k.Name)
	}
	return names
}
