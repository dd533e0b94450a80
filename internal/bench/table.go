package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// sample is one run of a program.
type sample struct {
	Wall, User, System time.Duration
	MaxRSS             int64 // KiB
}

// table prints the medians, and the ratio of each program's to the first one's.
func table(out io.Writer, people int, ms []measured) error {
	fmt.Fprintf(out, "\nNothing to do: %d people, medians of %d runs in turn on one host.\n\n", people, len(ms[0].Runs))
	fmt.Fprintf(out, "%-14s %9s %7s %9s %9s %9s %10s %10s\n", "", "wall ms", "ratio", "fastest", "user ms", "sys ms", "memory MiB", "processes")
	floor := median(ms[0].Runs, func(s sample) time.Duration { return s.Wall })
	for _, m := range ms {
		wall := median(m.Runs, func(s sample) time.Duration { return s.Wall })
		peak := slices.MaxFunc(m.Runs, func(a, b sample) int { return cmp.Compare(a.MaxRSS, b.MaxRSS) })
		fastest := slices.MinFunc(m.Runs, func(a, b sample) int { return cmp.Compare(a.Wall, b.Wall) })
		_, err := fmt.Fprintf(
			out, "%-14s %9.1f %7.2f %9.1f %9.1f %9.1f %10.1f %10d\n", m.Name, ms1(wall), float64(wall)/float64(floor), ms1(fastest.Wall),
			ms1(median(m.Runs, func(s sample) time.Duration { return s.User })),
			ms1(median(m.Runs, func(s sample) time.Duration { return s.System })),
			float64(peak.MaxRSS)/1024, m.Started,
		)
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "\nfloor reads what is declared once, and nothing else; processes: started by a run, counted by ptrace.")
	fmt.Fprintln(out, "The refclock of the workload is shared memory, as the host has no PTP device.")
	return nil
}

// rows prints what else was measured, and the ratio of each program's time to the
// first one's: by the clock, and of processors, which says more on a busy machine.
func rows(out io.Writer, what string, ms ...measured) error {
	clock := func(s sample) time.Duration { return s.Wall }
	processor := func(s sample) time.Duration { return s.User + s.System }
	fmt.Fprintf(out, "\n%s, medians of %d.\n\n", what, len(ms[0].Runs))
	fmt.Fprintf(out, "%-24s %10s %7s %12s %7s %10s\n", "", "wall ms", "ratio", "processor ms", "ratio", "memory MiB")
	for _, m := range ms {
		wall, cpu := median(m.Runs, clock), median(m.Runs, processor)
		_, err := fmt.Fprintf(
			out, "%-24s %10.1f %7.2f %12.1f %7.2f %10.1f\n", m.Name, ms1(wall), ratio(wall, median(ms[0].Runs, clock)),
			ms1(cpu), ratio(cpu, median(ms[0].Runs, processor)), float64(median(m.Runs, func(s sample) int64 { return s.MaxRSS }))/1024,
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

func ms1(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median[T cmp.Ordered](runs []sample, of func(sample) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// otherName stands for opsafe before the rows of another build.
const otherName = "other"

// noise is by how much medians of the same build differ from one another.
const noise = 1.1

// slower is an error if opsafe takes longer than the other build, if there is one.
func slower(ms []measured) error {
	wall := map[string]time.Duration{}
	for _, m := range ms {
		wall[m.Name] = median(m.Runs, func(s sample) time.Duration { return s.Wall })
	}
	for _, command := range []string{" plan", " manage"} {
		other, ok := wall[otherName+command]
		if now := wall["opsafe"+command]; ok && float64(now) > noise*float64(other) {
			return fmt.Errorf("opsafe%s takes %.1f ms, with the other build %.1f ms", command, ms1(now), ms1(other))
		}
	}
	return nil
}
