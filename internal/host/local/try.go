package local

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// tryPatience is how long one trial may take: more than a login does on a slow host.
const tryPatience = 20 * time.Second

// A trial keeps its key in a directory of this name, which the user can search.
const (
	trialDir    = "/run"
	trialPrefix = "opsafe-try-"
)

// openings is how often a session is asked for again.
const openings = 20

// tryWord is what a shell has to say to show that it runs commands.
const tryWord = "opsafe-tries-the-way-in"

func (h *Host) doTrial(ctx context.Context, s host.TrialStep) error {
	switch s := s.(type) {
	case host.TrySSHD:
		return h.trySSHD(ctx)
	case host.TryWay:
		return h.tryWay(ctx, s)
	}
	return errNoStep
}

// tryWay tries the way of one person as far as it can be tried without their key and
// their password.
func (h *Host) tryWay(ctx context.Context, s host.TryWay) error {
	ctx, cancel := context.WithTimeout(ctx, tryPatience)
	defer cancel()
	as, err := h.credential(s.User)
	if err != nil {
		return err
	}
	if err := readsOne(ctx, s.KeyFiles, as); err != nil {
		return err
	}
	if err := trySession(ctx, s.User); err != nil {
		return err
	}
	if s.Sudo {
		return h.unmarked(s.User, func() error { return trySudo(ctx, s.User, as) })
	}
	return nil
}

// sudoMark is what sudo leaves in the home of a member of sudo or admin who has used it:
// see admin_flag in sudoers(5).
const sudoMark = ".sudo_as_admin_successful"

// unmarked does a trial of sudo, and takes away the mark that it leaves.
func (h *Host) unmarked(user string, try func() error) error {
	u, err := h.User(user)
	if err != nil || u == nil || !filepath.IsAbs(u.Home) {
		return errors.Join(err, try())
	}
	mark := filepath.Join(u.Home, sudoMark)
	before, err := h.Stat(mark)
	if err != nil || before != nil {
		return try() // what is there already is not the trial's
	}
	tried := try()
	if n, err := h.Stat(mark); err != nil || n == nil || n.Type != host.TypeFile || n.Size > 0 {
		return tried
	}
	return errors.Join(tried, h.removePath(host.RemovePath{Path: mark}))
}

// credential is what somebody's processes run with: their numbers, and those of all
// their groups.
func (h *Host) credential(name string) (*syscall.Credential, error) {
	u, err := h.User(name)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, fmt.Errorf("there is no account %s", name)
	}
	all, err := h.Groups()
	if err != nil {
		return nil, err
	}
	c := &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: []uint32{uint32(u.GID)}}
	for _, g := range all {
		if slices.Contains(g.Members, name) {
			c.Groups = append(c.Groups, uint32(g.GID))
		}
	}
	return c, nil
}

// readsOne has somebody read the files of their keys, of which one is enough.
func readsOne(ctx context.Context, files []string, as *syscall.Credential) error {
	var errs []error
	for _, file := range files {
		_, err := run(ctx, []string{"cat", "--", file}, runOptions{as: as})
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("they cannot read their keys: %w", err))
	}
	return errors.Join(errs...)
}

