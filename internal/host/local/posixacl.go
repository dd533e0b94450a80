package local

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// The extended attributes that hold ACLs and their format, version 2, little
// endian: see linux/posix_acl_xattr.h and acl(5).
const (
	accessXattr  = "system.posix_acl_access"
	defaultXattr = "system.posix_acl_default"

	aclVersion  = 2
	aclHeader   = 4          // bytes: the version
	aclEntry    = 8          // bytes: tag, permissions, id
	aclNoID     = 0xffffffff // id of entries that name nobody
	maxACL      = 64 << 10   // bytes: XATTR_SIZE_MAX
	tagUserObj  = 0x01
	tagUser     = 0x02
	tagGroupObj = 0x04
	tagGroup    = 0x08
	tagMask     = 0x10
	tagOther    = 0x20
)

// aclNames turns ids into names and back.
type aclNames interface {
	userName(uid int) string
	groupName(gid int) string
	uid(name string) (int, error)
	gid(name string) (int, error)
}

// decodeACL reads an ACL attribute into the shape of a default ACL, which has
// all the entries that an access ACL has.
func decodeACL(raw []byte, names aclNames) (host.Default, error) {
	var d host.Default
	if len(raw) < aclHeader || (len(raw)-aclHeader)%aclEntry != 0 {
		return d, fmt.Errorf("cannot read an ACL of %d bytes: its length is not that of whole entries", len(raw))
	}
	if v := binary.LittleEndian.Uint32(raw); v != aclVersion {
		return d, fmt.Errorf("cannot read an ACL of version %d: only version %d is known", v, aclVersion)
	}
	for b := raw[aclHeader:]; len(b) > 0; b = b[aclEntry:] {
		tag, perm := binary.LittleEndian.Uint16(b), host.Perm(b[2]&7)
		id := int(binary.LittleEndian.Uint32(b[4:]))
		switch tag {
		case tagUserObj:
			d.User = perm
		case tagGroupObj:
			d.Group = perm
		case tagOther:
			d.Other = perm
		case tagMask:
			d.Mask = &perm
		case tagUser:
			d.Named = append(d.Named, host.Entry{Tag: host.TagUser, Name: names.userName(id), Perm: perm})
		case tagGroup:
			d.Named = append(d.Named, host.Entry{Tag: host.TagGroup, Name: names.groupName(id), Perm: perm})
		default:
			return d, fmt.Errorf("cannot read an ACL: unknown tag %#x", tag)
		}
	}
	host.SortEntries(d.Named)
	return d, nil
}

// encodeACL writes an ACL attribute, its named entries in order of id as
// setfacl does.
func encodeACL(d host.Default, names aclNames) ([]byte, error) {
	type entry struct {
		tag  uint16
		perm host.Perm
		id   uint32
	}
	entries := []entry{{tagUserObj, d.User, aclNoID}, {tagGroupObj, d.Group, aclNoID}, {tagOther, d.Other, aclNoID}}
	mask := d.Group
	for _, e := range d.Named {
		tag, resolve := uint16(tagUser), names.uid
		if e.Tag == host.TagGroup {
			tag, resolve = tagGroup, names.gid
		}
		id, err := resolve(e.Name)
		if err != nil {
			return nil, fmt.Errorf("cannot set ACL entry %s: %w", e, err)
		}
		mask |= e.Perm
		entries = append(entries, entry{tag, e.Perm, uint32(id)}) //nolint:gosec // ids are below 2^32
	}
	if d.Mask != nil {
		mask = *d.Mask
	}
	if d.Mask != nil || len(d.Named) > 0 {
		entries = append(entries, entry{tagMask, mask, aclNoID})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id))
	})
	raw := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for i, e := range entries {
		if i > 0 && e.tag == entries[i-1].tag && e.id == entries[i-1].id {
			return nil, fmt.Errorf("cannot set ACL: two entries for the id %d", e.id)
		}
		raw = binary.LittleEndian.AppendUint16(raw, e.tag)
		raw = binary.LittleEndian.AppendUint16(raw, uint16(e.perm&7))
		raw = binary.LittleEndian.AppendUint32(raw, e.id)
	}
	return raw, nil
}

// accessFrom joins mode bits and the two attributes (nil: none) into one value.
func accessFrom(mode uint32, access, def []byte, names aclNames) (host.Access, error) {
	a := host.AccessOf(host.Mode(mode & 0o7777))
	if access != nil {
		d, err := decodeACL(access, names)
		if err != nil {
			return a, err
		}
		a.User, a.Group, a.Other, a.Named, a.Mask = d.User, d.Group, d.Other, d.Named, d.Mask
	}
	if len(def) > aclHeader {
		d, err := decodeACL(def, names)
		if err != nil {
			return a, err
		}
		a.Default = &d
	}
	return a, nil
}

