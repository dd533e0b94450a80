package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// packageDir has what the package brings besides the program and what that writes of
// itself, by the paths of a host.
const packageDir = "internal/release/package"

// pack makes the Debian package of an architecture.
func pack(nfpm, dir, arch, version string, c commit) error {
	stage, err := os.MkdirTemp("", "opsafe-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(stage) }()
	if err := fill(stage, dir, arch, version, c); err != nil {
		return err
	}
	_, err = output([]string{
		"STAGE=" + stage, "ARCH=" + arch, "VERSION=" + debianVersion(version), "MAINTAINER=" + c.by,
		"SOURCE_DATE_EPOCH=" + fmt.Sprint(c.at.Unix()), // of the package's own members
	}, nfpm, "package", "--config", "internal/release/nfpm.yaml", "--packager", "deb", "--target", dir)
	return err
}

// fill lays out the files of a package as they will be on a host.
func fill(stage, dir, arch, version string, c commit) error {
	if err := os.CopyFS(stage, os.DirFS(packageDir)); err != nil {
		return fmt.Errorf("cannot copy %s: %w", packageDir, err)
	}
	doc := filepath.Join(stage, "usr/share/doc/opsafe")
	for name, from := range map[string]string{
		filepath.Join(stage, "usr/bin/opsafe"): binary(dir, arch),
		filepath.Join(doc, "changelog"):        "CHANGELOG.md",
		filepath.Join(doc, "README.md"):        "README.md",
	} {
		if err := copyFile(name, from); err != nil {
			return err
		}
	}
	if err := ownWords(stage, binary(dir, runtime.GOARCH)); err != nil {
		return err
	}
	debian := fmt.Sprintf("opsafe (%s-1) stable; urgency=medium\n\n  * What has changed is in changelog.gz.\n\n -- %s  %s\n",
		debianVersion(version), c.by, c.at.Format(time.RFC1123Z))
	if err := write(filepath.Join(doc, "changelog.Debian"), []byte(debian)); err != nil {
		return err
	}
	return finish(stage, c.at)
}

// debianVersion is a version as dpkg orders it: what comes before a release has ~
// where Go has -.
func debianVersion(version string) string { return strings.ReplaceAll(version, "-", "~") }

// ownWords writes what the program says of itself: pages of the manual, and completion
// for shells.
func ownWords(stage, program string) error {
	if _, err := output(nil, program, "man", filepath.Join(stage, "usr/share/man")); err != nil {
		return err
	}
	for shell, name := range map[string]string{
		"bash": "usr/share/bash-completion/completions/opsafe",
		"fish": "usr/share/fish/vendor_completions.d/opsafe.fish",
		"zsh":  "usr/share/zsh/vendor-completions/_opsafe",
	} {
		said, err := output(nil, program, "completion", shell)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(stage, name), []byte(said+"\n")); err != nil {
			return err
		}
	}
	return nil
}

// finish compresses what Debian wants compressed (Debian Policy 12.1 and 12.7), and
// gives everything its mode and its time, whatever the umask of whoever builds.
func finish(stage string, at time.Time) error {
	var dirs []string // whose times change with what is in them
	err := filepath.WalkDir(stage, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, stage)
		mode := fs.FileMode(0o644)
		switch {
		case e.IsDir():
			dirs = append(dirs, path)
			return os.Chmod(path, 0o755)
		case strings.HasPrefix(name, "/usr/bin/"):
			mode = 0o755
		case strings.HasPrefix(name, "/usr/share/man/"), strings.HasPrefix(filepath.Base(name), "changelog"):
			if path, err = compress(path); err != nil {
				return err
			}
		}
		return errors.Join(os.Chmod(path, mode), os.Chtimes(path, at, at))
	})
	for _, dir := range dirs {
		err = errors.Join(err, os.Chtimes(dir, at, at))
	}
	return err
}

// compress replaces a file by its compressed form, which says neither name nor time.
func compress(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(data); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := os.Remove(path); err != nil {
		return "", err
	}
	return path + ".gz", write(path+".gz", out.Bytes())
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, data)
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
