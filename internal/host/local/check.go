package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// stagedArg is the argument of a check that stands for the staged file.
const stagedArg = "%"

// checkPrefix begins the names of directories in which content is staged.
const checkPrefix = "check-"

// Check lets a program judge content that is not installed; see host.Reader.
// The content is staged where only root can read it: in a directory of its own,
// or beside the companion.
func (h *Host) Check(ctx context.Context, c host.Check, content host.Content) error {
	if len(c.Argv) == 0 {
		return errors.New("cannot check content: the check names no program")
	}
	if _, err := findProgram(c.Argv[0]); err != nil {
		return err
	}
	if c.Root && os.Geteuid() != 0 {
		return &host.UnknownError{What: "the verdict of " + c.Argv[0], Why: "it can judge as root only"}
	}
	files, err := h.treeOf(c)
	switch {
	case err != nil:
	case c.Install != nil:
		err = h.checkInstall(ctx, *c.Install)
	case c.Remove != nil:
		err = h.checkRemove(ctx, *c.Remove)
	case c.Unit != nil:
		err = h.checkUnit(ctx, c)
	case files != nil:
		err = h.checkTree(ctx, c, content, files)
	case c.Companion != "":
		err = h.checkBeside(ctx, c, content)
	default:
		err = h.checkApart(ctx, c, content)
	}
	var verdict *host.CheckError
	if err == nil || errors.As(err, &verdict) {
		return err
	}
	return unseen("the verdict of "+c.Argv[0], fmt.Errorf("cannot check content with %s: %w", c.Argv[0], err))
}

// checkBeside stages the content in the companion's directory.
func (h *Host) checkBeside(ctx context.Context, c host.Check, content host.Content) error {
	dir, _, err := h.openParent(c.Companion)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	s, err := newStage(dir)
	if err != nil {
		return err
	}
	defer s.discard()
	if err := s.write(content.Bytes()); err != nil {
		return err
	}
	return judgeStaged(ctx, c, content, filepath.Join(filepath.Dir(filepath.Clean(c.Companion)), s.name))
}

// checkApart stages the content in a fresh directory.
func (h *Host) checkApart(ctx context.Context, c host.Check, content host.Content) error {
	return h.apart(func(dir string) error {
		staged := filepath.Join(dir, "staged")
		if err := os.WriteFile(staged, content.Bytes(), 0o600); err != nil {
			return err
		}
		return judgeStaged(ctx, c, content, staged)
	})
}

// runDir is where content is staged for checks.
func (h *Host) runDir() string {
	switch {
	case h.options.RunDir != "":
		return h.options.RunDir
	case os.Geteuid() == 0:
		return "/run/opsafe"
	}
	return os.TempDir()
}

// apart gives do a directory that is nobody else's, and removes it afterwards.
// It is locked for as long as it is in use.
func (h *Host) apart(do func(dir string) error) error {
	runDir := h.runDir()
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(runDir, checkPrefix) // 0700
	if err != nil {
		return err
	}
	// What stays behind is swept by the next run.
	defer func() { _ = os.RemoveAll(dir) }()
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	return do(dir)
}

// judgeWrite judges content that is about to replace what is there: not where it
// is staged, since others may be able to write there and exchange it meanwhile.
func (h *Host) judgeWrite(ctx context.Context, c host.Check, content host.Content) error {
	if c.Unit != nil {
		return h.checkUnit(ctx, c)
	}
	files, err := h.treeOf(c)
	if err != nil {
		return err
	}
	if files != nil {
		return h.checkTree(ctx, c, content, files)
	}
	return h.checkApart(ctx, c, content)
}

// judgeStaged runs the checking program on a staged file. What it says is put
// in terms of the file that the content is for, since the staged name changes
// from run to run.
func judgeStaged(ctx context.Context, c host.Check, content host.Content, staged string) error {
	name := c.Companion
	if name == "" {
		name = "(new content)"
	}
	_, err := judge(ctx, c, content, staged, strings.NewReplacer(staged, name, filepath.Base(staged), filepath.Base(name)), runOptions{})
	return err
}

// judge runs the checking program on a path and puts what it says in other
// words; if it is about a secret, its words are kept back, as it may quote it.
// It returns what an approving program prints.
func judge(ctx context.Context, c host.Check, content host.Content, staged string, words *strings.Replacer, o runOptions) (string, error) {
	argv := slices.Clone(c.Argv)
	for i, arg := range argv {
		name, named := strings.CutSuffix(arg, "=%")
		parts, apart := strings.CutSuffix(arg, "=%/")
		switch {
		case i == 0:
		case arg == stagedArg:
			argv[i] = staged
		case named:
			argv[i] = name + "=" + staged
		case apart && c.Tree != nil:
			argv[i] = parts + "=" + strings.TrimSuffix(staged, filepath.Clean(c.Tree.Main)) + filepath.Clean(c.Tree.Dir) + "/"
		}
	}
	said, err := run(ctx, argv, o)
	var failed *runError
	if !errors.As(err, &failed) {
		return said, err
	}
	if content.Secret() {
		failed.Output = ""
	}
	if failed.Code < 0 {
		return "", err
	}
	output := words.Replace(strings.ReplaceAll(failed.Output, "\r\n", "\n")) // as sshd ends its lines
	if c.Argv[0] == "apt-get" {
		output = refusal("", output) // it says everything twice
	}
	switch {
	case content.Secret():
		output = "what it says is kept back, since the content is secret"
	case output == "":
		output = fmt.Sprintf("exit code %d, without a word", failed.Code)
	}
	return "", &host.CheckError{Program: c.Argv[0], Output: output}
}
