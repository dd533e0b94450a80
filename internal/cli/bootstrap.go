package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

// What bootstrap leaves on a host, besides backendFile.
const (
	profileFile    = "/etc/profile.d/opsafe-backend.sh"
	binaryFile     = "/usr/local/bin/opsafe"
	completionFile = "/etc/bash_completion.d/opsafe"
)

type bootstrapOptions struct {
	options
	switchTo bool
}

func newBootstrap(a *App) *cobra.Command {
	var o bootstrapOptions
	c := &cobra.Command{
		Use:   "bootstrap BACKEND",
		Short: "Make this host a backend's: remember it, and install opsafe",
		Long: `Make this host a backend's: remember its name in ` + backendFile + `, export
BACKEND to login shells, and install opsafe and its shell completion.`,
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
	c.ValidArgsFunction = a.completeBackends(&o.options)
	return c
}

func (a *App) bootstrap(ctx context.Context, o bootstrapOptions) error {
	if err := errors.Join(o.checkFormat(), a.needRoot("bootstrap")); err != nil {
		return err
	}
	release, err := a.lock(ctx)
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
	if was := strings.TrimSpace(string(data)); was != "" && was != o.backend && !o.switchTo {
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
	in := &kind.Input{Backend: &spec.Backend{Name: o.backend, Directories: bootstrapDirs(), Files: files}, Repo: repo}
	// It touches no way in.
	rep, err := a.converge(ctx, converge.Declare(in), runOptions{
		lockOut: lockOut{allowed: true},
		record:  recorded{command: "bootstrap", subject: o.backend, backend: o.backend, dir: repo.Dir},
	}, out)
	if err != nil {
		return err
	}
	if !rep.Converged() {
		return said(exitFailed)
	}
	if o.format == formatText {
		fmt.Fprintf(a.Out, "This host is %s. Next: opsafe plan\n", o.backend)
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
	var completion bytes.Buffer
	if err := a.command().GenBashCompletionV2(&completion, true); err != nil {
		return nil, fmt.Errorf("cannot write the shell completion: %w", err)
	}
	files[completionFile] = text(completion.String(), "0644")
	program, err := a.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find the program that runs: %w", err)
	}
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
