package testhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// record is what is written down about a host, so that another process can use
// or delete it.
type record struct {
	Name    string    `json:"name"`
	Suite   string    `json:"suite"`
	Image   Image     `json:"image"`
	Keep    bool      `json:"keep"`
	Created time.Time `json:"created"`
	Owner   process   `json:"owner"`  // who booted it
	Nspawn  process   `json:"nspawn"` // the container's keeper
	Leader  process   `json:"leader"` // the container's systemd
	Layers  []string  `json:"layers"` // directories of the image, uppermost first
}

// Info describes a host that exists on this machine.
type Info struct {
	Name    string
	Suite   string
	Image   Image
	Keep    bool
	Running bool
	Owner   int // process id of who booted it
	Leader  int // process id of its systemd, as seen from outside
	Created time.Time
}

// stateDir holds the hosts of this machine.
func stateDir() string {
	if d := os.Getenv("OPSAFE_TEST_STATE"); d != "" {
		return d
	}
	return "/var/lib/opsafe-test"
}

// hostDir holds everything of one host.
func hostDir(name string) string { return filepath.Join(stateDir(), "hosts", name) }

// lockState keeps other processes from creating and sweeping hosts and images.
func lockState() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(stateDir(), "hosts"), 0o700); err != nil {
		return nil, err
	}
	return lockFile(filepath.Join(stateDir(), "lock"))
}

// lockFile waits for a lock that others hold only for moments.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", f.Name(), err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

func (r record) save() error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(hostDir(r.Name), "record.new")
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(hostDir(r.Name), "record.json"))
}

func readRecord(name string) (record, error) {
	var r record
	data, err := os.ReadFile(filepath.Join(hostDir(name), "record.json"))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("cannot read the record of host %s: %w", name, err)
	}
	return r, nil
}

// records returns what is known of all hosts by name; a host without a
// readable record has only its name, it was interrupted while being made.
func records() ([]record, error) {
	entries, err := os.ReadDir(filepath.Join(stateDir(), "hosts"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var rs []record
	for _, e := range entries {
		r, err := readRecord(e.Name())
		if err != nil {
			r = record{Name: e.Name()}
		}
		rs = append(rs, r)
	}
	return rs, nil
}

// List returns the hosts of this machine, of all processes, by name.
func List() ([]Info, error) {
	rs, err := records()
	if err != nil {
		return nil, fmt.Errorf("cannot list hosts: %w", err)
	}
	var infos []Info
	for _, r := range rs {
		infos = append(infos, r.info())
	}
	return infos, nil
}

func (r record) info() Info {
	return Info{
		Name: r.Name, Suite: r.Suite, Image: r.Image, Keep: r.Keep, Running: r.Leader.alive(),
		Owner: r.Owner.PID, Leader: r.Leader.PID, Created: r.Created,
	}
}

// Reap deletes the hosts whose process is gone, except those that were to be
// kept and came up.
func Reap() error {
	unlock, err := lockState()
	if err != nil {
		return err
	}
	defer unlock()
	rs, err := records()
	if err != nil {
		return fmt.Errorf("cannot list hosts: %w", err)
	}
	var failed []error
	for _, r := range rs {
		if r.Owner.alive() || (r.Keep && r.Leader.PID != 0) {
			continue
		}
		failed = append(failed, r.destroy())
	}
	return errors.Join(failed...)
}
