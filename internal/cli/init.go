package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/host/local"
	"opsafe/internal/kinds"
	"opsafe/internal/newrepo"
)

// initOptions are what init is told, by flags or by answers.
type initOptions struct {
	dir     string
	backend string
	person  string
	keyFile string
	adopt   []string
	from    string
}

// usualKinds are those that init can take over as a whole.
func usualKinds() []string {
	var names []string
	for _, k := range kinds.Table() {
		if k.TakenOver {
			names = append(names, k.Name)
		}
	}
	return names
}

func newInit(a *App) *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a repository of specs",
		Long: `Write a new repository of specs to DIR, ` + defaultDir + ` if none is given: a short
backend with comments for this host, developers.yaml with whoever begins and their
public keys, schemas for editors, a GitHub workflow that checks pull requests, and
get-opsafe, which brings this opsafe to other hosts, by the SHA-256 in opsafe.sha256.

What it writes is valid, and a plan with it changes nothing on this host. What a spec
cannot say as it is here is left out, with the reason as a comment. Nothing is changed
on the host besides DIR, in which there may be nothing yet but .git.

On a terminal, it asks for what no flag says.`,
		Example: `  sudo opsafe init
  sudo opsafe init /srv/opsafe --backend web1 --person alice --adopt package,user,unit
  opsafe init specs --backend web1 --person alice --key alice.pub`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.dir = firstOf(append(args, defaultDir)...)
			return a.init(c.Context(), o)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFiles
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	c.Flags().StringVar(&o.backend, "backend", "", "the `NAME` of the backend (default: this host's name)")
	c.Flags().StringVar(&o.person, "person", "", "the `NAME` of the account of whoever begins; none: nobody is listed (default: who runs it)")
	c.Flags().StringVar(&o.keyFile, "key", "", "a `FILE` with their public keys (default: those that let them in here)")
	_ = c.MarkFlagFilename("key", "pub")
	c.Flags().StringVar(&o.from, "from", "", "the `ADDRESS` of the place where hosts can fetch opsafe, in files as make release names them")
	_ = c.RegisterFlagCompletionFunc("from", cobra.NoFileCompletions)
	c.Flags().Var((*list)(&o.adopt), "adopt", "take over these `KIND`s or KIND/NAMEs of this host, as opsafe adopt does; none: nothing (default: nothing)")
	_ = c.RegisterFlagCompletionFunc("adopt", completeKinds)
	return c
}

// noneWord is how nothing is said in an answer or a flag.
const noneWord = "none"

func (a *App) init(ctx context.Context, o initOptions) error {
	if err := errors.Join(vacant(o.dir), o.checkFrom()); err != nil {
		return err
	}
	if err := a.complete(ctx, &o); err != nil {
		return err
	}
	files, notes, err := a.newRepository(ctx, o)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(ctx, filepath.Join(o.dir, name), files[name]); err != nil {
			return err
		}
		fmt.Fprintf(a.Out, "wrote %s\n", filepath.Join(o.dir, name))
	}
	for _, n := range notes {
		note(a.Err, "%s", n)
	}
	fmt.Fprintf(a.Out, "\nA plan with it changes nothing on this host. Change what you like, then:\n\n"+
		"  opsafe validate --dir %[1]s\n  sudo opsafe bootstrap %[2]s --dir %[1]s\n  sudo opsafe plan%[3]s\n", o.dir, o.backend, atDir(o.dir))
	return nil
}

// checkFrom refuses what is no address on one line of a file.
func (o initOptions) checkFrom() error {
	if o.from == "" || regexp.MustCompile(`^[a-z]+://[!-~]+$`).MatchString(o.from) {
		return nil
	}
	return fmt.Errorf("--from %q is no address: write it as in https://example.org/opsafe/v1.2.0", o.from)
}

// atDir is what has the next command find a repository that this one was told of:
// nothing, where it looks by itself.
func atDir(dir string) string {
	if dir == "" || filepath.Clean(dir) == defaultDir {
		return ""
	}
	return " --dir " + dir
}

// vacant refuses a directory in which there is anything but .git.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot begin a repository in %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			return fmt.Errorf("cannot begin a repository in %s: there is %s already: name an empty directory; for a repository that is there, opsafe adopt writes a part of a spec", dir, e.Name())
		}
	}
	return nil
}

// complete asks for what the flags do not say. Where nobody can be asked, the usual
// answers count.
func (a *App) complete(ctx context.Context, o *initOptions) error {
	facts, err := a.Host.Facts()
	if err != nil {
		return err
	}
	var adopted string
	for _, q := range []struct {
		said     bool
		question string
		usual    string
		answer   *string
	}{
		{o.backend != "", "Name of the backend, which stands for this host", nameOf(facts.Hostname), &o.backend},
		{o.person != "", "Account of whoever begins, or none", firstOf(a.Env("SUDO_USER"), noneWord), &o.person},
		{len(o.adopt) > 0, "What to take over from this host: none, all, or kinds with commas between them (" + strings.Join(usualKinds(), ",") + ")", noneWord, &adopted},
	} {
		switch {
		case q.said:
			continue
		case a.In == nil:
			*q.answer = q.usual
		default:
			if *q.answer, err = a.ask(ctx, q.question, q.usual); err != nil {
				return err
			}
		}
	}
	if adopted != "" {
		o.adopt = strings.FieldsFunc(adopted, func(r rune) bool { return r == ',' || r == ' ' })
	}
	switch strings.Join(o.adopt, ",") {
	case noneWord:
		o.adopt = nil
	case "all":
		o.adopt = usualKinds()
	}
	if o.person == noneWord {
		o.person = ""
	}
	return nil
}

// nameOf makes a backend's name of a host's.
func nameOf(hostname string) string {
	name, _, _ := strings.Cut(strings.ToLower(hostname), ".")
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(name, "-"), "-")
	name = strings.TrimLeft(name, "-0123456789") // it begins with a letter
	return firstOf(strings.TrimSuffix(name, "-backend"), "server")
}

// writeFile writes a file, and the directories that it lies in.
func writeFile(ctx context.Context, at string, f newrepo.File) error {
	mode := os.FileMode(0o644)
	if f.Secret {
		mode = 0o600
	}
	err := os.MkdirAll(filepath.Dir(at), 0o755)
	if err == nil {
		err = local.WriteOut(ctx, at, f.Data, mode)
	}
	if err != nil {
		return fmt.Errorf("cannot write the repository: %w", err)
	}
	return nil
}
