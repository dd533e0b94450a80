package local

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onOwnThread runs f on a thread that nothing else uses and that ends with f, so
// f may change what belongs to a thread: its ids, its namespaces, its working
// directory.
//
// Never on the main one, which cannot end: it would stay as f left it, and with
// it what /proc says of the whole process.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			// While the main thread waits here, f is run by another one.
			onOwnThread(f)
			runtime.UnlockOSThread()
			return
		}
		f() // not unlocked: the thread ends with the goroutine
	}()
	<-done
}