// trySession has an sshd of its own, with the configuration in place, let somebody in
// with a key that is made for this and told to nobody, and their shell say a word: by
// PAM, and by all that sshd asks of an account. It hears from nobody but this process.
func trySession(ctx context.Context, user string) error {
	dir, err := os.MkdirTemp(trialDir, trialPrefix)
	if err != nil {
		return fmt.Errorf("%w: %w", host.ErrUntried, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left the next run removes
	signer, keys, err := trialKey(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", host.ErrUntried, err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	defer theirs.Close()
	program, err := findProgram("sshd")
	if err != nil {
		return err
	}
	said := &tailBuffer{max: outputTail}
	// Sshd executes itself anew, by the path that it was started by.
	cmd := exec.CommandContext(ctx, program, "-i", "-e", "-o", "AuthorizedKeysFile="+keys, "-o", "AuthorizedKeysCommand=none") //nolint:gosec // its own vector
	cmd.Env = []string{"PATH=" + programPath, "LANG=C.UTF-8"}
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "/", theirs, theirs, said
	cmd.WaitDelay = pipeGrace
	// A shell that does not end outlives its sshd, by which alone it is found.
	session := sync.OnceValue(func() []*os.Process { return below(cmd.Process.Pid) })
	cmd.Cancel = func() error {
		session()
		return errors.Join(ours.SetDeadline(time.Now()), cmd.Process.Kill())
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start sshd: %w", err)
	}
	err = logIn(ctx, ours, user, signer)
	left := session()
	_ = ours.Close() // it ends by that
	_ = theirs.Close()
	_ = cmd.Wait() // what it has to say, it has said
	endAll(left)
	if words := withoutAccepted(said.String()); err != nil && words != "" {
		return fmt.Errorf("%w: %s", err, words)
	}
	return err
}

// trialKey makes a key, and a file with it that anybody may read and nobody write.
func trialKey(dir string) (ssh.Signer, string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, "", err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, "", err
	}
	at := filepath.Join(dir, "key")
	const all, search = 0o644, 0o711
	if err := os.WriteFile(at, ssh.MarshalAuthorizedKey(key), all); err != nil { //nolint:gosec // they are to read it
		return nil, "", err
	}
	return signer, at, errors.Join(os.Chmod(at, all), os.Chmod(dir, search)) //nolint:gosec // whatever the umask is
}

// socketPair is a connection: one end for this process, and one for a child.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	mine := os.NewFile(uintptr(fds[0]), "ours")
	defer mine.Close()
	theirs := os.NewFile(uintptr(fds[1]), "theirs")
	conn, err := net.FileConn(mine)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn, theirs, nil
}

// logIn logs in over a connection, and uses the shell.
func logIn(ctx context.Context, conn net.Conn, user string, signer ssh.Signer) error {
	c, channels, requests, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		Config: anyAlgorithm(), User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // it is a child's, over a pipe
	})
	if err != nil {
		return fmt.Errorf("sshd does not let them in: %w", err)
	}
	client := ssh.NewClient(c, channels, requests)
	defer func() { _ = client.Close() }() // sshd may have closed it
	return useShell(ctx, client)
}

// useShell has somebody's shell run a command, and their login shell, which reads more
// files before it runs one.
func useShell(ctx context.Context, client *ssh.Client) error {
	if err := says(ctx, client, func(s *ssh.Session) error { return s.Start("echo " + tryWord) }); err != nil {
		return fmt.Errorf("their shell does not run a command: %w", err)
	}
	if err := says(ctx, client, func(s *ssh.Session) error {
		s.Stdin = strings.NewReader("echo " + tryWord + "\nexit 0\n")
		return s.Shell()
	}); err != nil {
		return fmt.Errorf("their login shell does not run a command: %w", err)
	}
	return nil
}

// says has a session say the word. What does not read its input is given none: writing
// to a command that has ended is an error, although nothing is wrong.
func says(ctx context.Context, client *ssh.Client, start func(*ssh.Session) error) error {
	session, err := client.NewSession()
	for n := 0; errors.As(err, new(*ssh.OpenChannelError)) && n < openings; n++ {
		// There may be one at a time, and sshd has yet to see the end of the one before.
		if err := pauseFor(ctx, probePause); err != nil {
			return err
		}
		session, err = client.NewSession()
	}
	if err != nil {
		return fmt.Errorf("there is no session: %w", err)
	}
	defer func() { _ = session.Close() }()
	out := &tailBuffer{max: outputTail}
	session.Stdout, session.Stderr = out, &tailBuffer{max: outputTail}
	if err := start(session); err != nil {
		return fmt.Errorf("there is no session: %w", err)
	}
	err = session.Wait()
	switch {
	case err != nil:
		return err
	case !strings.Contains(out.String(), tryWord):
		return errors.New("something else is run")
	}
	return nil
}

// trySudo asks sudo about somebody, and as them: that it asks for a password is as it
// should be.
func trySudo(ctx context.Context, user string, as *syscall.Credential) error {
	plain := []string{"LC_ALL=C"}
	if _, err := run(ctx, []string{"sudo", "-n", "-l", "-U", user, "-u", "root", "/bin/sh"}, runOptions{env: plain}); err != nil {
		return fmt.Errorf("sudo does not let them run a shell as root: %w", err)
	}
	_, err := run(ctx, []string{"sudo", "-n", "-l"}, runOptions{env: plain, as: as})
	if e := new(runError); errors.As(err, &e) && (strings.Contains(e.Output, "a password is required") || strings.Contains(e.Output, "must have a tty")) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sudo does not answer them: %w", err)
	}
	return nil
}
