package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host/local"
	"opsafe/internal/render"
	"opsafe/internal/words"

	"github.com/spf13/cobra"

	"opsafe/internal/adopt"
	"opsafe/internal/change"
	"opsafe/internal/converge"
)

type adoptOptions struct {
	options
	content []string
	files   string
}

func newAdopt(a *App) *cobra.Command {
	var o adoptOptions
	c := &cobra.Command{
		Use:   "adopt --only KIND",
		Short: "Write what is on this host as a part of a spec",
		Long: `Write what is on this host as a part of a spec, to standard output, for the kinds
and resources that are named. Nothing is changed, and a plan with it changes
nothing: what a spec cannot say as it is on the host comes as a comment, with what
a plan would change.

Of a kind, those are taken that somebody is likely to have set up: packages that
were asked for, users and groups of the range of people and services, files of
their own in /etc/sudoers.d, /etc/ssh/sshd_config.d and /etc/systemd/system,
docker's networks. Directories, ACLs and files are taken by name only.

The content of a file that not everybody may read stays on the host, unless
--content names it; sudo's rules are written.`,
		Example: `  sudo opsafe adopt --only package --only user
  sudo opsafe adopt --only file//etc/motd --only acl//srv/data
  sudo opsafe adopt --only unit/app.service --files backends/north/files`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.adopt(c.Context(), o) },
	}
	o.addDir(c)
	c.Flags().Var((*list)(&o.only), "only", "these `KIND`s or KIND/NAMEs")
	_ = c.MarkFlagRequired("only")
	_ = c.RegisterFlagCompletionFunc("only", completeKinds)
	c.Flags().Var((*list)(&o.content), "content", "write the content of this `FILE`, too, which not everybody may read")
	_ = c.RegisterFlagCompletionFunc("content", completeFiles)
	c.Flags().StringVar(&o.files, "files", "", "write contents to files in this `DIR`, which lies beside the spec")
	_ = c.MarkFlagDirname("files")
	return c
}

func (a *App) adopt(ctx context.Context, o adoptOptions) error {
	wanted, err := adoptable(o.only)
	if err != nil {
		return err
	}
	take := adopt.Options{Wanted: wanted, Open: o.content}
	if o.files != "" {
		take.Beside = filepath.Base(filepath.Clean(o.files))
	}
	f, missing := adopt.Take(ctx, a.Host, take)
	if f == nil {
		return missing
	}
	a.leaveOutPeople(f, o)
	notePeople(f)
	refused, err := a.prove(ctx, f)
	if err != nil {
		return err
	}
	if err := a.writeAdopted(ctx, f, refused, o); err != nil {
		return err
	}
	for _, n := range f.Notes {
		note(a.Err, "%s", n)
	}
	users, groups := f.Needs()
	for _, name := range users {
		note(a.Err, "it refers to the user %s: declare it, too, or see --only user/%[1]s", name)
	}
	for _, name := range groups {
		note(a.Err, "it refers to the group %s: declare it, too, or see --only group/%[1]s", name)
	}
	failed := slices.ContainsFunc(refused, func(r refusal) bool { return r.named })
	if missing != nil || failed {
		return &exitError{code: exitFailed, err: missing}
	}
	return nil
}

// adoptable compiles --only.
func adoptable(only []string) ([]change.ID, error) {
	kinds := converge.Undeclared()
	var out []change.ID
	for _, w := range only {
		name, item, named := strings.Cut(w, "/")
		k := findKind(name, kinds)
		if path.IsAbs(w) {
			return nil, fmt.Errorf("--only %s: the kind is missing: did you mean file/%[1]s or directory/%[1]s?", w)
		}
		if k == nil {
			return nil, fmt.Errorf("--only %s: there is no kind %q: did you mean %q?", w, name, words.Nearest(name, slices.Values(kindNames())))
		}
		if named && item == "" {
			return nil, fmt.Errorf("--only %s: want KIND or KIND/NAME", w)
		}
		if named && k.ByPath && !strings.HasPrefix(item, "/") {
			return nil, slashMissing("--only", w)
		}
		out = append(out, change.ID{Kind: k.Name, Name: item})
	}
	names := kindNames()
	slices.SortStableFunc(out, func(a, b change.ID) int { return slices.Index(names, a.Kind) - slices.Index(names, b.Kind) })
	return out, nil
}

