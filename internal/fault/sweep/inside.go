package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/fault"
)

// Order says which points are to be swept.
type Order struct {
	Scenario string        // empty: all
	Faults   []fault.Fault // nil: all
	At       int           // only this call; 0: a sample
	Points   int           // at most so many of each scenario and fault; fewer of slow ones
	Part     int           // this host's part, from 0
	Parts    int
}

// Tally is what a host reports: points one by one, and what a scenario is.
type Tally struct {
	Point *Point         `json:",omitempty"`
	Calls map[string]int `json:",omitempty"` // of each scenario
	Error string         `json:",omitempty"`
}

// insideName is the first argument by which a program knows that it is to sweep
// within a host.
const insideName = "fault-sweep"

// work is where labs are, in a mount namespace that nobody else sees.
const work = "/run/fault"

// Inside sweeps, or supervises, if this process has been started for that;
// otherwise it returns at once. Programs and tests that use Run call it first.
func Inside() {
	fault.Stage()
	if len(os.Args) != 3 || os.Args[1] != insideName {
		return
	}
	enc := json.NewEncoder(os.Stdout)
	var o Order
	err := json.Unmarshal([]byte(os.Args[2]), &o)
	if err == nil {
		err = inside(context.Background(), o, enc)
	}
	if err != nil {
		_ = enc.Encode(Tally{Error: err.Error()})
		os.Exit(1) //nolint:forbidigo // it stands in for main
	}
	os.Exit(0) //nolint:forbidigo // it stands in for main
}

func inside(ctx context.Context, o Order, enc *json.Encoder) error {
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", work, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("cannot make a place to work: %w", err)
	}
	which := list()
	if o.Scenario != "" {
		s, err := find(o.Scenario)
		if err != nil {
			return err
		}
		which = []scenario{s}
	}
	for _, s := range which {
		if err := sweepOne(ctx, s, o, enc); err != nil {
			return err
		}
	}
	return nil
}

// sweepOne sweeps this host's part of a scenario.
func sweepOne(ctx context.Context, s scenario, o Order, enc *json.Encoder) error {
	start := time.Now()
	l, err := newLab(s, work)
	if err != nil {
		return err
	}
	calls, err := l.undisturbed(ctx)
	if err != nil {
		return err
	}
	if err := enc.Encode(Tally{Calls: map[string]int{s.name: len(calls)}}); err != nil {
		return err
	}
	n, next := 0, 0
	for _, f := range append(fault.Faults(), fault.PowerCut) {
		if len(o.Faults) > 0 && !slices.Contains(o.Faults, f) || f == fault.PowerCut && len(s.live) > 0 {
			continue
		}
		points := o.Points
		if s.slow {
			points = max(1, points/slowScenario)
		}
		if f == fault.PowerCut {
			points = max(1, points/slowPowerCut)
		}
		at := sample(f, calls, points)
		if f == fault.PowerCut {
			at = append(at, afterwards)
		}
		if o.At > 0 {
			at = []int{o.At}
		}
		for _, i := range at {
			if next++; next%o.Parts != o.Part {
				continue
			}
			p, err := l.point(ctx, f, i)
			if f == fault.PowerCut && errors.Is(err, unix.EIO) {
				// The cut has torn what the overlay keeps of itself, which no host has.
				p, err = l.point(ctx, f, i)
			}
			if err != nil {
				return fmt.Errorf("cannot judge %s, %s at call %d: %w", s.name, f, i, err)
			}
			n++
			if err := enc.Encode(Tally{Point: &p}); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %d points in %s\n", s.name, n, time.Since(start).Round(time.Millisecond))
	return nil
}

// afterwards is a call that no run reaches: the power is cut when it has ended.
const afterwards = 1 << 20

// How many times fewer points there are of what takes long.
const (
	slowScenario = 16
	slowPowerCut = 4
)

// readTallies reads what a host reports.
func readTallies(r io.Reader, each func(Tally)) error {
	dec := json.NewDecoder(r)
	for {
		var t Tally
		if err := dec.Decode(&t); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot understand a sweep: %w", err)
		}
		if t.Error != "" {
			return errors.New(t.Error)
		}
		each(t)
	}
}
