package testhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Two systemds in one control group would take each other's services for their
// own and kill them, so every host gets a group of its own in every hierarchy.

// hierarchy is one mounted cgroup file system.
type hierarchy struct {
	path    string
	unified bool // version 2
}

// hierarchies lists the mounted cgroup file systems.
func hierarchies() ([]hierarchy, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var hs []hierarchy
	for line := range strings.Lines(string(info)) {
		left, right, ok := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		if !ok || len(fields) < 5 {
			continue
		}
		switch strings.Fields(right)[0] {
		case "cgroup":
			hs = append(hs, hierarchy{path: fields[4]})
		case "cgroup2":
			hs = append(hs, hierarchy{path: fields[4], unified: true})
		}
	}
	return hs, nil
}

// group is the control group of a host in this hierarchy.
func (h hierarchy) group(host string) string {
	return filepath.Join(h.path, "opsafe-test", host)
}

// create makes the group of a host.
func (h hierarchy) create(host string) error {
	dir := h.path
	for _, name := range []string{"opsafe-test", host} {
		parent := dir
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// A new cpuset is empty and takes no process.
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := copyCpuset(parent, dir, f); err != nil && !h.unified {
				return err
			}
		}
	}
	return nil
}

func copyCpuset(parent, dir, file string) error {
	v, err := os.ReadFile(filepath.Join(parent, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), v, 0o644)
}

// enterGroups moves the calling thread, and so what it starts, into the host's
// groups and returns a descriptor of the version 2 group, where threads cannot
// be moved (-1 if there is none), and a function that moves the thread back.
func enterGroups(host string) (v2 int, leave func(), err error) {
	hs, err := hierarchies()
	if err != nil {
		return -1, nil, err
	}
	v2 = -1
	tid := []byte(strconv.Itoa(unix.Gettid()))
	home := ownGroups()
	leave = func() {
		for _, h := range hs {
			if !h.unified {
				// Failing leaves an idle thread in a group that is deleted later.
				_ = os.WriteFile(filepath.Join(h.path, home[filepath.Base(h.path)], "tasks"), tid, 0)
			}
		}
		if v2 >= 0 {
			_ = unix.Close(v2)
		}
	}
	for _, h := range hs {
		if err = h.create(host); err != nil {
			break
		}
		if h.unified {
			v2, err = unix.Open(h.group(host), unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		} else {
			err = os.WriteFile(filepath.Join(h.group(host), "tasks"), tid, 0)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		leave()
		return -1, nil, fmt.Errorf("cannot enter the host's control groups: %w", err)
	}
	return v2, leave, nil
}

// ownGroups maps the name of a controller to this thread's group in it.
func ownGroups() map[string]string {
	groups := map[string]string{}
	data, err := os.ReadFile("/proc/thread-self/cgroup")
	if err != nil {
		return groups
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 {
			groups[parts[1]] = parts[2]
			groups[strings.TrimPrefix(parts[1], "name=")] = parts[2]
		}
	}
	return groups
}

// killGroups kills all processes of a host but spares the one that boots it,
// of which a thread passes through the groups of version 1.
func killGroups(host string, spare int) error {
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(hs, func(h hierarchy) bool { return h.unified }); i >= 0 {
		hs = hs[i : i+1] // no thread passes there, and all processes are in it
	}
	for _, h := range hs {
		err := filepath.WalkDir(h.group(host), func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil: // gone meanwhile
				return fs.SkipDir
			case e.Name() == "cgroup.procs":
				return killAll(path, spare)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("cannot kill what is left of the host: %w", err)
		}
	}
	return nil
}

// killAll kills the processes that a cgroup.procs file lists.
func killAll(procs string, spare int) error {
	data, err := os.ReadFile(procs)
	if err != nil {
		return nil //nolint:nilerr // the group is gone
	}
	for _, f := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(f)
		if err != nil || pid <= 1 || pid == os.Getpid() || pid == spare {
			continue // zero is a process that cannot be seen from here
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// removeGroups deletes the groups of a host whose processes are gone.
func removeGroups(host string) error {
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	var failed []error
	for _, h := range hs {
		failed = append(failed, removeGroup(h.group(host)))
	}
	return errors.Join(failed...)
}

// removeGroup deletes a group and those below it, waiting a moment for the
// kernel to notice that their last process has ended.
func removeGroup(dir string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var err error
	for range 400 {
		if err = rmdirTree(dir); err == nil {
			return nil
		}
		<-tick.C
	}
	return fmt.Errorf("cannot remove control group: %w", err)
}

func rmdirTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := rmdirTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
