package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// How much is kept. Records with which nothing could be brought back go first, then
// the oldest; the newest never.
const (
	MaxRuns = 200
	// MaxBytes is for all records together.
	MaxBytes = 64 << 20
)

const suffix = ".json"

// fileOf is where a run's record is. Names sort as the runs do.
func fileOf(run int) string { return fmt.Sprintf("%s/%06d%s", notes.History, run, suffix) }

// runs lists the runs of which there are records, oldest first.
func runs(r host.Reader) ([]int, error) {
	names, err := r.ReadDir(notes.History)
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

// mostHead is how many bytes of a record are read at first: with all that is declared for
// some thousand people, what stands before its entries is no longer.
const mostHead = 256 << 10

// head reads of a record what stands before what the run did and what it kept: who has
// run what, when, and what came of it. A record of many changes has megabytes behind
// that. Nil: there is none of that run.
func head(r host.Reader, run int) (*Record, error) {
	data, err := host.ReadHead(r, fileOf(run), mostHead)
	if err != nil || data == nil {
		return nil, err
	}
	short, ok := cutHead(data)
	if !ok && len(data) == mostHead { // more is declared than fits
		if data, err = r.ReadFile(fileOf(run)); err != nil {
			return nil, err
		}
		short, ok = cutHead(data)
	}
	if !ok {
		return Load(r, run) // as an older opsafe, or a person, may have written it
	}
	var rec Record
	if err := json.Unmarshal(short, &rec); err != nil || rec.FormatVersion != format {
		return Load(r, run) // it says what is wrong
	}
	rec.Run = run
	rec.settle(r)
	return &rec, nil
}

// cutHead ends the JSON of a record before its entries, by which time all that is short
// has come: see Record.
func cutHead(data []byte) (short []byte, ok bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	last := int64(0)
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		name, is := key.(string)
		if err != nil || !is {
			return nil, false
		}
		if name == "entries" || name == "kept" {
			ok = seen["process"] && seen["summary"] && last > 0
			return append(bytes.Clone(data[:last]), '}'), ok
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return nil, false
		}
		seen[name], last = true, d.InputOffset()
	}
	return nil, false
}

// Died returns the record of the last run, if that died: it has no end, and nobody is
// at it any more. Else nil.
func Died(r host.Reader) (*Record, error) {
	all, err := runs(r)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	last := all[len(all)-1]
	rec, err := head(r, last)
	if err != nil || rec == nil || rec.Result != Interrupted || !rec.Ended.IsZero() {
		return nil, err
	}
	return Load(r, last)
}

// LastOf is the last record that fits; nil for none. It reads no more records than it
// has to, and of those neither what their runs did nor what they kept.
func LastOf(r host.Reader, fits func(*Record) bool) (*Record, error) {
	all, err := runs(r)
	if err != nil {
		return nil, err
	}
	const most = 20 // others are not looked for further back
	for _, run := range slices.Backward(all[max(0, len(all)-most):]) {
		rec, err := head(r, run)
		if err == nil && rec != nil && fits(rec) {
			return rec, nil
		}
	}
	return nil, nil
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
	if err := converge.WriteNote(ctx, h, fileOf(rec.Run), append(data, '\n')); err != nil {
		return fmt.Errorf("cannot record run %d: %w", rec.Run, err)
	}
	return nil
}

// trim removes records until the rest is within bounds.
func trim(ctx context.Context, h host.Host) error {
	all, err := runs(h)
	if err != nil {
		return err
	}
	sizes, total := map[int]int64{}, int64(0)
	for _, run := range all {
		n, err := h.Stat(fileOf(run))
		if err != nil {
			return err
		}
		if n != nil {
			sizes[run] = n.Size
			total += n.Size
		}
	}
	over := func(left int) bool { return left > MaxRuns || total > MaxBytes }
	if len(all) < 2 || !over(len(all)) {
		return nil
	}
	var errs []error
	left := len(all)
	for _, run := range order(h, all[:len(all)-1]) {
		if !over(left) {
			break
		}
		left--
		total -= sizes[run]
		errs = append(errs, converge.RemoveNote(ctx, h, fileOf(run)))
	}
	return errors.Join(errs...)
}

// order puts runs into the order in which their records may go.
func order(h host.Reader, all []int) []int {
	var empty, others []int
	for _, run := range all {
		rec, err := Load(h, run)
		if err == nil && rec != nil && !rec.Ended.IsZero() && !slices.ContainsFunc(rec.Kept, Kept.Touched) {
			empty = append(empty, run)
		} else {
			others = append(others, run)
		}
	}
	return append(empty, others...)
}
