package spec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Commit is the commit that a repository has checked out, as git's own files say
// it, or the name of the release that it is of a deployment; empty where there is none or
// they cannot be read. Whether files have been changed since, only their Digest tells.
func Commit(dir string) string {
	git := filepath.Join(dir, ".git")
	if _, err := os.Lstat(git); errors.Is(err, fs.ErrNotExist) {
		return release(dir)
	}
	if link := gitFile(git); strings.HasPrefix(link, "gitdir: ") { // of a worktree
		git = absolute(dir, strings.TrimPrefix(link, "gitdir: "))
	}
	head := gitFile(filepath.Join(git, "HEAD"))
	ref, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return commitName(head)
	}
	if !filepath.IsLocal(ref) {
		return ""
	}
	dirs := []string{git}
	if common := gitFile(filepath.Join(git, "commondir")); common != "" {
		dirs = append(dirs, absolute(git, common))
	}
	for _, d := range dirs {
		if c := commitName(gitFile(filepath.Join(d, ref))); c != "" {
			return c
		}
		if c := packedRef(filepath.Join(d, "packed-refs"), ref); c != "" {
			return c
		}
	}
	return ""
}

// release is the commit of which a deployment has made a directory: it has no .git, and
// its name instead.
func release(dir string) string {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil || filepath.Base(filepath.Dir(real)) != "releases" {
		return ""
	}
	return commitName(filepath.Base(real))
}

func absolute(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// maxGit is the largest of git's files that is read, in bytes.
const maxGit = 4 << 20

// gitFile is a small file of git's without white space around it; empty for none.
func gitFile(name string) string {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxGit {
		return ""
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// packedRef finds a ref in git's file of packed ones: lines of COMMIT REF.
func packedRef(file, ref string) string {
	lines := bufio.NewScanner(strings.NewReader(gitFile(file)))
	for lines.Scan() {
		commit, name, ok := strings.Cut(lines.Text(), " ")
		if ok && name == ref {
			return commitName(commit)
		}
	}
	return ""
}

// commitName gives a commit's name back if it is one: SHA-1 or SHA-256.
func commitName(s string) string {
	if data, err := hex.DecodeString(s); err != nil || len(data) != 20 && len(data) != sha256.Size {
		return ""
	}
	return s
}

// Digest is the SHA-256 of all files of a repository that specs are made of, with
// their names: two repositories with the same one declare the same.
func Digest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("cannot open the repository: %w", err)
	}
	defer root.Close()
	all := sha256.New()
	add := func(file string) error {
		data, err := readIn(root, file, file, maxText)
		if err != nil {
			return err
		}
		fmt.Fprintf(all, "%s\x00%d\x00", file, len(data))
		_, err = bytes.NewReader(data).WriteTo(all)
		return err
	}
	for _, top := range []string{backendsDir, peopleFile, keysDir} {
		err := fs.WalkDir(root.FS(), top, func(file string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasPrefix(path.Base(file), ".") {
				return err
			}
			return add(file)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("cannot tell the digest of the spec: %w", err)
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}
