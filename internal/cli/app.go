// Package cli is the command line: flags, arguments and printing, one file for each
// command.
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

	"opsafe/internal/facts"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/render"
	"opsafe/internal/run"
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
	why  string // what has failed, where that has been said already
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
	// In is where answers come from. Nil: there is nobody to ask, since it or Err is
	// no terminal.
	In  io.Reader
	Env func(string) string
	Now func() time.Time
	// Host is the machine to work on.
	Host host.Host
	// Machine is what deploying needs of it. Nil: nothing is deployed there.
	Machine deployMachine
	// Root reports whether the process may do everything.
	Root bool
	// Tidy clears away what a dead run left that no change comes across, and says
	// what it has done. Nil: nothing is left.
	Tidy func(context.Context, local.Dead) ([]string, error)
	// Judge has this machine's programs judge what is planned for a recorded host.
	// Nil: nothing is judged.
	Judge host.Judge
	// Version is that of this program, such as v1.2.3; empty: the one it was built as.
	Version string
	// Tree is the directory of another machine, which does not run, that this process
	// has entered; empty: it works on the machine that it runs on.
	Tree string
	// Within has this program work in a tree with these arguments, and gives its exit
	// code. Nil: it cannot.
	Within func(ctx context.Context, tree string, argv []string) (int, error)
	// LockPath and Executable are paths of the real machine.
	LockPath   string
	Executable func() (string, error)
	// ReadOwn reads a file that nobody but root and whoever runs this can have written;
	// nil: the host does not tell who has.
	ReadOwn func(path string) ([]byte, error)
	// Exec has a program run in the place of this one, with these variables besides.
	Exec func(argv []string, variables map[string]string) error
	// Behind counts the commits that want has and have has not; nil: nobody can tell.
	Behind func(ctx context.Context, dir, have, want string) (int, error)
	// Staged names the files, of some in a repository, that are staged and not
	// committed; nil: nobody can tell.
	Staged func(ctx context.Context, dir string, of ...string) ([]string, error)
	// Sleep waits; nil: by the clock.
	Sleep func(context.Context, time.Duration) error
	// Log passes events on to the system journal; nil: nobody is told.
	Log func(history.Event)

	// live is told by the machine how far a step or a look has come; nil: it tells nobody.
	live *liveLine
	// patience is how long another run is waited for; 0: a little while.
	patience time.Duration
	// by is who has asked for what is done; empty: whoever has started the program.
	by string
	// args are those that it was called with.
	args []string
	// record is set when Host is a recorded one, and Root says whether root
	// recorded it.
	record *snapshot.Reader
	// byFacts says which record it is.
	byFacts *render.FactsDoc
	// lastRuns are those on the recorded host.
	lastRuns map[string]*facts.LastRun
}

// Main runs the program with these arguments and returns its exit code.
func Main(args []string) int {
	app := newApp(local.Options{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A connection that drops must not leave a run half done.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	return app.Run(ctx, args)
}

// newApp is the program on the real machine.
func newApp(o local.Options) *App {
	ignored := local.Ignored()
	o.Tell = func(what string) { note(os.Stderr, "%s", what) }
	live := &liveLine{}
	if width(os.Stderr) > 0 {
		o.Progress = live.far // elsewhere nothing of it is shown, and apt need not tell
	}
	machine := local.New(o)
	app := &App{
		live: live,
		Out:  local.StandardOutput(), Err: os.Stderr, Env: os.Getenv, Now: time.Now,
		Host: machine, Machine: machine, Root: os.Geteuid() == 0, Tidy: machine.Tidy, Judge: local.NewJudge(),
		LockPath: local.LockPath, Executable: os.Executable,
		ReadOwn: machine.ReadOwn, Exec: func(argv []string, vars map[string]string) error { return local.Exec(argv, vars, ignored) }, Behind: local.Behind, Staged: local.Staged,
		// Without a system journal the record alone has to do.
		Log:    func(e history.Event) { _ = local.Log(e.Message, e.Failed, e.Fields) },
		Within: local.InRoot,
	}
	if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) {
		app.In = os.Stdin
	}
	return app
}

// Run runs a command and returns the exit code.
func (a *App) Run(ctx context.Context, args []string) int {
	out := &written{out: a.Out}
	on := *a
	on.Out, on.args = out, args
	code := on.run(ctx, args)
	if err := out.failure(); err != nil {
		say(a.Err, fmt.Sprintf("opsafe: %v", err))
		code = exitFailed
	}
	return code
}

func (a *App) run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	profiles := addProfile(root)
	c, err := root.ExecuteContextC(ctx)
	if err = errors.Join(err, profiles.close()); err == nil {
		return exitOK
	}
	err = typedWrong(c, oneOfFlags(err))
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
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return noneEmpty(c.Flags()) },
	}
	root.CompletionOptions.SetDefaultShellCompDirective(noFiles)
	root.DisableSuggestions = true // they come with the error: see unknownCommand
	root.SetFlagErrorFunc(wrongFlag)
	addCommands(root, a)
	sayOnce(root)
	return root
}

