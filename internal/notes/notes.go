// Package notes says what is opsafe's own on a host: the notes in /var/lib/opsafe, and
// the timer that brings the old state back if nobody confirms. It knows where each note
// is, who may read it, and by which steps it is written; converge.Keep does them.
package notes

import (
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Dir holds all notes. Everybody may enter it: a plan needs no root.
const Dir = "/var/lib/opsafe"

// Program is opsafe itself.
const Program = "/usr/local/bin/opsafe"

// The notes, and the directories of those of which there are many.
const (
	// History has a file for each run, with what was there before it.
	History = Dir + "/history"
	// Disabled has a file for each person whom disable-user has disabled.
	Disabled = Dir + "/disabled"
	// Revoked has a file for each key that revoke-key has revoked.
	Revoked = Dir + "/revoked"
	// Kept has copies of what disable-user takes away from people besides their access.
	Kept = Dir + "/kept"
	// Said has the last lines of the logs of containers that have had to go.
	Said = Dir + "/said"
	// Confirm has what is needed while changes wait to be confirmed.
	Confirm = Dir + "/confirm"
	// Waiting says which run waits to be confirmed.
	Waiting = Confirm + "/record.json"
	// Lines says which lines of files manage has seen to.
	Lines = Dir + "/lines.json"
	// Status is what opsafe status saw last, and since when.
	Status = Dir + "/status.json"
	// Pending is what a run owes: restarts, reloads and starts.
	Pending = Dir + "/pending.json"
	// Unpacked has a directory for each archive and each Python environment, with a file
	// for each tree of it.
	Unpacked = Dir + "/unpacked"
	// Unchecked has a file for each archive whose links have moved, and whose check is
	// owed.
	Unchecked = Dir + "/unchecked"
	// Firewalls has the list of each docker network with a firewall, as it is loaded
	// before docker starts.
	Firewalls = Dir + "/firewall"
	// Environments has, for each declared environment, the names of its files.
	Environments = Dir + "/environments"
	// Deployments has what each deployment is, NAME.json, and how it is,
	// NAME.state.json.
	Deployments = Dir + "/deployments"
	// Upgrades is what apt would upgrade.
	Upgrades = Dir + "/upgrades.json"
	// Queue has the directories of what is to be deployed: see internal/queue.
	Queue = Dir + "/queue"
	// Receiver is what the receiver of webhooks goes by.
	Receiver = Dir + "/receiver.json"
	// Ranges are those from which GitHub sends webhooks, as it has told last.
	Ranges = Dir + "/github-ranges.json"
)

// What stands on a host while changes wait to be confirmed, besides the note.
const (
	libDir = "/usr/local/lib/opsafe"
	// Revert is a copy of the opsafe that made the changes, wherever that was and
	// whatever becomes of it.
	Revert  = libDir + "/revert"
	Timer   = "opsafe-revert.timer"
	Service = "opsafe-revert.service"
	// FirstBoot runs manage at the first boot of a machine that was made from its tree.
	FirstBoot = "opsafe-first-boot.service"

	unitDir = debian.UnitDir + "/"
	// TimerFile and ServiceFile are the files of the units.
	TimerFile   = unitDir + Timer
	ServiceFile = unitDir + Service
)

// Write lists the steps that write a note, as a whole or not at all, and make the
// directories that are missing for it.
func Write(r host.Files, at string, data []byte) ([]host.Step, error) {
	steps, err := MakeDir(r, path.Dir(at))
	if err != nil {
		return nil, err
	}
	content := host.NewContent(data)
	if private(at) {
		content = host.NewSecret(data)
	}
	return append(steps, host.WriteFile{Path: at, Content: content, Owner: "root", Group: "root", Access: host.AccessOf(mode(at))}), nil
}

// Remove lists the steps that remove a note or an empty directory; none if it is not
// there.
func Remove(r host.Files, at string) ([]host.Step, error) {
	if n, err := r.Stat(at); err != nil || n == nil {
		return nil, err
	}
	return []host.Step{host.RemovePath{Path: at}}, nil
}

// MakeDir lists the steps that make a directory of opsafe's own and what it lies in;
// none if it is there.
func MakeDir(r host.Files, dir string) ([]host.Step, error) {
	if dir == path.Dir(Dir) || dir == "/" {
		return nil, nil
	}
	steps, err := MakeDir(r, path.Dir(dir))
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		if n, err := r.Stat(dir); err != nil || n != nil {
			return nil, err
		}
	}
	access := host.Mode(0o755)
	if private(dir) {
		access = 0o700
	}
	return append(steps, host.MakeDir{Path: dir, Owner: "root", Group: "root", Access: host.AccessOf(access)}), nil
}

// private reports whether root alone may see what is at a path.
func private(at string) bool {
	return at == Lines || within(at, History) || within(at, Kept) || within(at, Said) || within(at, Confirm)
}

func mode(at string) host.Mode {
	switch {
	case at == Revert:
		return 0o755
	case private(at):
		return 0o600
	}
	return 0o644
}

func within(at, dir string) bool { return at == dir || strings.HasPrefix(at, dir+"/") }

// Own reports whether a step is about what is opsafe's own, and about nothing else.
func Own(s host.Step) bool {
	switch s := s.(type) {
	case host.WriteFile:
		return ours(s.Path)
	case host.RemovePath:
		return ours(s.Path)
	case host.MakeDir: // also what ours lies in, on a host that lacks it
		return ours(s.Path) || within(Dir, s.Path) || within(libDir, s.Path)
	case host.Probe:
		return len(s.Argv) > 0 && s.Argv[0] == Revert
	case host.EnableUnit:
		return s.Name == Timer
	case host.DisableUnit:
		return s.Name == Timer
	case host.StartUnit:
		return s.Name == Timer
	case host.StopUnit:
		return s.Name == Timer
	case host.ActOnUnit:
		return s.Name == Timer
	case host.ReloadManager:
		return true // systemd reads its files again, and does nothing
	default: // whatever else there is, or will be
		return false
	}
}

// ours reports whether a path is opsafe's own.
func ours(at string) bool {
	return path.Clean(at) == at && (within(at, Dir) || within(at, libDir) || at == TimerFile || at == ServiceFile)
}
