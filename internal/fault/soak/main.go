// Command soak sweeps opsafe with faults at very many points, and prints the
// figures. With -at it shows one point again.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"

	"opsafe/internal/fault"
	"opsafe/internal/fault/sweep"
)

func main() {
	sweep.Inside()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run() error {
	var o sweep.Options
	var only string
	flag.IntVar(&o.Points, "points", 1000, "at most so many points of each scenario and fault")
	flag.IntVar(&o.Hosts, "hosts", runtime.NumCPU(), "how many throwaway hosts work at once")
	flag.StringVar(&o.Scenario, "scenario", "", "only this scenario")
	flag.StringVar(&only, "fault", "", "only this fault")
	flag.IntVar(&o.At, "at", 0, "only this call of those that the fault applies to")
	flag.Parse()
	if only != "" {
		o.Faults = []fault.Fault{fault.Fault(only)}
	}
	if o.At > 0 {
		o.Hosts = 1
	}
	o.Repository = "."
	o.Log = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	res, err := sweep.Run(ctx, o)
	if res == nil || len(res.Points) == 0 {
		return errors.Join(err, errors.New("cannot say anything: no point was swept"))
	}
	res.Table(os.Stdout)
	slowest := slices.SortedFunc(slices.Values(res.Points), func(a, b sweep.Point) int { return cmp.Compare(b.Seconds, a.Seconds) })
	for _, p := range slowest[:min(3, len(slowest))] {
		o.Log("%.1f s: %s", p.Seconds, &p)
	}
	if bad := res.Bad(); len(bad) > 0 {
		return errors.Join(err, fmt.Errorf("cannot call it sound: %d of %d points are not in order", len(bad), len(res.Points)))
	}
	return err
}