// addCommands adds them in the groups in which help shows them.
func addCommands(root *cobra.Command, a *App) {
	const settingUp = "Setting up:"
	root.SetHelpCommand(helpOf(root))
	root.SetHelpCommandGroupID(settingUp)
	root.SetCompletionCommandGroupID(settingUp)
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Every day:", []*cobra.Command{newPlan(a), newManage(a), newStatus(a), newPrune(a), newUpgrade(a), newAccess(a), newReport(a)}},
		{"Deployments:", []*cobra.Command{newDeploy(a), newRollback(a), newDeployments(a)}},
		{"People:", []*cobra.Command{newDisableUser(a), newEnableUser(a), newRevokeKey(a), newKeys(a)}},
		{"Going back:", []*cobra.Command{newConfirm(a), newRevert(a), newHistory(a), newShow(a), newUndo(a)}},
		{"Specs:", []*cobra.Command{newValidate(a), newExplain(a), newSchema(a), newAdopt(a), newFacts(a)}},
		{settingUp, []*cobra.Command{newInit(a), newBootstrap(a), newWhereami(a), newEnv(a), newMan(a), newVersion(a)}},
		{"Run by units:", []*cobra.Command{newReceive(a), newForward(a), newGitHubRanges(a), newFirewall(a), newInRoot()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
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

// hold is for a command that changes this host: it wants root, and keeps other runs away
// until it is released. A plan needs neither.
func (a *App) hold(ctx context.Context, command string, m render.Mode) (release func(), err error) {
	if m == render.Plan {
		return func() {}, nil
	}
	if err := a.needRoot(command); err != nil {
		return nil, err
	}
	return a.runner().Lock(ctx)
}

// style is how text may look on out: colour and width are for terminals.
func (a *App) style(out io.Writer) render.Style {
	w := width(out)
	plain := w == 0 || a.Env("NO_COLOR") != "" || a.Env("TERM") == "dumb"
	return render.Style{Color: !plain, Width: w}
}

// width is that of a terminal, and 0 for anything else.
func width(out io.Writer) int {
	if w, ok := out.(*written); ok {
		out = w.out
	}
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

// runner is what runs get of this app.
func (a *App) runner() *run.Runner {
	return &run.Runner{
		Host: a.Host, Recorded: a.record, LastRuns: a.lastRuns, Root: a.Root, Now: a.Now, By: a.operator(), Program: program(),
		LockPath: a.LockPath, Patience: a.patience, Executable: a.Executable, Tidy: a.Tidy, Checkout: a.checkout, Wait: a.pause, Log: a.Log,
		Say:  func(text string) { fmt.Fprintln(a.Out, text) },
		Note: func(text string) { note(a.Err, "%s", text) },
	}
}

// pause waits.
func (a *App) pause(ctx context.Context, d time.Duration) error {
	if a.Sleep != nil {
		return a.Sleep(ctx, d)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