// leaveOutPeople takes people of developers.yaml out, whose accounts come from
// there. Where no repository is at hand, there are none.
func (a *App) leaveOutPeople(f *adopt.Fragment, o adoptOptions) {
	repo, err := o.load(a, "")
	if err != nil {
		return
	}
	for _, p := range repo.People {
		for _, section := range []string{"users", "authorized_keys"} {
			if len(f.Drop([]string{section, p.Name})) > 0 {
				f.Notes = append(f.Notes, fmt.Sprintf("%s is left out of %s: people's accounts and keys come from developers.yaml and keys/", p.Name, section))
			}
		}
	}
}

// notePeople says of accounts with keys of their own that people are better listed as such.
func notePeople(f *adopt.Fragment) {
	has := func(section, name string) bool {
		return slices.ContainsFunc(f.Items, func(i *adopt.Item) bool { return slices.Equal(i.Path, []string{section, name}) })
	}
	var names []string
	for _, item := range f.Items {
		if item.Path[0] == "authorized_keys" && has("users", item.Path[1]) {
			names = append(names, item.Path[1])
		}
	}
	if len(names) > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("accounts with keys: %s: list those that are people in developers.yaml instead, as the guide to a host that is there already says", words.And(names)))
	}
}

// writeAdopted writes the fragment, and what had to be left out as comments.
func (a *App) writeAdopted(ctx context.Context, f *adopt.Fragment, refused []refusal, o adoptOptions) error {
	text, err := a.adopted(f, refused, o.only)
	if err != nil {
		return err
	}
	if o.files != "" {
		if err := writeBeside(ctx, o.files, f.Files); err != nil {
			return err
		}
	}
	fmt.Fprint(a.Out, text)
	return nil
}

// adopted is the fragment as a file, with what had to be left out as comments.
func (a *App) adopted(f *adopt.Fragment, refused []refusal, only []string) (string, error) {
	text, err := f.YAML()
	if err != nil {
		return "", err
	}
	facts, err := a.Host.Facts()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "# What is on %s (%s %s) on %s: opsafe adopt --only %s\n",
		facts.Hostname, facts.Distro, facts.Version, a.Now().UTC().Format(time.DateOnly), strings.Join(only, " --only "))
	if text == "" {
		out.WriteString("# There is nothing that a spec could say as it is.\n")
	} else {
		fmt.Fprintf(&out, "# A plan with it changes nothing.\n\n%s", text)
	}
	for _, r := range refused {
		comment, err := adopt.Commented(r.items)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "\n# Left out: %s\n%s", render.Clean(strings.Join(strings.Fields(r.why), " ")), comment)
	}
	return out.String(), nil
}

// writeBeside writes contents beside the spec. What is there already is not
// replaced.
func writeBeside(ctx context.Context, dir string, files map[string]adopt.Content) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		at, file := filepath.Join(dir, name), files[name]
		to, err := local.FindOut(at)
		if errors.Is(err, fs.ErrNotExist) {
			to, err = local.OutFile{}, os.MkdirAll(dir, 0o755)
		}
		if err == nil && to.Info != nil && to.Info.Mode().IsRegular() {
			var have []byte
			if have, err = os.ReadFile(at); err == nil {
				if bytes.Equal(have, file.Data) {
					continue
				}
				return fmt.Errorf("cannot write %s: it is there already, with another content: move it away", at)
			}
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", at, err)
		}
		mode := os.FileMode(0o644)
		if file.Secret {
			mode = 0o600
		}
		if err := local.WriteOut(ctx, at, file.Data, mode); err != nil {
			return fmt.Errorf("cannot write what belongs beside the spec: %w", err)
		}
	}
	return nil
}
