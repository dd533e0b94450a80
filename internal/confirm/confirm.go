// Package confirm brings the old state back by itself, unless somebody confirms
// in time that they can still get in. What is to be put back is recorded before
// the first change; a timer of systemd's sets it off, which outlives opsafe, the
// connection and a reboot.
package confirm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/image"
)

// What stands on a host while changes wait to be confirmed.
const (
	Dir        = "/var/lib/opsafe/confirm"
	RecordPath = Dir + "/record.json"
	// BinaryPath is a copy of opsafe that the timer's service runs: the one that
	// made the changes, wherever that was and whatever becomes of it.
	BinaryPath = "/usr/local/lib/opsafe/revert"

	timerUnit   = "opsafe-revert.timer"
	serviceUnit = "opsafe-revert.service"
	unitDir     = "/etc/systemd/system/"
	sshUnit     = "ssh.service"
)

// recordFormat is the version of the record.
const recordFormat = 2

// Record is what waits to be confirmed. It holds what was in files of root's
// alone, so nobody else may read it.
type Record struct {
	FormatVersion int           `json:"format_version"`
	By            string        `json:"by"`
	Command       string        `json:"command"`
	Since         time.Time     `json:"since"`
	Window        time.Duration `json:"window"` // in nanoseconds
	// Boot and Deadline say when it is due: at that many seconds since that
	// boot, which no change of the clock moves. After another boot it is due
	// one window after it.
	Boot     string        `json:"boot"`
	Deadline float64       `json:"deadline"`
	Undo     []image.Image `json:"undo"`
}

// Read returns the record of changes that wait to be confirmed; nil for none.
func Read(r host.Reader) (*Record, error) {
	data, err := r.ReadFile(RecordPath)
	if err != nil || data == nil {
		return nil, err
	}
	var rec Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil, fmt.Errorf("cannot read what waits to be confirmed: %s: %w", RecordPath, err)
	}
	if rec.FormatVersion != recordFormat {
		return nil, fmt.Errorf("cannot read what waits to be confirmed: %s has format %d, this opsafe knows %d", RecordPath, rec.FormatVersion, recordFormat)
	}
	return &rec, nil
}

// Start begins a record's time now.
func (rec *Record) Start(r host.Reader) error {
	boot, up, err := uptime(r)
	if err != nil {
		return err
	}
	rec.FormatVersion, rec.Boot, rec.Deadline = recordFormat, boot, up+rec.Window.Seconds()
	return nil
}

// Due reports whether the time to confirm is over.
func (rec *Record) Due(r host.Reader) (bool, error) {
	boot, up, err := uptime(r)
	if err != nil {
		return false, err
	}
	if boot != rec.Boot {
		return up >= rec.Window.Seconds(), nil
	}
	return up >= rec.Deadline, nil
}

// uptime is which boot this is, and the seconds since then.
func uptime(r host.Reader) (boot string, seconds float64, err error) {
	id, err := r.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0, err
	}
	up, err := r.ReadFile("/proc/uptime")
	if err != nil {
		return "", 0, err
	}
	first, _, _ := strings.Cut(string(up), " ")
	if seconds, err = strconv.ParseFloat(first, 64); err != nil {
		return "", 0, fmt.Errorf("cannot tell for how long the host has been up: /proc/uptime: %w", err)
	}
	return strings.TrimSpace(string(id)), seconds, nil
}

// Arm records what is to be put back and starts the timer, in that order: from
// here on it comes back by itself. Binary is opsafe's own program.
func Arm(ctx context.Context, h host.Host, rec *Record, binary []byte) error {
	if err := errors.Join(makeDir(ctx, h, Dir, 0o700), makeDir(ctx, h, "/usr/local/lib/opsafe", 0o755)); err != nil {
		return err
	}
	const every = 0o644
	for _, w := range []host.WriteFile{
		rootsFile(BinaryPath, 0o755, host.NewContent(binary)),
		rootsFile(unitDir+serviceUnit, every, host.NewContent([]byte(service))),
		rootsFile(unitDir+timerUnit, every, host.NewContent(timer(rec.Window))),
	} {
		if err := h.Do(ctx, w); err != nil {
			return fmt.Errorf("cannot prepare what brings the old state back: %w", err)
		}
	}
	return Rearm(ctx, h, rec)
}

// Rearm begins the time to confirm anew.
func Rearm(ctx context.Context, h host.Host, rec *Record) error {
	if err := rec.Start(h); err != nil {
		return err
	}
	data, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot record what is to be put back: %w", err)
	}
	steps := []host.Step{
		rootsFile(RecordPath, 0o600, host.NewSecret(append(data, '\n'))),
		host.ReloadManager{},
		host.EnableUnit{Name: timerUnit},
		host.StopUnit{Name: timerUnit},
		host.StartUnit{Name: timerUnit},
	}
	for _, s := range steps {
		if err := h.Do(ctx, s); err != nil {
			return fmt.Errorf("cannot start the time to confirm: %w", err)
		}
	}
	return nil
}

