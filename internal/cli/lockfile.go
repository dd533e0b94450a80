package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

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
	dir, err := openLockDir(repository)
	if err == nil {
		err = errors.Join(replaceIn(dir, path.Base(spec.LockFile), data, 0o644), dir.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", spec.LockFile, err)
	}
	return nil
}

// openLockDir opens the directory of the lock file, which may be missing where
// nobody has a file of keys.
func openLockDir(repository string) (*os.Root, error) {
	root, err := os.OpenRoot(repository)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := path.Dir(spec.LockFile)
	if err := root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return root.OpenRoot(name)
}

// replaceIn writes beside the file, under a name that the loader leaves alone,
// and then renames.
func replaceIn(dir *os.Root, name string, data []byte, mode fs.FileMode) error {
	// What is there under this name was left by a process that is gone.
	temp := fmt.Sprintf(".%s.%d", name, os.Getpid())
	if err := dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, dir.Remove(temp))
	}
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