// getxattr reads an attribute of path into buf. Nil: there is none, or the
// file system keeps none.
func getxattr(get func(string, string, []byte) (int, error), path, attr string, buf []byte) ([]byte, error) {
	n, err := get(path, attr, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, maxACL)
		n, err = get(path, attr, buf)
	}
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// readACL reads one of the two attributes of a path. Nil: there is none. None reports
// whether the file system keeps none at all.
func readACL(path, attr string) (acl []byte, none bool, err error) {
	var some [256]byte // as much as there is, as a rule: it costs nothing
	n, err := unix.Getxattr(path, attr, some[:])
	switch {
	case err == nil:
		return slices.Clone(some[:n]), false, nil
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return nil, errors.Is(err, unix.ENOTSUP), nil
	case !errors.Is(err, unix.ERANGE):
		return nil, false, err
	}
	acl, err = getxattr(unix.Getxattr, path, attr, make([]byte, maxACL))
	return acl, false, err
}

// setAccessFD makes mode, ACL and default ACL of an open file or directory
// exactly so. At no moment does it grant more than it did before or will after.
func (h *Host) setAccessFD(fd int, a host.Access) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("cannot stat it: %w", err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFLNK {
		return errors.New("cannot set its mode: it is a symbolic link")
	}
	if a.Default != nil && kind != unix.S_IFDIR {
		return errors.New("cannot set a default ACL: it is not a directory")
	}
	path := procPath(fd)
	var err error
	if len(a.Named) == 0 && a.Mask == nil {
		err = setModeAlone(path, st.Mode, a.Mode())
	} else {
		err = h.setModeAndACL(path, st.Mode, withMask(a))
	}
	if err != nil {
		return err
	}
	switch {
	case kind != unix.S_IFDIR:
		return nil
	case a.Default != nil:
		return h.setACL(path, defaultXattr, *a.Default)
	}
	if err := removeXattr(path, defaultXattr); err != nil {
		return fmt.Errorf("cannot remove its default ACL: %w", err)
	}
	return nil
}

// setModeAlone gives a path a mode and no access ACL. With an ACL, the group's
// bits of the mode are its mask: so they may grow only when it has gone, and what
// the mask leaves has to be no more than what the group gets then.
func setModeAlone(path string, was uint32, mode host.Mode) error {
	_, err := unix.Getxattr(path, accessXattr, nil)
	switch {
	case err == nil:
		if err := chmod(path, host.Mode(was)&mode); err != nil {
			return err
		}
		if err := removeXattr(path, accessXattr); err != nil {
			return fmt.Errorf("cannot remove its ACL: %w", err)
		}
	case !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP):
		return fmt.Errorf("cannot read its ACL: %w", err)
	}
	return chmod(path, mode)
}

// setModeAndACL gives a path a mode and an access ACL. Set-id bits go before
// the ACL lets others execute it, and come after it no longer does.
func (h *Host) setModeAndACL(path string, was uint32, a host.Access) error {
	if kept := host.Mode(was) & (a.Special | 0o777); kept != host.Mode(was&0o7777) {
		if err := chmod(path, kept); err != nil {
			return err
		}
	}
	if err := h.setACL(path, accessXattr, host.Default{User: a.User, Group: a.Group, Other: a.Other, Named: a.Named, Mask: a.Mask}); err != nil {
		return err
	}
	if a.Special == 0 {
		return nil // the ACL has set the rest of the mode
	}
	return chmod(path, a.Mode())
}

func chmod(path string, mode host.Mode) error {
	if err := unix.Chmod(path, uint32(mode)); err != nil {
		return fmt.Errorf("cannot set its mode: %w", err)
	}
	return nil
}

// withMask gives an access with named entries the mask that the ACL has got, if
// it came without.
func withMask(a host.Access) host.Access {
	if a.Mask == nil {
		return a.WithMode(a.Special | host.Mode(a.User)<<6 | host.Mode(a.Group)<<3 | host.Mode(a.Other))
	}
	return a
}

func (h *Host) setACL(path, attr string, d host.Default) error {
	raw, err := encodeACL(d, h)
	if err != nil {
		return err
	}
	err = unix.Setxattr(path, attr, raw, 0)
	if errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("cannot set its ACL: the file system keeps none; mount it with the option acl: %w", err)
	}
	if err != nil {
		return fmt.Errorf("cannot set its ACL: %w", err)
	}
	return nil
}

func removeXattr(path, attr string) error {
	err := unix.Removexattr(path, attr)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}
