// Command rounds runs in the throwaway host of the benchmark. It runs programs
// in turn, round after round, so that what slows the machine down for a while
// slows all of them down, and writes what they took as JSON.
//
// It reads its task from standard input.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Task is what to measure.
type Task struct {
	Programs [][]string // argument vectors
	Rounds   int
	// Cold says that the first run counts, too, and that there is none to be traced: what
	// is measured can be done only once.
	Cold bool
}

// Run is what one run of a program took.
type Run struct {
	Wall, User, System time.Duration
	MaxRSS             int64 // KiB
}

// Measured is what a program took.
type Measured struct {
	Runs []Run
	// Started counts the processes and programs that it started, in a run of
	// its own, which is traced.
	Started int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "rounds:", err)
		os.Exit(1)
	}
}

func run() error {
	var task Task
	if err := json.NewDecoder(os.Stdin).Decode(&task); err != nil {
		return fmt.Errorf("cannot read the task: %w", err)
	}
	out := make([]Measured, len(task.Programs))
	// The first round only warms the caches.
	warm := 1
	if task.Cold {
		warm = 0
	}
	for round := range task.Rounds + warm {
		for i, argv := range task.Programs {
			r, err := once(argv)
			if err != nil {
				return err
			}
			if round >= warm {
				out[i].Runs = append(out[i].Runs, r)
			}
		}
	}
	if task.Cold {
		return json.NewEncoder(os.Stdout).Encode(out)
	}
	for i, argv := range task.Programs {
		n, err := countStarted(argv)
		if err != nil {
			return fmt.Errorf("cannot trace %s: %w", argv[0], err)
		}
		out[i].Started = n
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// once runs a program, from its start to its end as who started it sees them.
func once(argv []string) (Run, error) {
	var errs bytes.Buffer
	c := exec.Command(argv[0], argv[1:]...)
	c.Stderr = &errs
	start := time.Now()
	err := c.Run()
	wall := time.Since(start)
	if err != nil {
		return Run{}, fmt.Errorf("%v: %w: %s", argv, err, errs.Bytes())
	}
	r := Run{Wall: wall, User: c.ProcessState.UserTime(), System: c.ProcessState.SystemTime()}
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.MaxRSS = usage.Maxrss
	}
	return r, nil
}
