package local

import (
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody runs f in a thread of its own with the file access rights of nobody.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	onOwnThread(func() {
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
}

// What a thread of its own was changed to must not be what /proc tells of the
// whole process, which is what its main thread is: opsafe took itself for a
// process of the user whose processes it ended.
func TestOwnThreadIsNeverTheMainOne(t *testing.T) {
	const atOnce, rounds = 8, 200
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for range rounds {
				onOwnThread(func() {
					if unix.Gettid() == os.Getpid() {
						t.Error("it ran on the main thread")
					}
				})
			}
		})
	}
	wg.Wait()
}
