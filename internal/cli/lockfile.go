package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"opsafe/internal/host/local"
	"opsafe/internal/spec"
)

// maxLock is the largest lock file that can be read again, in bytes.
const maxLock = 1 << 20

// writeLock replaces the lock file of the repository as a whole, or not at all.
// No link leads it out of the repository.
func writeLock(repository string, data []byte) error {
	if len(data) > maxLock {
		return fmt.Errorf("cannot write %s: it would have %d bytes, more than can be read again", spec.LockFile, len(data))
	}
	if err := writeWithin(repository, spec.LockFile, data); err != nil {
		return fmt.Errorf("cannot write %s: %w", spec.LockFile, err)
	}
	return nil
}

// mostLinks is how many links are followed, as the kernel does.
const mostLinks = 40

// writeWithin writes a file of the repository, whose directory may be missing. As
// elsewhere, what is no regular file is written into.
func writeWithin(repository, name string, data []byte) error {
	root, err := os.OpenRoot(repository)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir(path.Dir(name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	var to local.OutFile
	for range mostLinks {
		to.Info, err = root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			to.Info, err = nil, nil
		}
		if err != nil || to.Info == nil || to.Info.Mode()&fs.ModeSymlink == 0 {
			break
		}
		target, err := root.Readlink(name)
		if err != nil {
			return err
		}
		if path.IsAbs(target) {
			return fmt.Errorf("it is a link to %s, out of the repository", target)
		}
		name = path.Join(path.Dir(name), target)
	}
	if err != nil {
		return err
	}
	const mode = 0o644
	if to.Regular() {
		dir, err := root.OpenRoot(path.Dir(name))
		if err != nil {
			return err
		}
		return errors.Join(local.ReplaceIn(dir, path.Base(name), data, mode), dir.Close())
	}
	f, err := root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if to.Info.Mode().IsRegular() {
		return errors.Join(local.Overwrite(f, data, mode), f.Close())
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
