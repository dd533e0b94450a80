package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

const (
	// maxUserUnits is how many entries below a user's systemd directory are
	// looked at, and maxUnitDepth how deep: a user may put anything there.
	maxUserUnits = 10000
	maxUnitDepth = 6
)

// Traces lists what an account keeps running or armed outside its home. An
// account that does not exist has none by name, since its uid is not known.
func (h *Host) Traces(name string) (host.Traces, error) {
	u, err := h.User(name)
	if err != nil || u == nil {
		return host.Traces{}, err
	}
	return tracesOf(h.accounts.root, *u), nil
}

// tracesOf looks below root, which is empty but for tests.
func tracesOf(root string, u host.User) host.Traces {
	var t host.Traces
	pids, procErr := processesOf(root+"/proc", u.UID)
	sessions, err := sessionsOf(root, u.UID)
	t.Processes, t.Sessions = len(pids), sessions
	for _, pid := range pids {
		if manages(root+"/proc", pid, u.UID) {
			t.Managers++
		}
	}
	unread(&t, host.TraceRunning, errors.Join(procErr, err))
	t.Linger, err = lingers(root, u.Name)
	unread(&t, host.TraceLinger, err)
	t.Cron, err = cronOf(root, u)
	unread(&t, host.TraceCron, err)
	return t
}

// manages reports whether a process is systemd's manager of a user, or its helper for PAM:
// those two are alone in init.scope of the manager's service.
func manages(proc string, pid, uid int) bool {
	data, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "cgroup"))
	return err == nil && strings.HasSuffix(strings.TrimSpace(string(data)), fmt.Sprintf("/user@%d.service/init.scope", uid))
}

func unread(t *host.Traces, part host.TracePart, err error) {
	if err == nil {
		return
	}
	if t.Unread == nil {
		t.Unread = map[host.TracePart]string{}
	}
	t.Unread[part] = err.Error()
}

// UserUnits lists what there is of an account's own units; see host.Accounts.
func (h *Host) UserUnits(name string) ([]string, error) {
	u, err := h.User(name)
	if err != nil || u == nil {
		return nil, err
	}
	units, err := userUnits(h.accounts.root, u.Home)
	if err != nil {
		return units, unseen("units of "+name, fmt.Errorf("cannot list the units of %s: %w", name, err))
	}
	return units, nil
}

// processesOf lists the processes whose real, effective or saved uid is uid,
// sorted. Zombies, which have ended, do not count.
func processesOf(proc string, uid int) ([]int, error) {
	dir, err := os.Open(proc)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		owned, err := hasUID(proc, pid, uid)
		if err != nil {
			return nil, err
		}
		if owned {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out, nil
}

// hasUID reads proc_pid_status(5). A process that is gone has no uid.
func hasUID(proc string, pid, uid int) (bool, error) {
	data, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "status"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return statusHasUID(string(data), uid), nil
}

func statusHasUID(status string, uid int) bool {
	want := strconv.Itoa(uid)
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "State:" && f[1] == "Z":
			return false
		case len(f) >= 4 && f[0] == "Uid:": // real, effective, saved, file system
			return f[1] == want || f[2] == want || f[3] == want
		}
	}
	return false
}

// sessionsOf reads the files by which logind remembers sessions: shell-like
// assignments, one file for each session, beside fifos with a dot in the name.
func sessionsOf(root string, uid int) ([]string, error) {
	dir := root + "/run/systemd/sessions"
	entries, err := readDirIfThere(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(strings.Split(string(data), "\n"), "UID="+strconv.Itoa(uid)) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func lingerPath(root, user string) string { return root + "/var/lib/systemd/linger/" + user }

func lingers(root, user string) (bool, error) {
	_, err := os.Lstat(lingerPath(root, user))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// cronOf finds the crontab by its name and at jobs by their owner. With an error,
// it gives those found until then.
func cronOf(root string, u host.User) ([]string, error) {
	var out []string
	tab := root + "/var/spool/cron/crontabs/" + u.Name
	_, err := os.Lstat(tab)
	if err == nil {
		out = append(out, tab)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return out, err
	}
	jobs := root + "/var/spool/cron/atjobs"
	entries, err := readDirIfThere(jobs)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		var st unix.Stat_t
		file := filepath.Join(jobs, e.Name())
		err := unix.Lstat(file, &st)
		if errors.Is(err, unix.ENOENT) || strings.HasPrefix(e.Name(), ".") {
			continue // gone, or at's own counter
		}
		if err != nil {
			return out, &os.PathError{Op: "lstat", Path: file, Err: err}
		}
		if st.Mode&unix.S_IFMT == unix.S_IFREG && int(st.Uid) == u.UID {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return out, nil
}

func readDirIfThere(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// userUnits lists the unit files and links below ~/.config/systemd/user, or
// the link that stands for that directory or one above it. It does not leave
// the home, whatever links the user has put there. With an error, it lists what
// it found until then.
func userUnits(root, home string) ([]string, error) {
	if home == "" || home == "/" {
		return nil, nil
	}
	dir, err := os.OpenRoot(root + home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	units := ""
	for _, name := range []string{".config", "systemd", "user"} {
		units = path.Join(units, name)
		info, err := dir.Lstat(units)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
			return nil, nil
		case err != nil:
			return nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			return []string{path.Join(home, units)}, nil
		}
	}
	return walkUnits(dir, home, units)
}

func walkUnits(dir *os.Root, home, units string) ([]string, error) {
	var out []string
	seen := 0
	err := fs.WalkDir(dir.FS(), units, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if seen++; seen > maxUserUnits {
			return fmt.Errorf("there are more than %d files below %s: look at them, and move what is not needed away by hand", maxUserUnits, path.Join(home, units))
		}
		if e.IsDir() && strings.Count(p, "/") > strings.Count(units, "/")+maxUnitDepth {
			return fs.SkipDir
		}
		if !e.IsDir() && debian.IsFileUnit(e.Name()) && (e.Type().IsRegular() || e.Type()&fs.ModeSymlink != 0) {
			out = append(out, path.Join(home, p))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}
