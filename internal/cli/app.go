// Package cli is the command line: one file for each command, with its options,
// its flags and what it does.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"opsafe/internal/host"
	"opsafe/internal/host/local"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/journal"
	"opsafe/internal/render"
)

// The exit codes. Plan's own are in plan.go.
const (
	exitOK      = 0
	exitFailed  = 1
	exitChanges = 2 // of plan --exit-code
)

// exitError ends the program with a code. A nil Err means that all has been
// said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// said is the error of a command that has already explained its failure.
func said(code int) error { return &exitError{code: code} }

// App is what commands get of the world, so that tests can give them another
// one.
type App struct {
	Out, Err io.Writer
	Env      func(string) string
	Now      func() time.Time
	// Host is the machine to work on.
	Host host.Host
	// Root reports whether the process may do everything.
	Root bool
	// Tidy clears away what dead runs left that no change comes across, and says
	// what it has done. Nil: nothing is left.
	Tidy func(context.Context) ([]string, error)
	// LockPath and Executable are paths of the real machine.
	LockPath   string
	Executable func() (string, error)
	// Log passes events on to the system journal; nil: nobody is told.
	Log func(journal.Event)

	// record is set when Host is a recorded one, and Root says whether root
	// recorded it.
	record *snapshot.Reader
}

// Main runs the program with these arguments and returns its exit code.
func Main(args []string) int {
	machine := local.New(local.Options{Tell: func(what string) { note(os.Stderr, "%s", what) }})
	app := &App{
		Out: os.Stdout, Err: os.Stderr, Env: os.Getenv, Now: time.Now,
		Host: machine, Root: os.Geteuid() == 0, Tidy: machine.Tidy,
		LockPath: local.LockPath, Executable: os.Executable,
		// Without a system journal the record alone has to do.
		Log: func(e journal.Event) { _ = local.Log(e.Message, e.Failed, e.Fields) },
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A connection that drops must not leave a run half done.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	return app.Run(ctx, args)
}

// Run runs a command and returns the exit code.
func (a *App) Run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitFailed, err: err}
	}
	if exit.err != nil {
		say(a.Err, fmt.Sprintf("opsafe: %v", exit.err))
	}
	return exit.code
}

func (a *App) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "opsafe",
		Short: "Keep a server in its declared state",
		Long: `opsafe brings a server to the state that a spec declares, and says beforehand
exactly what it is going to do.

  opsafe plan                          what manage would do; needs no root
  sudo opsafe manage --backend tpp     converge this host
  sudo opsafe disable-user alice       take somebody's access away, all of it`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.CompletionOptions.SetDefaultShellCompDirective(noFiles)
	addCommands(root, a)
	return root
}

// addCommands adds them in the groups in which help shows them.
func addCommands(root *cobra.Command, a *App) {
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Every day:", []*cobra.Command{newPlan(a), newManage(a), newStatus(a), newPrune(a), newAccess(a)}},
		{"People:", []*cobra.Command{newDisableUser(a), newEnableUser(a), newKeys(a)}},
		{"Going back:", []*cobra.Command{newConfirm(a), newRevert(a), newHistory(a), newShow(a), newUndo(a)}},
		{"Specs:", []*cobra.Command{newValidate(a), newExplain(a), newSchema(a), newAdopt(a), newFacts(a)}},
		{"Setting up:", []*cobra.Command{newBootstrap(a), newWhereami(a), newMan(a), newVersion(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		root.SetHelpCommandGroupID(g.title)
		root.SetCompletionCommandGroupID(g.title)
		for _, c := range g.commands {
			c.GroupID = g.title
			root.AddCommand(c)
		}
	}
}

// needRoot refuses a command that changes the host to anybody but root.
func (a *App) needRoot(command string) error {
	if a.Root {
		return nil
	}
	return fmt.Errorf("%s changes this host and needs root: run it with sudo", command)
}

// lock keeps other runs away, and clears away what dead ones left. It refuses where
// changes wait to be confirmed.
func (a *App) lock(ctx context.Context) (release func(), err error) {
	lock, err := local.TakeLock(a.LockPath)
	if err != nil {
		return nil, err
	}
	if err := a.unconfirmed(); err != nil {
		lock.Release()
		return nil, err
	}
	if a.Tidy == nil {
		return lock.Release, nil
	}
	done, err := a.Tidy(ctx)
	for _, what := range done {
		note(a.Err, "%s", what)
	}
	if err != nil {
		note(a.Err, "what dead programs left could not be cleared away: %v", err)
	}
	return lock.Release, nil
}

// style is how text may look on out: colour and width are for terminals.
func (a *App) style(out io.Writer) render.Style {
	w := width(out)
	plain := w == 0 || a.Env("NO_COLOR") != "" || a.Env("TERM") == "dumb"
	return render.Style{Color: !plain, Width: w}
}

// width is that of a terminal, and 0 for anything else.
func width(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	const usual = 80
	return usual
}
