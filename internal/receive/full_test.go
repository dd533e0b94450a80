package receive

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"opsafe/internal/queue"
)

// smallDisk is a queue on a file system of its own, with little room.
func smallDisk(t *testing.T) string {
	t.Helper()
	at := t.TempDir()
	if err := syscall.Mount("opsafe-test", at, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return newRoot(t, at)
}

// fill takes all the room that there is.
func fill(t *testing.T, root string) (free func()) {
	t.Helper()
	at := filepath.Join(root, "ballast")
	err := os.WriteFile(at, make([]byte, 1<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return func() {
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
	}
}

// On a full disk the sender is told to come again, and what waits to be handed on stays
// where it is; with room, all goes on.
func TestFull(t *testing.T) {
	root := smallDisk(t)
	r := start(t, func(o *Options) { o.Queue = queue.Open(filepath.Join(root, queue.MainName)) })
	name := put(t, root, pushed(0, "durhack/site", "refs/heads/main"))[0]
	free := fill(t, root)
	d := fromGitHub("full", siteSecret, "push", push("durhack/site", "refs/heads/next"), http.StatusServiceUnavailable, "cannot be queued")
	if resp := r.send(d); resp.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if err := forwarder(root).Run(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("handing on to a full disk ends with %v", err)
	}
	if all := inMain(t, root); len(all) != 1 || all[0].Name != name {
		t.Errorf("the queue has %v, not %s", all, name)
	}
	free()
	d.want, d.says = http.StatusNoContent, ""
	r.send(d)
	forward(t, root)
	if site, next := namesIn(t, root, "site"), namesIn(t, root, "next"); len(site) != 1 || site[0] != name || len(next) != 1 {
		t.Errorf("site has %v, next %v", site, next)
	}
}
