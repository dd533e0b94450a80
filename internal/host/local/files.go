package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// Stat describes what is at path itself; see host.Files.
func (h *Host) Stat(path string) (*host.Node, error) {
	fd, err := h.openNode(path, unix.O_PATH)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unseen(path, err)
	}
	defer unix.Close(fd)
	n, err := h.nodeAt(fd)
	if err != nil {
		return nil, unseen("the state of "+path, fmt.Errorf("cannot look at %s: %w", path, err))
	}
	if filepath.Clean(path) == "/" {
		n.Held &^= host.Mounted // that goes without saying
	}
	return &n, nil
}

// nodeAt describes an open descriptor (O_PATH is enough).
func (h *Host) nodeAt(fd int) (host.Node, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st); err != nil {
		return host.Node{}, err
	}
	held, err := h.heldBy(fd, &st)
	if err != nil {
		return host.Node{}, err
	}
	var access, def []byte
	mode := uint32(st.Mode)
	kind := nodeType(mode)
	if kind != host.TypeSymlink {
		at := procPath(fd)
		var none bool
		if access, none, err = readACL(at, accessXattr); err != nil {
			return host.Node{}, fmt.Errorf("cannot read its ACL: %w", err)
		}
		if none {
			held |= host.NoACL
		} else if kind == host.TypeDir {
			if def, _, err = readACL(at, defaultXattr); err != nil {
				return host.Node{}, fmt.Errorf("cannot read its default ACL: %w", err)
			}
		}
	}
	n, err := h.node(attributes{mode: mode, uid: st.Uid, gid: st.Gid, access: access, def: def})
	if err != nil {
		return n, err
	}
	n.Size, n.Links, n.Held = int64(st.Size), int(st.Nlink), held //nolint:gosec // sizes are below 2^63
	if kind == host.TypeSymlink {
		n.Target, err = readlink(fd)
	}
	return n, err
}

// heldBy tells what keeps a node from being changed, by its attributes of statx(2)
// and by how its file system is mounted.
func (h *Host) heldBy(fd int, st *unix.Statx_t) (host.Held, error) {
	held := heldAttributes(st.Attributes)
	known := st.Mask&unix.STATX_MNT_ID != 0 // since Linux 5.8
	if known {
		if of, ok := h.mounts.Load(st.Mnt_id); ok {
			return held | of.(host.Held), nil //nolint:forcetypeassert // nothing else is stored
		}
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return 0, fmt.Errorf("cannot look at its file system: %w", err)
	}
	var of host.Held
	if fs.Flags&unix.ST_RDONLY != 0 {
		of = host.ReadOnly
	}
	if known {
		h.mounts.Store(st.Mnt_id, of)
	}
	return held | of, nil
}

func heldAttributes(attributes uint64) host.Held {
	var held host.Held
	if attributes&unix.STATX_ATTR_IMMUTABLE != 0 {
		held |= host.Immutable
	}
	if attributes&unix.STATX_ATTR_APPEND != 0 {
		held |= host.AppendOnly
	}
	if attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		held |= host.Mounted
	}
	return held
}

// attributes are all of a node that a rule can speak about, as the kernel says
// it. The ACLs are the raw attributes; nil for none.
type attributes struct {
	mode        uint32 // with the type
	uid, gid    uint32
	access, def []byte
}

// node puts attributes into the words of package host; size, links and target
// are the caller's.
func (h *Host) node(a attributes) (host.Node, error) {
	access, err := accessFrom(a.mode, a.access, a.def, h)
	return host.Node{
		Type:   nodeType(a.mode),
		Owner:  h.userName(int(a.uid)),
		Group:  h.groupName(int(a.gid)),
		Access: access,
	}, err
}

func nodeType(mode uint32) host.NodeType {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return host.TypeFile
	case unix.S_IFDIR:
		return host.TypeDir
	case unix.S_IFLNK:
		return host.TypeSymlink
	}
	return host.TypeOther
}

// ReadFile returns the content of a regular file; see host.Files. A link, a
// special file and a file larger than host.MaxFile are errors.
func (h *Host) ReadFile(path string) ([]byte, error) {
	return h.readFile(path, readRegular)
}

// ReadHead returns at most so many bytes of what ReadFile does.
func (h *Host) ReadHead(path string, most int) ([]byte, error) {
	return h.readFile(path, func(fd int, path string) ([]byte, error) {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || nodeType(st.Mode) != host.TypeFile || st.Size <= int64(most) {
			return readRegular(fd, path)
		}
		data := make([]byte, most)
		n, err := io.ReadFull(descriptor(fd), data)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) { // it has become shorter since
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		return data[:n], nil
	})
}

func (h *Host) readFile(path string, read func(fd int, path string) ([]byte, error)) ([]byte, error) {
	fd, err := h.openNode(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if errors.Is(err, unix.EAGAIN) {
		fd, err = h.openLeased(path)
	}
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unseen("content of "+path, err)
	}
	defer unix.Close(fd)
	return read(fd, path)
}

// openLeased opens a regular file on which somebody holds a lease (fcntl(2)):
// nobody may keep root from reading a file, and so from replacing it. The kernel
// lets an open wait until the holder gives way, and takes the lease from him
// after lease-break-time, 45 seconds; without waiting, the open would fail for
// as long as the holder likes.
func (h *Host) openLeased(path string) (int, error) {
	at, err := h.openNode(path, unix.O_PATH)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return -1, pathErr("stat", path, err)
	}
	if nodeType(st.Mode) != host.TypeFile {
		return -1, pathErr("open", path, unix.EAGAIN)
	}
	for {
		fd, err := unix.Open(procPath(at), unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, pathErr("open", path, err)
		}
	}
}

// readRegular reads an open file to its end, if it is a regular one of at most
// host.MaxFile bytes. The result is not nil. It does without os.File, which
// tries in vain to have each file watched for when it can be read.
func readRegular(fd int, path string) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if nodeType(st.Mode) != host.TypeFile {
		return nil, fmt.Errorf("cannot read %s: it is not a regular file", path)
	}
	f := descriptor(fd)
	size := min(st.Size, host.MaxFile)
	if size == 0 {
		// One of those of /proc that have no size: a value below /proc/sys is there for
		// the first call to read alone.
		size = int64(os.Getpagesize())
	}
	data := make([]byte, size+1)
	enough := len(data)
	if st.Size == size {
		enough-- // one more is asked for, and if it does not come with the rest there is none
	}
	n, err := io.ReadAtLeast(f, data, enough)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err == nil && n < len(data):
		return data[:n], nil
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	// It has grown since, or has no size.
	more, err := io.ReadAll(io.LimitReader(f, host.MaxFile+1-int64(n)))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if data = append(data, more...); len(data) > host.MaxFile {
		return nil, fmt.Errorf("cannot read %s: it is larger than %d MiB", path, host.MaxFile>>20)
	}
	return data, nil
}

// descriptor reads from an open descriptor.
type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), b)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// ReadDir returns the names in a directory, sorted; see host.Files. What is
// there but no directory is an error.
func (h *Host) ReadDir(path string) ([]string, error) {
	fd, err := h.openDir(path)
	if errors.Is(err, unix.ENOTDIR) {
		if n, statErr := h.Stat(path); statErr == nil && n != nil {
			return nil, fmt.Errorf("cannot list %s: it is a %s, not a directory", path, n.Type)
		}
	}
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unseen("what is in "+path, err)
	}
	f := os.NewFile(uintptr(fd), path) //nolint:gosec // a descriptor is not negative
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", path, err)
	}
	if names == nil {
		names = []string{}
	}
	slices.Sort(names)
	return names, nil
}
