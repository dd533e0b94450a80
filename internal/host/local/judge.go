package local

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/host"
)

// Judge has this machine's programs judge the configuration of another one. It
// stages all of it, runs them as nobody in particular, and lets no include lead out
// of what is staged.
type Judge struct{ host Host }

var _ host.Judge = (*Judge)(nil)

// NewJudge returns the programs of this machine.
func NewJudge() *Judge {
	return &Judge{Host{options: Options{RunDir: os.TempDir()}, foreign: true}}
}

// Nobody is whom programs run as that judge for root.
const nobody = 65534

// JudgeFiles judges content as a part of a configuration; see host.Judge.
func (j *Judge) JudgeFiles(ctx context.Context, c host.Check, content host.Content, files map[string][]byte) error {
	if err := j.can(c); err != nil {
		return err
	}
	if c.Unit != nil {
		return j.host.checkUnit(ctx, c)
	}
	return j.host.checkTree(ctx, c, content, files)
}

// EvaluateFiles has a program print what a configuration comes to.
func (j *Judge) EvaluateFiles(ctx context.Context, c host.Check, files map[string][]byte) (said string, err error) {
	if err := j.can(c); err != nil {
		return "", err
	}
	if c.Tree == nil {
		return "", errors.New("cannot evaluate a configuration: the check names no tree")
	}
	err = j.host.stageTree(c, files, false, func(dir, main string) error {
		said, err = j.host.judgeIn(ctx, c, host.NewContent(nil), dir, main)
		return err
	})
	return said, err
}

// can refuses whatever is not known to do no more than read what it is given: what
// a spec names to be run is not run for whoever wants it planned.
func (j *Judge) can(c host.Check) error {
	if len(c.Argv) == 0 || !slices.Contains([]string{"visudo", "cvtsudoers", "sshd", "systemd-analyze"}, c.Argv[0]) || c.Tree == nil && c.Unit == nil {
		return host.ErrNoProgram
	}
	_, err := findProgram(c.Argv[0])
	return err
}

// others are whom programs run as, where it matters: root reads too much.
func (h *Host) others() *syscall.Credential {
	if !h.foreign || os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// give lets those others read what is staged.
func (h *Host) give(dir string) error {
	if h.others() == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(at, nobody, nobody)
	})
}

// foreignRun is a check as it runs on a configuration that is another machine's:
// sshd gets a host key, without which it says nothing.
func foreignRun(c host.Check, dir string) (host.Check, runOptions, error) {
	h := Host{foreign: true}
	if c.Argv[0] == "sshd" {
		key, err := throwawayKey()
		if err != nil {
			return c, runOptions{}, err
		}
		at := filepath.Join(dir, "host_key")
		if err := os.WriteFile(at, key, 0o600); err != nil {
			return c, runOptions{}, err
		}
		c.Argv = append(slices.Clone(c.Argv), "-h", at)
	}
	return c, runOptions{as: h.others()}, h.give(dir)
}

func throwawayKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make a host key to judge with: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, fmt.Errorf("cannot make a host key to judge with: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// foreignInclude is where what a file includes is staged, wherever that is on the
// machine whose configuration it is.
func foreignInclude(arg, file, main, staged string) string {
	at := strings.Trim(arg, `"`)
	if !filepath.IsAbs(at) {
		at = filepath.Join(includeBase(file, main), at)
	}
	return staged + filepath.Clean(at)
}

// includeBase is the directory that relative includes are meant from: for sshd that
// of its main file, for sudo that of the file itself.
func includeBase(file, main string) string {
	if filepath.Base(main) == "sshd_config" {
		return filepath.Dir(main)
	}
	return filepath.Dir(file)
}

// withoutDirs has a file of sudo's include the files of a directory one by one, in
// the order in which sudo reads them: cvtsudoers reads no directory but root's.
func withoutDirs(data []byte, file, main string, files map[string][]byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(data) {
		m := host.IncludeLine().FindSubmatch(line)
		if m == nil || !bytes.Contains(bytes.ToLower(m[1]), []byte("includedir")) {
			out.Write(line)
			continue
		}
		dir := filepath.Clean(foreignInclude(string(m[2]), file, main, ""))
		for _, at := range slices.Sorted(maps.Keys(files)) {
			if name := filepath.Base(at); filepath.Dir(at) == dir && host.SudoReads(name) {
				fmt.Fprintf(&out, "@include %s\n", at)
			}
		}
	}
	return out.Bytes()
}
