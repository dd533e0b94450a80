package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// proxies are the variables by which programs find a proxy, as the unit has them.
func proxies() []string {
	var out []string
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"} {
		if value := os.Getenv(name); value != "" {
			out = append(out, name+"="+value)
		}
	}
	return out
}

// makeDir makes a directory of the account's own in one that a run has made.
func (w *Worker) makeDir(dir string) error {
	err := w.Machine.MakeRelease(dir, w.Config.User)
	if in, unseen := w.Machine.Stat(path.Dir(dir)); err != nil && unseen == nil && in == nil {
		return fmt.Errorf("%s is gone: opsafe manage makes it again", path.Dir(dir))
	}
	return err
}

// build makes a release complete: its files, what it shares, its steps.
func (w *Worker) build(ctx context.Context, revision string) error {
	dir := w.releaseDir(revision)
	if err := w.Machine.RemoveRelease(ctx, dir, w.Config.User); err != nil {
		return err
	}
	if err := w.makeDir(dir); err != nil {
		return err
	}
	env := []string{"GIT_WORK_TREE=" + dir, "GIT_INDEX_FILE=" + path.Join(w.repository(), "opsafe-index")}
	for _, stale := range []string{"opsafe-index", "opsafe-index.lock"} { // of a git that was killed
		if _, err := w.Machine.RunProgram(ctx, host.Program{Argv: []string{"/bin/rm", "-f", "--", path.Join(w.repository(), stale)}, As: w.Config.User}); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"read-tree", revision}, {"checkout-index", "--all", "--force", "--prefix=" + dir + "/"}} {
		if _, err := w.git(ctx, nil, env, args...); err != nil {
			return fmt.Errorf("cannot check %s out: %w", revision, err)
		}
	}
	for _, name := range w.Config.Shared {
		if err := w.share(ctx, dir, name); err != nil {
			return err
		}
	}
	for _, s := range w.Config.Steps {
		env, secrets, err := w.environment(s.EnvFiles)
		if err != nil {
			return err
		}
		limited, cancel := ctx, context.CancelFunc(func() {})
		if s.Within.Duration > 0 {
			limited, cancel = context.WithTimeoutCause(ctx, s.Within.Duration, fmt.Errorf("it took longer than %v", s.Within))
		}
		w.say("step %s", strings.Join(s.Run, " "))
		err = w.program(limited, s.Run, w.Config.User, revision, env, secrets)
		cancel()
		if err != nil {
			return fmt.Errorf("step %s: %w", strings.Join(s.Run, " "), err)
		}
	}
	return nil
}

// share has a path of a release lead to what all releases share, with the account's
// own rights.
func (w *Worker) share(ctx context.Context, dir, name string) error {
	run := func(argv ...string) error {
		_, err := w.Machine.RunProgram(ctx, host.Program{Argv: argv, As: w.Config.User, Dir: dir})
		return err
	}
	isDir := strings.HasSuffix(name, "/")
	name = strings.TrimSuffix(name, "/")
	at, to := path.Join(dir, name), w.sharedPath(name)
	n, err := w.Machine.Stat(to)
	if err != nil {
		return err
	}
	switch {
	case n == nil && !isDir:
		return &RefusedError{Why: fmt.Sprintf("shared: %s is not there: put it there, or declare it under files; a directory is named with a slash behind it", to)}
	case isDir && n != nil && n.Type != host.TypeDir && n.Type != host.TypeSymlink:
		return &RefusedError{Why: fmt.Sprintf("shared: %s is no directory: move it away, or name it without the slash behind it", to)}
	case n == nil:
		err = run("/bin/mkdir", "-p", "--", to)
	}
	if err == nil {
		err = run("/bin/rm", "-rf", "--", at) // what the repository has there
	}
	if err == nil {
		err = run("/bin/mkdir", "-p", "--", path.Dir(at))
	}
	if err == nil {
		err = run("/bin/ln", "-s", "-T", "--", to, at)
	}
	if err != nil {
		return fmt.Errorf("shared: cannot have %s lead to %s: %w", name, to, err)
	}
	return nil
}

// environment reads environment files, and tells the values that are not to be shown.
func (w *Worker) environment(files []string) (env, secrets []string, err error) {
	for _, at := range files {
		data, err := w.Machine.ReadFile(at)
		if err == nil && data == nil {
			err = errors.New("it is not there")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read the environment file %s: %w", at, err)
		}
		for name, value := range host.Environment(data) {
			env = append(env, name+"="+value)
			const least = 4 // what is shorter is in any text
			if len(value) >= least {
				secrets = append(secrets, value)
			}
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return env, secrets, nil
}

// program runs one of the declared programs in a release. What it says of an error is
// shown without what environment files hold.
func (w *Worker) program(ctx context.Context, argv []string, as, revision string, env, secrets []string) error {
	dir := w.releaseDir(revision)
	_, err := w.Machine.RunProgram(ctx, host.Program{
		Argv: argv, As: as, Dir: dir, Env: append(slices.Clone(env), append(proxies(), "RELEASE="+dir, "REVISION="+revision)...),
	})
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "(hidden)")
	}
	return errors.New(text)
}

// check runs what has to succeed for the release to take effect.
func (w *Worker) check(ctx context.Context, revision, when string) error {
	if len(w.Config.Check) == 0 {
		return nil
	}
	if err := w.program(ctx, w.Config.Check, w.Config.CheckAs, revision, nil, nil); err != nil {
		return fmt.Errorf("check, %s: %w", when, err)
	}
	return nil
}

// keeps are the releases that are kept.
func (w *Worker) keeps() map[string]bool {
	keep := map[string]bool{w.state.revision(): true, w.state.Former: true}
	delete(keep, "")                           // where there is none
	for _, left := range []bool{false, true} { // what was gone back from goes first
		for _, r := range slices.Backward(w.state.Releases) {
			if r.Left == left && len(keep) < w.Config.Keep {
				keep[r.Revision] = true
			}
		}
	}
	return keep
}

// prune removes releases that are not kept, and what a dead worker has left of others.
// What cannot be removed stays, and is said.
func (w *Worker) prune(ctx context.Context) {
	if w.Config.Source() == "" || ctx.Err() != nil {
		return
	}
	keep := w.keeps()
	names, err := w.Machine.ReadDir(w.releasesDir())
	if err != nil {
		w.say("cannot prune: %v", err)
		return
	}
	before := len(w.state.Releases)
	w.state.Releases = slices.DeleteFunc(w.state.Releases, func(r Release) bool { return !keep[r.Revision] })
	if len(w.state.Releases) < before { // what is half removed is no release
		if err := w.save(ctx); err != nil {
			w.say("cannot prune: %v", err)
			return
		}
	}
	for _, name := range names {
		if keep[name] || !commitName().MatchString(name) {
			continue
		}
		if err := w.Machine.RemoveRelease(ctx, w.releaseDir(name), w.Config.User); err != nil {
			w.say("cannot remove the release %s: %v", name, err)
		}
	}
}
