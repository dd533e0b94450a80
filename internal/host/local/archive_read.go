package local

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"opsafe/internal/host"
)

// What an archive may come to, so that a small one does not fill the disk.
const (
	maxArchive  = 2 << 30   // bytes of the archive itself
	maxUnpacked = 8 << 30   // bytes that are read of it, and that are written
	maxMembers  = 200_000   // with the directories that their names imply
	maxWindow   = 256 << 20 // bytes that a decompressor looks back on
)

// A member is one thing in an archive, as it is to be unpacked.
type member struct {
	raw     string        // its name in the archive
	name    string        // relative to the tree, clean
	kind    host.NodeType // TypeFile, TypeDir or TypeSymlink
	program bool          // somebody may execute it
	target  string        // of a symlink
	copyOf  string        // the member that a hard link is another name of
}

// readArchive hands on the members of an archive, in its order, with the content of
// files.
func readArchive(f *os.File, format string, take func(member, io.Reader) error) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if format == "zip" {
		return readZip(f, take)
	}
	in, closed, err := decompressed(f, format)
	if err != nil {
		return fmt.Errorf("cannot read it as %s: %w", format, err)
	}
	defer closed()
	return readTar(tar.NewReader(&limited{r: in, left: maxUnpacked}), format, take)
}

// decompressed is the tar in a file, and what is to be done when it has been read.
func decompressed(f io.Reader, format string) (io.Reader, func(), error) {
	nothing := func() {}
	switch format {
	case "tar":
		return f, nothing, nil
	case "tar.gz", "tgz":
		r, err := gzip.NewReader(f)
		return r, nothing, err
	case "tar.xz":
		r, err := xz.NewReader(f)
		return r, nothing, err
	case "tar.zst":
		r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	}
	return nil, nil, fmt.Errorf("there is no format %q: want one of %s", format, strings.Join(host.ArchiveFormats(), ", "))
}

// limited ends with an error when more is read than there may be.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, fmt.Errorf("it comes to more than %d GiB unpacked", maxUnpacked>>30)
	}
	return n, err
}

func readTar(r *tar.Reader, format string, take func(member, io.Reader) error) error {
	for n := 0; ; n++ {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cannot read it as %s: %w", format, err)
		case n == maxMembers:
			return errMembers()
		}
		m := member{raw: h.Name, target: h.Linkname, program: h.Mode&0o111 != 0}
		switch h.Typeflag {
		case tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg, tar.TypeGNUSparse:
			m.kind = host.TypeFile
		case tar.TypeLink:
			m.kind, m.copyOf = host.TypeFile, h.Linkname
		case tar.TypeDir:
			m.kind = host.TypeDir
		case tar.TypeSymlink:
			m.kind = host.TypeSymlink
		default:
			return refuseMember(h.Name, "is a device, a pipe, or something else that is no file, directory or link")
		}
		if m.kind == host.TypeFile && h.Mode&0o6000 != 0 {
			return errSetID(h.Name)
		}
		if err := take(m, r); err != nil {
			return err
		}
	}
}

func readZip(f *os.File, take func(member, io.Reader) error) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	r, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("cannot read it as zip: %w", err)
	}
	if len(r.File) > maxMembers {
		return errMembers()
	}
	for _, z := range r.File {
		if err := readZipped(z, take); err != nil {
			return err
		}
	}
	return nil
}

func readZipped(z *zip.File, take func(member, io.Reader) error) error {
	const encrypted = 1
	if z.Flags&encrypted != 0 {
		return refuseMember(z.Name, "is encrypted")
	}
	m := member{raw: z.Name, kind: host.TypeFile, program: z.Mode()&0o111 != 0}
	switch mode := z.Mode(); {
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 && mode.IsRegular():
		return errSetID(z.Name)
	case mode.IsDir():
		m.kind = host.TypeDir
	case mode&fs.ModeSymlink != 0:
		m.kind = host.TypeSymlink
	case !mode.IsRegular():
		return refuseMember(z.Name, "is a device, a pipe, or something else that is no file, directory or link")
	}
	in, err := z.Open()
	if err != nil {
		return refuseMember(z.Name, "cannot be read: "+err.Error())
	}
	defer in.Close()
	if m.kind == host.TypeSymlink {
		target, err := io.ReadAll(io.LimitReader(in, maxTarget))
		if err != nil {
			return refuseMember(z.Name, "cannot be read: "+err.Error())
		}
		m.target = string(target)
	}
	return take(m, in)
}

// maxTarget is the longest target of a link, in bytes: PATH_MAX.
const maxTarget = 4096

func refuseMember(name, why string) error {
	return fmt.Errorf("its member %q %s: opsafe does not unpack such an archive", name, why)
}

func errSetID(name string) error {
	return refuseMember(name, "has a set-user-id or set-group-id bit")
}

func errMembers() error { return fmt.Errorf("it has more than %d members", maxMembers) }
