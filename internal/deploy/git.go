package deploy

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"opsafe/internal/host"
)

// The names under which what was fetched is kept.
const (
	refBranch = "refs/opsafe/branch"
	refHeads  = "refs/opsafe/heads/"
	refTags   = "refs/opsafe/tags/"
)

var commitName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })

// unreachableError says that the remote could not be asked.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }

func (e *unreachableError) Unwrap() error { return e.err }

// git runs git as the account. Nothing that a repository brings makes it run anything:
// no hook, filter, monitor or submodule; nor does it ask anybody, or fetch in another
// way than the address says.
func (w *Worker) git(ctx context.Context, stdin []byte, env []string, args ...string) (string, error) {
	protocols := "https:http:ssh"
	if path.IsAbs(w.Config.Source()) {
		protocols = "file"
	}
	argv := append([]string{
		"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.attributesFile=/dev/null",
		"-c", "fetch.fsckObjects=true", "-c", "transfer.fsckObjects=true", "-c", "receive.fsckObjects=true", "-c", "core.fsync=all",
		"-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=false", "-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false",
		"-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=30", "-c", "credential.helper=", "-c", "protocol.ext.allow=never",
		"-c", "safe.directory=*", "--git-dir=" + w.repository(),
	}, args...)
	return w.Machine.RunProgram(ctx, host.Program{
		Argv: argv, As: w.Config.User, Dir: w.repository(), Stdin: stdin,
		Env: append([]string{
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
			"GIT_ALLOW_PROTOCOL=" + protocols, // Without a terminal ssh asks nobody: a host key that the account does not know
			// is refused.
			"GIT_SSH=/usr/bin/ssh", "GIT_SSH_VARIANT=ssh", "SSH_ASKPASS_REQUIRE=never",
			"GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_ADVICE=0",
		}, env...),
	})
}

// fetch asks the remote, a bounded number of times, and returns the commit of a branch
// or of what was asked for.
func (w *Worker) fetch(ctx context.Context, ref string) (string, error) {
	if err := w.initialize(ctx); err != nil {
		return "", err
	}
	refspecs := []string{"+refs/heads/" + w.Config.Ref + ":" + refBranch}
	if ref != "" {
		refspecs = []string{"+refs/heads/*:" + refHeads + "*", "+refs/tags/*:" + refTags + "*"}
	}
	source, err := w.localSource()
	if err != nil {
		return "", err
	}
	args := append([]string{"fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--prune"}, source...)
	args = append(append(args, "--end-of-options", w.Config.Source()), refspecs...)
	const tries, first, longest = 3, 2 * time.Second, 5 * time.Minute
	again := true // once, in a repository that is made anew
	for n, pause := 1, first; ; n, pause = n+1, 3*pause {
		limited, cancel := context.WithTimeoutCause(ctx, min(longest, w.Config.Within.Duration/tries), fmt.Errorf("%s did not answer in time", w.Config.Source()))
		_, err := w.git(limited, nil, proxies(), args...)
		cancel()
		if err == nil {
			break
		}
		if n == tries && again && w.broken(ctx) {
			w.say("%s has lost something, and is made anew", w.repository())
			if err := w.anew(ctx); err != nil {
				return "", err
			}
			n, pause, again = 0, first/3, false
			continue
		}
		if n == tries || ctx.Err() != nil || strings.Contains(err.Error(), noBranch) || strings.Contains(err.Error(), hostUnknown) {
			return "", &unreachableError{fmt.Errorf("cannot fetch %s: %w", w.Config.Source(), w.refusedBy(err))}
		}
		w.say("cannot fetch, and tries again: %v", err)
		if w.Wait(ctx, pause) != nil { // the time is up, and why is what the remote did
			return "", &unreachableError{fmt.Errorf("cannot fetch %s: %w", w.Config.Source(), err)}
		}
	}
	if ref == "" {
		return w.commit(ctx, refBranch)
	}
	names := []string{refHeads + ref, refTags + ref}
	if commitName().MatchString(ref) {
		names = []string{ref}
	}
	for _, name := range names {
		if revision, err := w.commit(ctx, name); err == nil {
			return revision, nil
		}
	}
	return "", &RefusedError{Why: fmt.Sprintf("%s has no branch, tag or commit (all of its 40 digits) %s", w.Config.Source(), ref)}
}

// localSource is what fetch needs besides for a repository on this host. Git reads none of
// another account's, whose configuration could have it run programs; but one that only
// root can have written is everybody's to read.
func (w *Worker) localSource() ([]string, error) {
	if !path.IsAbs(w.Config.Source()) {
		return nil, nil
	}
	var safe string
	for _, at := range []string{w.Config.Source(), path.Join(w.Config.Source(), ".git")} {
		real, exposed, err := host.Exposed(at, w.Machine.Stat)
		if err != nil || exposed != "" {
			return nil, err // git says whose it has to be
		}
		// What serves it is another git, which the settings of this one do not reach.
		safe += " -c safe.directory='" + strings.ReplaceAll(real, "'", `'\''`) + "'"
	}
	return []string{"--upload-pack=git" + safe + " upload-pack"}, nil
}

