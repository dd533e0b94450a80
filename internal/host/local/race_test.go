package local

import (
	"context"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// TestExchangeRace lets somebody exchange a directory and a link to elsewhere
// as fast as the kernel can, while every step on files works below it. What
// is elsewhere stays as it is.
func TestExchangeRace(t *testing.T) {
	h, dir := newTestHost(t)
	home, elsewhere := dir+"/home", dir+"/elsewhere"
	for _, d := range []string{home, home + "/real", elsewhere, elsewhere + "/sub"} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, os.Chown(home, mallory, mallory))
	for _, f := range []string{"/file", "/sub/file"} {
		must(t, os.WriteFile(elsewhere+f, []byte("elsewhere"), 0o600))
	}
	must(t, os.Mkdir(home+"/real/sub", 0o755))
	must(t, os.Symlink(elsewhere, home+"/link"))
	must(t, os.Lchown(home+"/link", mallory, mallory))

	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, home+"/real", unix.AT_FDCWD, home+"/link", unix.RENAME_EXCHANGE)
			}
		}
	})
	won := race(h, home+"/real")
	close(stop)
	wg.Wait()
	if won == 0 {
		t.Error("no step ever found the directory: the race proves nothing")
	}
	names, err := h.ReadDir(elsewhere)
	must(t, err)
	if len(names) != 2 {
		t.Errorf("elsewhere has %v", names)
	}
	for _, p := range []string{"", "/file", "/sub", "/sub/file"} {
		n := stat(t, h, elsewhere+p)
		want := host.Mode(0o755)
		if n.Type == host.TypeFile {
			want = 0o600
		}
		if n.Owner != "root" || !n.Access.Equal(host.AccessOf(want)) {
			t.Errorf("elsewhere%s is %+v", p, n)
		}
	}
	if b, _ := os.ReadFile(elsewhere + "/file"); string(b) != "elsewhere" {
		t.Errorf("elsewhere/file became %q", b)
	}
}

// race does every step below dir many times, and returns how many succeeded.
func race(h *Host, dir string) int {
	won := 0
	open := host.AccessOf(0o777)
	open.Named = []host.Entry{{Tag: host.TagUser, Name: "#54321", Perm: 7}}
	for range 300 {
		for _, s := range []host.Step{
			host.WriteFile{Path: dir + "/file", Owner: "#54321", Group: "#54321", Access: open},
			host.SetOwner{Path: dir + "/file", Owner: "#54321"},
			host.SetAccess{Path: dir + "/file", Access: open},
			host.SetOwner{Path: dir + "/sub", Owner: "#54321"},
			host.MakeDir{Path: dir + "/new", Owner: "#54321", Access: host.AccessOf(0o700)},
			host.RemovePath{Path: dir + "/new"},
			host.MakeLink{Path: dir + "/newlink", Target: "/", Owner: "#54321"},
			host.RemovePath{Path: dir + "/newlink"},
			host.FixTree{Rule: host.TreeRule{Root: dir, Owner: "#54321", FileMode: mode(0o666)}},
			host.FixTree{Rule: host.TreeRule{Root: dir[:len(dir)-len("/real")], Owner: "#54321", FileMode: mode(0o666)}},
			host.RemovePath{Path: dir + "/file"},
		} {
			if h.Do(context.Background(), s) == nil {
				won++
			}
		}
	}
	return won
}
