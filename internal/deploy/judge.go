package deploy

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// RefusedError says why something is not deployed that could have been.
type RefusedError struct {
	Why string
	Err error
}

func (e *RefusedError) Error() string { return e.Why }

func (e *RefusedError) Unwrap() error { return e.Err }

// judge refuses a commit before anything of it is written: without a signature that
// counts, with parts elsewhere, or with links that lead out of it.
func (w *Worker) judge(ctx context.Context, revision string) error {
	if w.Config.Signers != "" {
		if _, err := w.git(ctx, nil, nil, "-c", "gpg.format=ssh", "-c", "gpg.ssh.program=/usr/bin/ssh-keygen", "-c", "gpg.minTrustLevel=fully",
			"-c", "gpg.ssh.allowedSignersFile="+w.Config.Signers, "verify-commit", revision); err != nil {
			return &RefusedError{Why: fmt.Sprintf("%s has no signature by a key of %s: %v", revision, w.Config.Signers, err), Err: err}
		}
	}
	out, err := w.git(ctx, nil, nil, "ls-tree", "-r", "-l", "-z", "--full-tree", revision)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", revision, err)
	}
	var look []blob // links, and what may stand for a file elsewhere
	for _, line := range strings.Split(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, at, _ := strings.Cut(line, "\t")
		words := strings.Fields(about)
		if len(words) != 4 {
			continue
		}
		size, _ := strconv.Atoi(words[3])
		switch mode := words[0]; {
		case mode == "160000":
			return &RefusedError{Why: fmt.Sprintf("%s is a submodule: what is in another repository is not fetched: have it be a part of this one", at)}
		case mode == "120000":
			look = append(look, blob{at: at, object: words[2], link: true})
		case size >= leastPointer && size <= mostPointer:
			look = append(look, blob{at: at, object: words[2]})
		}
	}
	if len(look) == 0 {
		return nil
	}
	if err := w.read(ctx, look); err != nil {
		return fmt.Errorf("cannot read %s: %w", revision, err)
	}
	for _, b := range look {
		switch {
		case b.link && leadsOut(b.at, b.content):
			return &RefusedError{Why: fmt.Sprintf("%s is a link to %s, which leads out of the release: have it lead to something in it, or name it under shared", b.at, b.content)}
		case !b.link && strings.HasPrefix(b.content, pointerOfLFS):
			return &RefusedError{Why: fmt.Sprintf("%s is in Git LFS, which is not asked: the release would have a few words in its place: keep the file itself in the repository", b.at)}
		}
	}
	return nil
}

// What Git LFS keeps in a repository in the place of a file begins with pointerOfLFS, and
// has so many bytes: see its specification.
const (
	pointerOfLFS = "version https://git-lfs.github.com/spec/"
	leastPointer = 120
	mostPointer  = 160
)

// blob is a file or a link of a commit.
type blob struct {
	at, object, content string
	link                bool
}

// read reads the contents of blobs.
func (w *Worker) read(ctx context.Context, blobs []blob) error {
	var ask bytes.Buffer
	for _, b := range blobs {
		ask.WriteString(b.object + "\n")
	}
	out, err := w.git(ctx, ask.Bytes(), nil, "cat-file", "--batch")
	if err != nil {
		return err
	}
	for i, b := range blobs {
		var size int
		head, rest, _ := strings.Cut(out, "\n")
		words := strings.Fields(head)
		if len(words) != 3 {
			return fmt.Errorf("there is no %s", b.at)
		}
		if _, err := fmt.Sscan(words[2], &size); err != nil || size < 0 || size >= len(rest) {
			return fmt.Errorf("there is no %s", b.at)
		}
		blobs[i].content, out = rest[:size], rest[size+1:]
	}
	return nil
}

// leadsOut reports whether a link leads out of a release, or nobody can tell: by "..",
// after the name of what may be another link.
func leadsOut(at, target string) bool {
	if path.IsAbs(target) || target == "" {
		return true
	}
	depth, named := strings.Count(at, "/"), false
	for _, part := range strings.Split(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; named || depth < 0 {
				return true
			}
		default:
			named = true
		}
	}
	return false
}
