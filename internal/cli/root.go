package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/host/local"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// inRoot is the command by which opsafe starts itself in the tree of another machine.
const inRoot = "in-root"

// within has this program do a command on the tree of a machine that does not run.
func (a *App) within(ctx context.Context, o options, command string) error {
	if err := a.needRoot(command + " --root"); err != nil {
		return err
	}
	if a.Within == nil {
		return fmt.Errorf("cannot work on another machine's tree here")
	}
	repository, err := o.repository(a)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return fmt.Errorf("cannot open the tree: %w", err)
	}
	tree, err := local.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer tree.Close()
	code, err := a.Within(ctx, dir, append([]string{inRoot, dir, repository, "--"}, a.args...))
	if err != nil {
		return err
	}
	if code != exitOK {
		return said(code)
	}
	return nil
}

func newInRoot() *cobra.Command {
	return &cobra.Command{
		Use: inRoot + " DIR REPOSITORY -- COMMAND", Short: "Do what --root of plan and manage says", Hidden: true,
		Long: `Do what --root of plan and manage says. opsafe starts itself so, as the first process of
a world of its own: from anywhere else it is refused.`,
		Args: cobra.MinimumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			if err := local.EnterRoot(args[0], args[1]); err != nil {
				return err
			}
			app := newApp(local.Options{Unbooted: true})
			app.Tree, app.Executable = args[0], func() (string, error) { return local.InRootProgram, nil }
			if code := app.Run(c.Context(), args[2:]); code != exitOK {
				return said(code)
			}
			return nil
		},
	}
}

// leftToBoot is said of what needs a machine that runs.
const leftToBoot = "it needs a machine that runs, and is left to its first boot"

// unbooted is what can be made of a machine that does not run, and what its first boot
// needs. The rest waits.
func (a *App) unbooted(in *kind.Input, all []converge.Kind) ([]converge.Kind, error) {
	first, err := a.firstBoot(in)
	if err != nil {
		return nil, err
	}
	all = slices.Clone(all)
	more := converge.Declare(&kind.Input{Backend: first, Repo: in.Repo, Now: in.Now})
	for i := range all {
		for j := range all[i].Resources {
			r := &all[i].Resources[j]
			if all[i].Runs || len(r.On) > 0 {
				r.Waits = leftToBoot
			}
		}
		for _, k := range more {
			if k.Name == all[i].Name {
				all[i].Resources = append(all[i].Resources, without(k.Resources, all[i].Resources)...)
			}
		}
	}
	return all, nil
}

// without are the resources that are not among others.
func without(resources, others []kind.Resource) []kind.Resource {
	return slices.DeleteFunc(resources, func(r kind.Resource) bool {
		return slices.ContainsFunc(others, func(o kind.Resource) bool { return o.ID == r.ID })
	})
}

// firstBootText is of a unit that brings the machine to its declared state when it
// boots, and goes once that has succeeded. It comes after what starts by itself: else
// that would wait for it, and it for what it starts.
const firstBootText = `# Managed by opsafe manage --root. It goes once it has succeeded.
[Unit]
Description=Bring this host to its declared state after its first boot
Wants=network-online.target
After=network-online.target multi-user.target

[Service]
Type=oneshot
ExecStart=%s manage --backend %s --dir %s
ExecStartPost=/bin/systemctl --quiet disable %[4]s
ExecStartPost=/bin/rm /etc/systemd/system/%[4]s

[Install]
WantedBy=multi-user.target
`

// firstBoot declares what the first boot needs: this program, the name of the backend,
// the repository, and the unit.
func (a *App) firstBoot(in *kind.Input) (*spec.Backend, error) {
	name := in.Backend.Name
	files, err := a.bootstrapFiles(name)
	if err != nil {
		return nil, err
	}
	b := &spec.Backend{Name: name, Directories: bootstrapDirs(), Files: files}
	if err := copyRepository(b, in.Repo.Dir); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(firstBootText, binaryFile, name, defaultDir, notes.FirstBoot)
	on := true
	for _, f := range b.Files {
		if f.Content != nil {
			f.Data = []byte(*f.Content)
		}
	}
	unit := &kind.Unit{Text: spec.Text{Content: &text, Data: []byte(text)}, Enabled: &on}
	out := spec.With(*b, "units", map[string]*kind.Unit{notes.FirstBoot: unit})
	return &out, nil
}

// copyRepository declares the files of the repository, without git's.
func copyRepository(b *spec.Backend, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		to := filepath.Join(defaultDir, rel)
		switch {
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && rel != ".":
			return filepath.SkipDir
		case d.IsDir():
			b.Directories[to] = &spec.Directory{Owner: "root", Group: "root", Mode: "0755"}
		case d.Type().IsRegular():
			data, err := root.ReadFile(rel)
			if err != nil {
				return err
			}
			content := string(data)
			b.Files[to] = &spec.File{Text: spec.Text{Content: &content}, Owner: "root", Group: "root", Mode: "0644"}
		}
		return nil
	})
}

// leftNotes say what is left to the first boot.
func (a *App) leftNotes(p *prepared) []string {
	if a.Tree == "" {
		return nil
	}
	var left, run []string
	for _, k := range p.kinds {
		for _, r := range k.Resources {
			if r.Waits != "" {
				left = append(left, r.ID.String())
			}
		}
	}
	for name, u := range kind.UnitsOf(p.in.Backend) {
		if spec.Is(u.Running) {
			run = append(run, name)
		}
	}
	slices.Sort(run)
	var out []string
	if len(left) > 0 {
		out = append(out, "left to the first boot: "+strings.Join(left, ", "))
	}
	if len(run) > 0 {
		out = append(out, "to be running after the first boot: "+strings.Join(run, ", "))
	}
	return out
}

// repositoryLater is where the repository is once the machine runs.
func (a *App) repositoryLater(dir string) string {
	if a.Tree != "" {
		return defaultDir
	}
	return dir
}
