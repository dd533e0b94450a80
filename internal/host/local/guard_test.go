package local

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// theirs makes a directory that mallory can write.
func theirs(t *testing.T, path string, mode os.FileMode, uid int) {
	t.Helper()
	must(t, os.Mkdir(path, 0o755))
	must(t, os.Chown(path, uid, mallory))
	must(t, os.Chmod(path, mode))
}

// TestSweepLeavesOthersData has somebody give a temporary name to what is
// another's, for opsafe to remove it.
func TestSweepLeavesOthersData(t *testing.T) {
	const alice, stage = 54322, "/.opsafe-0123456789abcde"
	for name, c := range map[string]struct {
		mode os.FileMode
		uid  int
		left []string
	}{
		"group can write":  {0o775, 0, []string{"0", "1", "2", "3"}},
		"mallory's":        {0o755, mallory, []string{"0", "1"}},
		"mallory's, group": {0o775, mallory, []string{"0", "1", "2", "3"}},
		"root's":           {0o755, 0, []string{"0"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, base := newTestHost(t)
			dir := base + "/d"
			theirs(t, dir, c.mode, c.uid)
			must(t, os.Mkdir(dir+stage+"0", 0o700)) // alice's directory, with data
			must(t, os.WriteFile(dir+stage+"0/data", nil, 0o600))
			must(t, os.Chown(dir+stage+"0", alice, alice))
			must(t, os.WriteFile(dir+stage+"1", nil, 0o600)) // alice's file
			must(t, os.Chown(dir+stage+"1", alice, alice))
			must(t, os.WriteFile(dir+stage+"2", nil, 0o600)) // mallory's file
			must(t, os.Chown(dir+stage+"2", mallory, mallory))
			must(t, os.Mkdir(dir+stage+"3", 0o700)) // mallory's empty directory
			must(t, os.Chown(dir+stage+"3", mallory, mallory))
			must(t, os.WriteFile(dir+stage+"4", nil, 0o600)) // root's file
			must(t, os.Mkdir(dir+stage+"5", 0o700))          // root's empty directory
			do(t, h, host.WriteFile{Path: dir + "/file", Access: host.AccessOf(0o600)})
			names, err := h.ReadDir(dir)
			must(t, err)
			var left []string
			for _, n := range names {
				if rest, ok := strings.CutPrefix("/"+n, stage); ok {
					left = append(left, rest)
				}
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("left: %v, want %v", left, c.left)
			}
			if _, err := os.Stat(dir + stage + "0/data"); err != nil {
				t.Errorf("alice's data: %v", err)
			}
		})
	}
}

