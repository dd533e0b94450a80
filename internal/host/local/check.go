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
	var err error
	if c.Companion != "" {
		err = h.checkBeside(ctx, c, content)
	} else {
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
	if err := h.sweep(dir); err != nil {
		return err
	}
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
	runDir := h.options.RunDir
	if runDir == "" {
		runDir = os.TempDir()
		if os.Geteuid() == 0 {
			runDir = "/run/opsafe"
		}
	}
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(runDir, "check-") // 0700
	if err != nil {
		return err
	}
	// What stays behind lies in a directory that does not survive a boot.
	defer func() { _ = os.RemoveAll(dir) }()
	staged := filepath.Join(dir, "staged")
	if err := os.WriteFile(staged, content.Bytes(), 0o600); err != nil {
		return err
	}
	return judgeStaged(ctx, c, content, staged)
}

// judgeStaged runs the checking program on a staged file. What it says is put
// in terms of the file that the content is for, since the staged name changes
// from run to run; of a secret, its words are kept back, as it may quote it.
func judgeStaged(ctx context.Context, c host.Check, content host.Content, staged string) error {
	argv := slices.Clone(c.Argv)
	for i, arg := range argv {
		if arg == stagedArg && i > 0 {
			argv[i] = staged
		}
	}
	_, err := run(ctx, argv, runOptions{})
	var failed *runError
	if !errors.As(err, &failed) || failed.Code < 0 {
		return err
	}
	name := c.Companion
	if name == "" {
		name = "(new content)"
	}
	output := strings.ReplaceAll(failed.Output, staged, name)
	output = strings.ReplaceAll(output, filepath.Base(staged), filepath.Base(name))
	switch {
	case content.Secret():
		output = "what it says is kept back, since the content is secret"
	case output == "":
		output = fmt.Sprintf("exit code %d, without a word", failed.Code)
	}
	return &host.CheckError{Program: c.Argv[0], Output: output}
}
