package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/render"
	"opsafe/internal/run"
	"opsafe/internal/spec"
)

// What bootstrap leaves on a host, besides backendFile.
const (
	profileFile    = "/etc/profile.d/opsafe-backend.sh"
	binaryFile     = notes.Program
	completionFile = "/etc/bash_completion.d/opsafe"
)

// packagedFile is where the Debian package brings the program, beside its completion.
const packagedFile = "/usr/bin/opsafe"

type bootstrapOptions struct {
	options
	switchTo bool
	prune    bool
}

func newBootstrap(a *App) *cobra.Command {
	var o bootstrapOptions
	c := &cobra.Command{
		Use:        "bootstrap BACKEND",
		Short:      "Make this host a backend's: remember it, and install opsafe",
		SuggestFor: []string{"install", "setup", "enroll", "register"},
		Long: `Make this host a backend's: remember its name in ` + backendFile + `, export
BACKEND to login shells, and install opsafe and its shell completion. If they came
with the Debian package, ` + binaryFile + ` becomes a link to the package's program.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.backend = args[0]
			return a.bootstrap(c.Context(), o)
		},
	}
	o.addDir(c)
	o.addFormat(c)
	o.addFull(c)
	c.Flags().BoolVar(&o.switchTo, "switch", false, "make the host another backend's than it is")
	c.Flags().BoolVar(&o.prune, "prune", false, "with --switch, take away what only the former backend declares: units, rules of sudo, sshd's drop-ins, networks, keys")
	c.ValidArgsFunction = a.completeBackends(&o.options)
	return c
}

func (a *App) bootstrap(ctx context.Context, o bootstrapOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "bootstrap", render.Apply)
	if err != nil {
		return err
	}
	defer release()
	repo, err := o.load(a, o.backend)
	if err != nil {
		return err
	}
	if _, err := repo.Backend(o.backend); err != nil {
		return err
	}
	data, err := a.Host.ReadFile(backendFile)
	if err != nil {
		return err
	}
	was := strings.TrimSpace(string(data))
	if was != "" && was != o.backend && !o.switchTo {
		return fmt.Errorf("this host is %s (%s): to make it %s for good, add --switch", was, backendFile, o.backend)
	}
	files, err := a.bootstrapFiles(o.backend)
	if err != nil {
		return err
	}
	facts, err := a.Host.Facts()
	if err != nil {
		return err
	}
	out := a.newOutput("bootstrap", o.options, o.backend, facts.Hostname, render.Apply)
	out.brief = map[change.ID]string{
		{Kind: "file", Name: completionFile}: "completes opsafe's commands in bash",
		{Kind: "file", Name: binaryFile}:     "this program",
	}
	in := &kind.Input{Backend: &spec.Backend{Name: o.backend, Directories: bootstrapDirs(), Files: files}, Repo: repo}
	kinds, left, err := a.formers(ctx, o, repo, was, converge.Declare(in))
	if err != nil {
		return err
	}
	_, err = a.do(ctx, run.Job{
		Kinds: kinds, WayIn: run.WayIn{MayClose: !o.prune}, // by itself it touches no way in
		Record: run.Record{Command: "bootstrap", Subject: o.backend, Backend: o.backend, Dir: repo.Dir},
	}, out)
	if err != nil {
		return err
	}
	for _, note := range left {
		fmt.Fprintln(a.Err, note)
	}
	if o.format == formatText {
		fmt.Fprintf(a.Out, "This host is %s. Next: opsafe plan%s\n", o.backend, atDir(o.dir))
	}
	return nil
}

// bootstrapDirs are the directories of bootstrap's files that a minimal host
// lacks.
func bootstrapDirs() map[string]*spec.Directory {
	dirs := map[string]*spec.Directory{}
	for _, f := range []string{backendFile, completionFile} {
		dirs[filepath.Dir(f)] = &spec.Directory{Owner: "root", Group: "root", Mode: "0755"}
	}
	return dirs
}

func (a *App) bootstrapFiles(backend string) (map[string]*spec.File, error) {
	text := func(content, mode string) *spec.File {
		return &spec.File{Text: spec.Text{Content: &content}, Owner: "root", Group: "root", Mode: mode}
	}
	files := map[string]*spec.File{
		backendFile: text(backend+"\n", "0644"),
		profileFile: text("# Managed by opsafe bootstrap.\nexport BACKEND="+backend+"\n", "0644"),
	}
	program, err := a.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find the program that runs: %w", err)
	}
	if program == packagedFile {
		// Units and rules of sudo call binaryFile. A copy of an earlier bootstrap there
		// would be run in the package's place, for good.
		files[binaryFile] = &spec.File{Link: packagedFile}
		files[completionFile] = &spec.File{State: "absent"}
		return files, nil
	}
	var completion bytes.Buffer
	if err := a.command().GenBashCompletionV2(&completion, true); err != nil {
		return nil, fmt.Errorf("cannot write the shell completion: %w", err)
	}
	files[completionFile] = text(completion.String(), "0644")
	if program != binaryFile {
		binary, err := os.ReadFile(program)
		if err != nil {
			return nil, fmt.Errorf("cannot read the program that runs: %w", err)
		}
		if len(binary) > host.MaxFile {
			return nil, fmt.Errorf("%s has %d bytes, more than opsafe installs", program, len(binary))
		}
		files[binaryFile] = text(string(binary), "0755")
	}
	return files, nil
}