// TestSweepTakesStagedHomes has a run die after it has given a new home its owner
// and before it has given it its name.
func TestSweepTakesStagedHomes(t *testing.T) {
	for name, used := range map[string]bool{"as it was staged": false, "somebody has been in it": true} {
		t.Run(name, func(t *testing.T) {
			h, base := newTestHost(t)
			theirs(t, base+"/homes", 0o755, 0)
			dir, err := unix.Open(base+"/homes", unix.O_RDONLY|unix.O_DIRECTORY, 0)
			must(t, err)
			defer unix.Close(dir)
			s, err := newStageDir(dir)
			must(t, err)
			from, err := unix.Open(debian.Skeleton, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			must(t, err)
			defer unix.Close(from)
			must(t, copyInto(s.fd(), from, mallory, mallory, unix.Fsync))
			must(t, h.setAllFD(s.fd(), mallory, mallory, host.AccessOf(0o755)))
			if used {
				must(t, os.WriteFile(base+"/homes/"+s.name+"/diary", nil, 0o600))
			}
			must(t, s.file.Close()) // and with it the lock
			do(t, h, host.WriteFile{Path: base + "/homes/file", Access: host.AccessOf(0o600)})
			if _, err := os.Stat(base + "/homes/" + s.name); os.IsNotExist(err) == used {
				t.Errorf("after the sweep: %v", err)
			}
		})
	}
}

// TestStageExchanged puts something else of root's under a temporary name while
// it is in use.
func TestStageExchanged(t *testing.T) {
	for name, makes := range map[string]func(dir int) (*stage, error){
		"file":      newStage,
		"directory": newStageDir,
		"link":      func(dir int) (*stage, error) { return newStageLink(dir, "target") },
	} {
		t.Run(name, func(t *testing.T) {
			h, dir := newTestHost(t)
			at, err := h.openDir(dir)
			must(t, err)
			defer unix.Close(at)
			must(t, os.Mkdir(dir+"/victim", 0o700))
			must(t, os.WriteFile(dir+"/victim/data", nil, 0o600))

			for _, exchange := range []bool{true, false} {
				s, err := makes(at)
				must(t, err)
				if exchange {
					must(t, os.Rename(dir+"/"+s.name, dir+"/away"))
					must(t, os.Rename(dir+"/victim", dir+"/"+s.name))
					must(t, chownFD(s.fd(), mallory, mallory))
					s.discard()
					must(t, os.Rename(dir+"/"+s.name, dir+"/victim"))
					must(t, os.Remove(dir+"/away"))
				} else {
					s.discard()
					noTemps(t, dir)
				}
			}
			if _, err := os.Stat(dir + "/victim/data"); err != nil {
				t.Errorf("discarded with the stage: %v", err)
			}
			if n := stat(t, h, dir+"/victim"); n.Owner != "root" {
				t.Errorf("victim is %+v", n)
			}
			s, err := makes(at)
			must(t, err)
			must(t, os.Rename(dir+"/"+s.name, dir+"/away"))
			must(t, os.Rename(dir+"/victim", dir+"/"+s.name))
			mustFail(t, s.rename("final", 0), "exchanged")
			s.discard()
		})
	}
}

func TestOpenMade(t *testing.T) {
	h, dir := newTestHost(t)
	at, err := h.openDir(dir)
	must(t, err)
	defer unix.Close(at)
	must(t, os.MkdirAll(dir+"/full/sub", 0o700))
	must(t, os.Chmod(dir+"/full", 0o700))
	must(t, os.Mkdir(dir+"/theirs", 0o700))
	must(t, os.Chown(dir+"/theirs", mallory, mallory))
	for _, name := range []string{"full", "theirs"} {
		_, err := openMade(at, name)
		mustFail(t, err, "exchanged")
	}
	fd, err := openMade(at, "full/sub")
	must(t, err)
	unix.Close(fd)
}

// TestGiveAway has somebody move a file to a path whose declared owner he is.
func TestGiveAway(t *testing.T) {
	const alice = 54322
	for name, c := range map[string]struct {
		mode        os.FileMode
		dir, file   int
		owns, opens bool // whether owner and rights can be changed
	}{
		"root's in mallory's":      {0o755, mallory, 0, false, false},
		"alice's in mallory's":     {0o755, mallory, alice, false, true},
		"mallory's in mallory's":   {0o755, mallory, mallory, true, true},
		"root's in a group's":      {0o775, 0, 0, false, false},
		"alice's in a group's":     {0o775, 0, alice, false, true},
		"wanted owner's already":   {0o775, 0, mallory, true, true},
		"root's in root's":         {0o755, 0, 0, true, true},
		"alice's in root's":        {0o755, 0, alice, true, true},
		"root's in a sticky place": {0o777 | os.ModeSticky, 0, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, base := newTestHost(t)
			dir := base + "/d"
			theirs(t, dir, c.mode, c.dir)
			must(t, os.WriteFile(dir+"/file", nil, 0o640))
			must(t, os.Chown(dir+"/file", c.file, c.file))
			must(t, os.Mkdir(dir+"/sub", 0o700))
			judge := func(ok bool, s host.Step) {
				t.Helper()
				was := stat(t, h, dir+"/file")
				if err := h.Do(t.Context(), s); ok {
					must(t, err)
				} else {
					mustFail(t, err, "belongs to "+was.Owner, "chown it")
					if n := stat(t, h, dir+"/file"); n.Owner != was.Owner || !n.Access.Equal(was.Access) {
						t.Errorf("file is %+v", n)
					}
				}
			}
			judge(c.opens, host.SetAccess{Path: dir + "/file", Access: host.AccessOf(0o644)})
			judge(c.owns, host.SetOwner{Path: dir + "/file", Owner: "#54321", Group: "#54321"})
			do(t, h, host.SetAccess{Path: dir + "/file", Access: host.AccessOf(0o600)}) // less is always right
			do(t, h, host.SetOwner{Path: dir + "/sub", Owner: "#54321"})
			do(t, h, host.WriteFile{Path: dir + "/file", Owner: "#54321", Access: host.AccessOf(0o600)})
			if n := stat(t, h, dir+"/file"); n.Owner != "#54321" {
				t.Errorf("the new file is %+v", n)
			}
		})
	}
}

// TestLease reads a file whose owner holds a lease on it: he is told to give
// way, and does.
func TestLease(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.WriteFile(dir+"/file", []byte("leased"), 0o600))
	f, err := os.OpenFile(dir+"/file", os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGIO)
	defer signal.Stop(told)
	fd := f.Fd()
	_, err = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_WRLCK)
	must(t, err)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		<-told
		_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
	}()
	if b, err := h.ReadFile(dir + "/file"); string(b) != "leased" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	<-gone
}

// TestCheckSweepsNothing checks content while another run may be staging its
// own: a plan holds no lock.
func TestCheckSweepsNothing(t *testing.T) {
	h, dir := newTestHost(t)
	other := dir + "/" + stagePrefix + "0123456789abcdef"
	must(t, os.WriteFile(other, nil, 0o600))
	must(t, h.Check(t.Context(), host.Check{Argv: []string{"true", "%"}, Companion: dir + "/file"}, host.NewContent(nil)))
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another run's file: %v", err)
	}
}

// TestKilledCheckerKeepsSecrets has a checker say what it reads and die by a
// signal.
func TestKilledCheckerKeepsSecrets(t *testing.T) {
	h, _ := newTestHost(t)
	dies := host.Check{Argv: []string{"awk", `{print; fflush(); system("kill -9 " PROCINFO["pid"] " $PPID")}`, "%"}}
	err := h.Check(t.Context(), dies, host.NewContent([]byte("canary\n")))
	mustFail(t, err, "canary", "kill")
	err = h.Check(t.Context(), dies, host.NewSecret([]byte("canary\n")))
	mustFail(t, err, "kill")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret got out: %v", err)
	}
}
