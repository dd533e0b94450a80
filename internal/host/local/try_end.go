package local

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// below are the processes that one has started, and that these have. Each is held, so
// that it is no other's who gets its number later. Processes that cannot be seen have
// ended.
func below(pid int) []*os.Process {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a right one
	for _, at := range stats {
		data, err := os.ReadFile(at)
		if err != nil {
			continue
		}
		// See proc_pid_stat(5): the name in brackets may hold anything.
		f := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(at)))
		if len(f) > 1 {
			parent, _ := strconv.Atoi(string(f[1]))
			children[parent] = append(children[parent], child)
		}
	}
	var out []*os.Process
	for todo := children[pid]; len(todo) > 0; todo = todo[1:] {
		todo = append(todo, children[todo[0]]...)
		if p, err := os.FindProcess(todo[0]); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// endAll kills processes that are held, and lets go of them.
func endAll(held []*os.Process) {
	for _, p := range held {
		_ = p.Kill() // most have ended by themselves
		_ = p.Release()
	}
}

// withoutAccepted is what sshd says, but that it has taken the key.
func withoutAccepted(said string) string {
	var out []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Accepted ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}
