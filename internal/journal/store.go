package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// Dir holds the records, one file for each run.
const Dir = "/var/lib/opsafe/history"

// How much is kept: the oldest records go first, the newest never.
const (
	MaxRuns = 200
	// MaxBytes is for all records together.
	MaxBytes = 64 << 20
)

const suffix = ".json"

// fileOf is where a run's record is. Names sort as the runs do.
func fileOf(run int) string { return fmt.Sprintf("%s/%06d%s", Dir, run, suffix) }

// runs lists the runs of which there are records, oldest first.
func runs(r host.Reader) ([]int, error) {
	names, err := r.ReadDir(Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot look at the history: %w", err)
	}
	var out []int
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, suffix)
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Load reads one record. Nil: there is none of that run.
func Load(r host.Reader, run int) (*Record, error) {
	data, err := r.ReadFile(fileOf(run))
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of run %d: %w", run, err)
	}
	if data == nil {
		return nil, nil
	}
	var rec Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil, fmt.Errorf("cannot read the record of run %d: %s: %w", run, fileOf(run), err)
	}
	if rec.FormatVersion != format {
		return nil, fmt.Errorf("cannot read the record of run %d: %s has format %d, this opsafe knows %d", run, fileOf(run), rec.FormatVersion, format)
	}
	rec.Run = run
	rec.settle(r)
	return &rec, nil
}

// History is what is known of the runs on a host.
type History struct {
	Records []*Record // oldest first
	// Unread are the records that could not be read.
	Unread []error
	// By says which run has undone another.
	By map[int]int
}

// Read reads all records.
func Read(r host.Reader) (*History, error) {
	all, err := runs(r)
	if err != nil {
		return nil, err
	}
	h := &History{}
	for _, run := range all {
		rec, err := Load(r, run)
		switch {
		case err != nil:
			h.Unread = append(h.Unread, err)
		case rec != nil:
			h.Records = append(h.Records, rec)
		}
	}
	h.By = undone(h.Records)
	return h, nil
}

// Find finds a run's record. Nil: there is none.
func (h *History) Find(run int) *Record {
	for _, r := range h.Records {
		if r.Run == run {
			return r
		}
	}
	return nil
}

// Last is the newest record; nil if there is none.
func (h *History) Last() *Record {
	if len(h.Records) == 0 {
		return nil
	}
	return h.Records[len(h.Records)-1]
}

// write puts a record on disk, as a whole or not at all.
func write(ctx context.Context, h host.Host, rec *Record) error {
	rec.FormatVersion = format
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("cannot record run %d: %w", rec.Run, err)
	}
	err = h.Do(ctx, host.WriteFile{
		Path: fileOf(rec.Run), Content: host.NewSecret(append(data, '\n')),
		Owner: "root", Group: "root", Access: host.AccessOf(0o600),
	})
	if err != nil {
		return fmt.Errorf("cannot record run %d: %w", rec.Run, err)
	}
	return nil
}

// makeDir makes the directory of the records, for root alone.
func makeDir(ctx context.Context, h host.Host) error {
	for _, dir := range []string{path.Dir(Dir), Dir} {
		n, err := h.Stat(dir)
		if err != nil {
			return err
		}
		if n != nil {
			continue
		}
		mode := host.Mode(0o755)
		if dir == Dir {
			mode = 0o700
		}
		if err := h.Do(ctx, host.MakeDir{Path: dir, Owner: "root", Group: "root", Access: host.AccessOf(mode)}); err != nil {
			return err
		}
	}
	return nil
}

// trim removes the oldest records until the rest is within bounds.
func trim(ctx context.Context, h host.Host) error {
	all, err := runs(h)
	if err != nil {
		return err
	}
	var sizes []int64
	var total int64
	for _, run := range all {
		n, err := h.Stat(fileOf(run))
		if err != nil {
			return err
		}
		var size int64
		if n != nil {
			size = n.Size
		}
		sizes, total = append(sizes, size), total+size
	}
	var errs []error
	for i, run := range all {
		last := i+1 == len(all)
		if last || len(all)-i <= MaxRuns && total <= MaxBytes {
			break
		}
		total -= sizes[i]
		errs = append(errs, h.Do(ctx, host.RemovePath{Path: fileOf(run)}))
	}
	return errors.Join(errs...)
}
