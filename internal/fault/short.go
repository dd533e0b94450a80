package fault

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// writeHalf does half of a write in the place of the thread that wanted all of
// it, and returns how much that was. A vector's first part is what counts.
func writeHalf(r report, name string) (int, error) {
	at, size := r.args[1], r.args[2]
	if name == "writev" || name == "pwritev" {
		var err error
		if at, size, err = firstPart(r.pid, at); err != nil {
			return 0, err
		}
	}
	data := make([]byte, (size+1)/2)
	if err := peek(r.pid, at, data); err != nil {
		return 0, fmt.Errorf("cannot see what is written: %w", err)
	}
	fd, err := borrow(r.pid, int(int32(r.args[0]))) //nolint:gosec // a descriptor is an int
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if name == "pwrite64" || name == "pwritev" {
		return unix.Pwrite(fd, data, int64(r.args[3])) //nolint:gosec // an offset is signed
	}
	return unix.Write(fd, data)
}

// firstPart reads the first entry of a vector that is not empty.
func firstPart(pid uint32, at uint64) (base, size uint64, err error) {
	const entry = 16
	for range 8 {
		var raw [entry]byte
		if err := peek(pid, at, raw[:]); err != nil {
			return 0, 0, fmt.Errorf("cannot see a vector of writes: %w", err)
		}
		if size = le(raw[8:]); size > 0 {
			return le(raw[:8]), size, nil
		}
		at += entry
	}
	return 0, 0, errors.New("cannot write half of a vector: it begins with nothing")
}

func le(b []byte) uint64 {
	var n uint64
	for i := range 8 {
		n |= uint64(b[i]) << (8 * i)
	}
	return n
}

// borrow gets a descriptor of a stopped thread's process: the same open file,
// so that its position moves.
func borrow(pid uint32, fd int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return -1, fmt.Errorf("cannot find a stopped process: %w", err)
	}
	_, rest, _ := strings.Cut(string(status), "\nTgid:")
	line, _, _ := strings.Cut(rest, "\n")
	leader, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return -1, fmt.Errorf("cannot find a stopped process: %w", err)
	}
	pidfd, err := unix.PidfdOpen(leader, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open a stopped process: %w", err)
	}
	defer unix.Close(pidfd)
	got, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot borrow a descriptor: %w", err)
	}
	return got, nil
}