// Disarm forgets the record, which is what makes the changes stay, and then
// tidies up. What cannot be tidied up finds nothing to put back.
func Disarm(ctx context.Context, h host.Host) error {
	if err := remove(ctx, h, RecordPath); err != nil {
		return fmt.Errorf("cannot forget what was to be put back: it still comes back: %w", err)
	}
	var errs []error
	// The service is not stopped: it may be what runs this.
	for _, s := range []host.Step{host.StopUnit{Name: timerUnit}, host.DisableUnit{Name: timerUnit}} {
		if u, err := h.Unit(ctx, timerUnit); u != nil && err == nil {
			errs = append(errs, h.Do(ctx, s))
		}
	}
	for _, p := range []string{unitDir + timerUnit, unitDir + serviceUnit, BinaryPath, Dir} {
		errs = append(errs, remove(ctx, h, p))
	}
	return errors.Join(append(errs, h.Do(ctx, host.ReloadManager{}))...)
}

// Revert puts everything back, the last first, and looks whether it is so. What
// fails does not hold up the rest. It returns what it has put back, with what
// could not come along.
func Revert(ctx context.Context, h host.Host, rec *Record, now Listener) (back []change.Result, err error) {
	var errs []error
	ssh := false
	for _, u := range slices.Backward(rec.Undo) {
		res := change.Result{ID: change.ID{Kind: string(u.Subject().Sort), Name: u.Subject().Name}, Status: change.Changed}
		res.Change, err = u.Restore(ctx, h)
		res.Notes = res.Change.Notes
		if err == nil && !res.Change.Empty() {
			now.Begin([]change.ID{res.ID}, res.Change)
			err = putBack(ctx, h, u, res.Change.Steps)
		}
		if err != nil {
			res.Status, res.Err = change.Failed, err
			errs = append(errs, fmt.Errorf("%s: %w", u, err))
		}
		if err != nil || !res.Change.Empty() || len(res.Notes) > 0 {
			now.Done(res)
			back = append(back, res)
		}
		ssh = ssh || u.Path != nil && underSSH(u.Path.Path)
	}
	if ssh {
		// Even if nothing differed: an earlier attempt may have ended here.
		if err := h.Do(ctx, host.ActOnUnit{Name: sshUnit, Verb: host.Reload}); err != nil {
			errs = append(errs, err)
		} else {
			errs = append(errs, h.Do(ctx, host.Settle{Unit: sshUnit, Verb: host.Reload}))
		}
	}
	return back, errors.Join(errs...)
}

// Listener is told what is put back while it is.
type Listener interface {
	Begin(ids []change.ID, c change.Change)
	Done(r change.Result)
}

func putBack(ctx context.Context, h host.Host, u image.Image, steps []host.Step) error {
	for _, s := range steps {
		if err := h.Do(ctx, s); err != nil {
			return err
		}
	}
	return again(ctx, h, u)
}

func again(ctx context.Context, r host.Reader, u image.Image) error {
	left, err := u.Restore(ctx, r)
	if err == nil && !left.Empty() {
		err = errors.New("still differs after it has been put back")
	}
	return err
}

func rootsFile(path string, mode host.Mode, c host.Content) host.WriteFile {
	return host.WriteFile{Path: path, Content: c, Owner: "root", Group: "root", Access: host.AccessOf(mode)}
}

func makeDir(ctx context.Context, h host.Host, path string, mode host.Mode) error {
	n, err := h.Stat(path)
	if err != nil || n != nil {
		return err
	}
	if parent := path[:strings.LastIndex(path, "/")]; parent != "" {
		if err := makeDir(ctx, h, parent, 0o755); err != nil {
			return err
		}
	}
	return h.Do(ctx, host.MakeDir{Path: path, Owner: "root", Group: "root", Access: host.AccessOf(mode)})
}

func remove(ctx context.Context, h host.Host, path string) error {
	n, err := h.Stat(path)
	if err != nil || n == nil {
		return err
	}
	return h.Do(ctx, host.RemovePath{Path: path})
}

// service is tried again until it has succeeded: a run may still hold the lock.
const service = `# Made by opsafe manage --confirm; gone after opsafe confirm.
[Unit]
Description=Bring back what opsafe changed and nobody has confirmed
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=` + BinaryPath + ` revert --if-due
Restart=on-failure
RestartSec=5
`

// timer counts from its own start, not by the clock: after a reboot it counts
// anew, so that there is time to log in and confirm.
func timer(window time.Duration) []byte {
	return fmt.Appendf(nil, `# Made by opsafe manage --confirm; gone after opsafe confirm.
[Unit]
Description=Time to confirm what opsafe changed

[Timer]
OnActiveSec=%dms
AccuracySec=100ms

[Install]
WantedBy=timers.target
`, window.Milliseconds())
}
