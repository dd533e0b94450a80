package spec

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// readKeys reads a file of keys/, which dir is: name has been read in it, and so is no
// way to anywhere else. No link is followed, and nobody is waited for at the other end
// of a pipe. Kind is what is there, as the bits of stat(2) say it; 0: nobody can tell.
// With many people most of the time of a run that finds nothing to do goes into
// system calls, and so none is made here that is not needed.
func readKeys(dir *os.File, name, file string) (data []byte, kind uint32, err error) {
	at := int(dir.Fd())
	fd, err := openKeys(at, name)
	var st unix.Stat_t
	if err != nil {
		if unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			st.Mode = 0
		}
		return nil, st.Mode & unix.S_IFMT, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, 0, fmt.Errorf("cannot read %s: %w", file, err)
	}
	if kind = st.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return nil, kind, nil
	}
	// One more than there is says that this was the end; what grows meanwhile is read, too.
	data = make([]byte, 0, min(st.Size, maxKeyFile)+1)
	for {
		n, err := unix.Read(fd, data[len(data):cap(data)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, kind, fmt.Errorf("cannot read %s: %w", file, err)
		}
		data = data[:len(data)+n]
		switch {
		case len(data) > maxKeyFile:
			return nil, kind, fmt.Errorf("cannot read %s: it is larger than %s", file, size(maxKeyFile))
		case n == 0 || int64(len(data)) >= st.Size && len(data) < cap(data):
			return data, kind, nil
		case len(data) == cap(data):
			data = append(make([]byte, 0, maxKeyFile+1), data...)
		}
	}
}

// openKeys opens what has that name in a directory, begun again when a signal comes.
func openKeys(dir int, name string) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
