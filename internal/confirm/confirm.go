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
	"strconv"
	"strings"
	"time"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// recordFormat is the version of the record.
const recordFormat = 3

// Record is what waits to be confirmed: a run, whose own record holds what was there
// before it.
type Record struct {
	FormatVersion int           `json:"format_version"`
	By            string        `json:"by"`
	Command       string        `json:"command"`
	Since         time.Time     `json:"since"`
	Window        time.Duration `json:"window"` // in nanoseconds
	// Boot and Deadline say when it is due: at that many seconds since that
	// boot, which no change of the clock moves. After another boot it is due
	// one window after it.
	Boot     string  `json:"boot"`
	Deadline float64 `json:"deadline"`
	Run      int     `json:"run"`
	// Up are the units that ran before the run and on which the way in rests: they are to
	// run again.
	Up []string `json:"up,omitempty"`
}

// ErrOther is what is wrong with a record that another opsafe has written.
var ErrOther = errors.New("another opsafe has written it: confirm or revert with that one, or undo its run with opsafe undo once the file is moved away")

// Read returns the record of changes that wait to be confirmed; nil for none.
func Read(r host.Reader) (*Record, error) {
	data, err := r.ReadFile(notes.Waiting)
	if err != nil || data == nil {
		return nil, err
	}
	var rec Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil, fmt.Errorf("cannot read what waits to be confirmed: %s: %w", notes.Waiting, err)
	}
	if rec.FormatVersion != recordFormat {
		return nil, fmt.Errorf("cannot read what waits to be confirmed: %s has format %d, this opsafe knows %d: %w", notes.Waiting, rec.FormatVersion, recordFormat, ErrOther)
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

// Left is how long there is still time to confirm; none or less: it is over.
func (rec *Record) Left(r host.Reader) (time.Duration, error) {
	boot, up, err := uptime(r)
	if err != nil {
		return 0, err
	}
	deadline := rec.Deadline
	if boot != rec.Boot {
		deadline = rec.Window.Seconds()
	}
	return time.Duration((deadline - up) * float64(time.Second)), nil
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

// Arm starts the timer and records what is to be put back, in that order: whenever
// this ends, nothing waits without a timer. From here on it comes back by itself.
// Binary is opsafe's own program.
func Arm(ctx context.Context, h host.Host, rec *Record, binary []byte) error {
	for _, f := range []struct {
		path    string
		content []byte
	}{{notes.Revert, binary}, {notes.ServiceFile, []byte(service)}, {notes.TimerFile, timer(rec.Window)}} {
		if err := converge.WriteNote(ctx, h, f.path, f.content); err != nil {
			return fmt.Errorf("cannot prepare what brings the old state back: %w", err)
		}
	}
	// A file system may let nothing be run.
	if err := converge.Keep(ctx, h, host.Probe{Argv: []string{notes.Revert, "version"}}); err != nil {
		return fmt.Errorf("what brings the old state back cannot be run, so nothing is changed: %w", err)
	}
	if err := rec.Start(h); err != nil {
		return err
	}
	steps := append([]host.Step{host.ReloadManager{}, host.EnableUnit{Name: notes.Timer}}, restart()...)
	if err := converge.Keep(ctx, h, steps...); err != nil {
		return notStarted(err)
	}
	return rec.write(ctx, h)
}

// Rearm begins the time to confirm anew.
func Rearm(ctx context.Context, h host.Host, rec *Record) error {
	if err := rec.Start(h); err != nil {
		return err
	}
	if err := rec.write(ctx, h); err != nil {
		return err
	}
	return notStarted(converge.Keep(ctx, h, restart()...))
}

func notStarted(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot start the time to confirm: %w", err)
}

// restart has the timer begin anew, without a moment in which it does not run.
func restart() []host.Step {
	return []host.Step{host.ActOnUnit{Name: notes.Timer, Verb: host.Restart}, host.StartUnit{Name: notes.Timer}}
}

func (rec *Record) write(ctx context.Context, h host.Host) error {
	// There is nothing in it that JSON does not have.
	data, _ := json.MarshalIndent(rec, "", "  ")
	return notStarted(converge.WriteNote(ctx, h, notes.Waiting, append(data, '\n')))
}

// Disarm forgets the record, which is what makes the changes stay, and then
// tidies up. What cannot be tidied up finds nothing to put back.
func Disarm(ctx context.Context, h host.Host) error {
	if err := converge.RemoveNote(ctx, h, notes.Waiting); err != nil {
		return fmt.Errorf("cannot forget what was to be put back: it still comes back: %w", err)
	}
	var errs []error
	// The service is not stopped: it may be what runs this, and else finds nothing
	// to do any more.
	for _, s := range []host.Step{host.StopUnit{Name: notes.Timer}, host.DisableUnit{Name: notes.Timer}} {
		if u, err := h.Unit(ctx, notes.Timer); u != nil && err == nil {
			errs = append(errs, converge.Keep(ctx, h, s))
		}
	}
	for _, p := range []string{notes.TimerFile, notes.ServiceFile, notes.Revert, notes.Confirm} {
		errs = append(errs, converge.RemoveNote(ctx, h, p))
	}
	return errors.Join(append(errs, converge.Keep(ctx, h, host.ReloadManager{}))...)
}

// service waits and tries again by itself, in one process; systemd starts it anew if
// that is killed.
const service = `# Made by opsafe manage --confirm; gone after opsafe confirm.
[Unit]
Description=Bring back what opsafe changed and nobody has confirmed
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=` + notes.Revert + ` revert --if-due
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
