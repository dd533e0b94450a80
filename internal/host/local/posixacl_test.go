package local

import (
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// TestAccessGrantsNothingBetween watches an ACL whose mask lets nobody through
// while it goes, for a mode with more rights of the group's, and comes again.
func TestAccessGrantsNothingBetween(t *testing.T) {
	h, dir := newTestHost(t)
	path := dir + "/file"
	must(t, os.WriteFile(path, nil, 0o600))
	closed, none := host.AccessOf(0o600), host.Perm(0)
	closed.Group = 7
	closed.Named, closed.Mask = []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 7}}, &none

	stop := make(chan struct{})
	var seen, opened int
	var watcher sync.WaitGroup
	watcher.Go(func() {
		buf := make([]byte, aclBuffer)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n, err := unix.Getxattr(path, accessXattr, buf)
			if err != nil {
				continue // there is none just now
			}
			seen++
			if d, err := decodeACL(buf[:n], h); err != nil || d.Mask == nil || *d.Mask != 0 {
				opened++
			}
		}
	})
	for range 2000 {
		do(t, h, host.SetAccess{Path: path, Access: closed})
		do(t, h, host.SetAccess{Path: path, Access: host.AccessOf(0o660)})
	}
	close(stop)
	watcher.Wait()
	if seen == 0 || opened > 0 {
		t.Errorf("of %d looks at the ACL, %d found it open", seen, opened)
	}
}

// TestAccessReplaces crosses what is there with what is to be, set-id bits and
// ACLs among it.
func TestAccessReplaces(t *testing.T) {
	h, dir := newTestHost(t)
	withACL := func(m host.Mode) host.Access {
		return host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 5}}}.Apply(host.AccessOf(m), false)
	}
	all := []host.Access{host.AccessOf(0o600), host.AccessOf(0o4755), host.AccessOf(0o2670), withACL(0o640), withACL(0o4710), withACL(0o3777)}
	for _, was := range all {
		for _, want := range all {
			path := dir + "/file"
			must(t, os.WriteFile(path, nil, 0o600))
			do(t, h, host.SetAccess{Path: path, Access: was})
			do(t, h, host.SetAccess{Path: path, Access: want})
			if got := stat(t, h, path).Access; !got.Equal(want) {
				t.Errorf("from %s %v to %s %v: got %s %v", was.Mode(), was.Lines(), want.Mode(), want.Lines(), got.Mode(), got.Lines())
			}
			must(t, os.Remove(path))
		}
	}
}