// noBranch is what git says of a branch that the remote has not.
const noBranch = "couldn't find remote ref"

// What ssh says of a host of which it has no key, or another one; then also where, and
// what the key is that the host has now.
const hostUnknown = "Host key verification failed"

var (
	hostChanged = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Offending \S+ key in (\S+):\d+`) })
	hostShows   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}`) })
)

// refusedBy says what to do about what git and ssh refuse.
func (w *Worker) refusedBy(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, noBranch):
		return fmt.Errorf("it has no branch %s: push it, or say by ref which branch is deployed: %w", w.Config.Ref, err)
	case strings.Contains(text, "detected dubious ownership"):
		return fmt.Errorf("git reads for %s only what is %[1]s's own, or what nobody but root can write, with all directories above it: chown -R %[1]s %s, or have it and them be root's alone",
			w.Config.User, w.Config.Source())
	case strings.Contains(text, hostUnknown) && hostChanged().MatchString(text):
		file, is := hostChanged().FindStringSubmatch(text)[1], hostShows().FindString(text)
		return fmt.Errorf("its host shows another key than %s has of it, %s: it was set up anew, or somebody else answers in its place; ask whoever keeps it for the fingerprint of its key, and only if that is the same, put the key in the place of the other", file, is)
	case strings.Contains(text, hostUnknown):
		return fmt.Errorf("%w; compare the host's key, and put it into ~%s/.ssh/known_hosts or /etc/ssh/ssh_known_hosts", err, w.Config.User)
	}
	return err
}

// initialize has a repository, whatever a git that was killed or a power cut has left of
// the one before.
func (w *Worker) initialize(ctx context.Context) error {
	n, err := w.Machine.Stat(path.Join(w.repository(), "HEAD"))
	if err != nil {
		return err
	}
	if n == nil {
		return w.anew(ctx)
	}
	// No other git is at work here.
	locks := host.Program{Argv: []string{"/usr/bin/find", w.repository(), "-name", "*.lock", "-type", "f", "-delete"}, As: w.Config.User}
	if _, err := w.Machine.RunProgram(ctx, locks); err != nil {
		return fmt.Errorf("cannot remove locks that a git has left in %s: %w", w.repository(), err)
	}
	if _, err := w.git(ctx, nil, nil, "rev-parse", "--git-dir"); err == nil || ctx.Err() != nil {
		return err
	}
	w.say("%s is no repository any more, and is made anew", w.repository())
	return w.anew(ctx)
}

// broken reports whether the repository here has lost something.
func (w *Worker) broken(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	_, err := w.git(ctx, nil, nil, "fsck", "--connectivity-only", "--no-dangling", "--no-progress")
	return err != nil && ctx.Err() == nil
}

// anew makes the repository, in the place of what is there. It has nothing that the remote
// has not.
func (w *Worker) anew(ctx context.Context) error {
	n, err := w.Machine.Stat(w.repository())
	if err != nil {
		return err
	}
	if n == nil {
		err = w.makeDir(w.repository())
	} else {
		_, err = w.Machine.RunProgram(ctx, host.Program{Argv: []string{"/usr/bin/find", w.repository(), "-xdev", "-mindepth", "1", "-delete"}, As: w.Config.User})
	}
	if err != nil {
		return fmt.Errorf("cannot make the repository %s: %w", w.repository(), err)
	}
	_, err = w.git(ctx, nil, nil, "init", "--quiet", "--bare", "--template=", w.repository())
	if err != nil {
		return fmt.Errorf("cannot make the repository %s: %w", w.repository(), err)
	}
	return nil
}

func (w *Worker) commit(ctx context.Context, name string) (string, error) {
	out, err := w.git(ctx, nil, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	lines := strings.Fields(out)
	if err != nil || len(lines) == 0 || !commitName().MatchString(lines[len(lines)-1]) {
		return "", fmt.Errorf("there is no commit %s: %w", name, err)
	}
	return lines[len(lines)-1], nil
}

// forward refuses a commit that does not follow the one that was deployed.
func (w *Worker) forward(ctx context.Context, from, to string) error {
	if w.Config.Rewind {
		return nil
	}
	if _, err := w.commit(ctx, from); err == nil {
		if _, err := w.git(ctx, nil, nil, "merge-base", "--is-ancestor", from, to); err == nil {
			return nil
		}
	}
	return &RefusedError{Why: fmt.Sprintf("%s does not follow %s, which was deployed before: the branch %s was pushed by force: say rewind: true to follow it, or opsafe deploy %s --ref %s", to, from, w.Config.Ref, w.Config.Name, to)}
}
