package local

import (
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody runs f in a thread of its own with the file access rights of nobody.
// The thread ends with it.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked
		if err := unix.Setfsgid(65534); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	})
	wg.Wait()
}
