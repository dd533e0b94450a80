// Command bench measures what it costs to find nothing to do: opsafe plan and
// opsafe manage on a converged throwaway host, beside a program that only reads
// what they have to look at. It also measures first runs, trees of files and specs
// of many people, each beside other programs on the same host.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"opsafe/internal/bench/workload"
	"opsafe/internal/testhost"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	people, rounds int
	keep           string
	against        string // another build of opsafe
	files          int    // of the tree; 0: what is not about people on a host is left out
	many           []int  // people of the specs that are only read
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	people := flags.String("people", "20", "people on the host; with commas between them, several hosts after one another")
	flags.IntVar(&o.rounds, "rounds", 31, "rounds to measure")
	flags.StringVar(&o.keep, "keep", "", "leave the host behind, under this `name`")
	flags.StringVar(&o.against, "against", "", "measure this `build` of opsafe, too, in the same rounds, and fail if the present one is slower")
	flags.IntVar(&o.files, "files", 100_000, "files of the tree that is measured; with 0, neither that nor specs of many people are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.many = []int{1000, 5000}
	for text := range strings.SplitSeq(*people, ",") {
		if o.people, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("-people %s: want numbers with commas between them", *people)
		}
		if err := one(ctx, o, out, progress); err != nil {
			return err
		}
	}
	if o.files == 0 {
		return nil
	}
	return others(ctx, o, out, progress)
}

// one measures with so many people.
func one(ctx context.Context, o options, out, progress io.Writer) (err error) {
	b, err := newBench(ctx, o, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	first, err := b.converge(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "measuring %d rounds\n", o.rounds)
	measured, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if err := table(out, o.people, measured); err != nil {
		return err
	}
	tool, err := b.once(ctx, "useradd, one by one", useradds(o.people))
	if err != nil {
		return err
	}
	first.Name = "opsafe manage"
	if err := rows(out, fmt.Sprintf("First run: %d people, with homes and keys, packages, units and files; useradd makes accounts alone", o.people), tool, first); err != nil {
		return err
	}
	return slower(measured)
}

// Where things are in the host.
const (
	guestSpec  = "/srv/opsafe"
	guestState = "/root/state.json"
	guestBin   = "/usr/local/bin/"
	guestOther = "opsafe-other"
)

type bench struct {
	options
	host *testhost.Host
	dir  string // of this machine, for what is copied into the host
	log  io.Writer
}

// newBench boots a host and puts the programs, the state and the spec there.
func newBench(ctx context.Context, o options, log io.Writer) (_ *bench, err error) {
	b := &bench{options: o, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.dir, err = os.MkdirTemp("", "opsafe-bench-"); err != nil {
		return nil, err
	}
	fmt.Fprintln(log, "building")
	for name, pkg := range programs() {
		if err := b.build(ctx, name, pkg); err != nil {
			return nil, err
		}
	}
	state, err := workload.New(o.people)
	if err != nil {
		return nil, err
	}
	spec := filepath.Join(b.dir, "spec")
	if err := state.WriteSpec(spec); err != nil {
		return nil, err
	}
	data, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(log, "booting a host")
	b.host, err = testhost.Boot(ctx, testhost.Options{
		Name: o.keep, Keep: o.keep != "", Image: testhost.Full,
		Log: func(format string, args ...any) { fmt.Fprintf(log, format+"\n", args...) },
	})
	if err != nil {
		return nil, err
	}
	for name := range programs() {
		if err := b.host.Install(ctx, filepath.Join(b.dir, name), guestBin+name); err != nil {
			return nil, err
		}
	}
	if o.against != "" {
		if err := b.host.Install(ctx, o.against, guestBin+guestOther); err != nil {
			return nil, err
		}
	}
	if err := b.host.Install(ctx, spec, guestSpec); err != nil {
		return nil, err
	}
	return b, b.host.WriteFile(guestState, data, 0o600)
}

// programs are what runs in the host, with the packages they are made of.
func programs() map[string]string {
	return map[string]string{
		"opsafe":       "opsafe/cmd/opsafe",
		"bench-floor":  "opsafe/internal/bench/floor",
		"bench-rounds": "opsafe/internal/bench/rounds",
	}
}

func (b *bench) build(ctx context.Context, name, pkg string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(b.dir, name), pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w: %s", pkg, err, out)
	}
	return nil
}

func (b *bench) close() error {
	var err error
	if b.host != nil && b.keep == "" {
		err = b.host.Close()
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// converge brings the host to the declared state, which is measured, and checks that it
// is there: only then there is nothing to do.
func (b *bench) converge(ctx context.Context) (first measured, err error) {
	fmt.Fprintln(b.log, "converging it")
	ms, err := b.rounds(ctx, 1, true, b.opsafe("manage"))
	if err != nil {
		return first, fmt.Errorf("the first run failed: %w", err)
	}
	res, err := b.host.Run(ctx, b.opsafe("plan", "--exit-code")...)
	if err != nil {
		return first, err
	}
	if res.Code != 0 {
		return first, fmt.Errorf("the second run has something to do, exit code %d:\n%s%s", res.Code, res.Stdout, res.Stderr)
	}
	return ms[0], nil
}

func (b *bench) opsafe(args ...string) []string {
	argv := append([]string{guestBin + "opsafe"}, args...)
	return append(argv, "--dir", guestSpec, "--backend", workload.Backend)
}

// measured is what bench-rounds says of one program.
type measured struct {
	Name    string
	Runs    []sample
	Started int
}

func (b *bench) measure(ctx context.Context) ([]measured, error) {
	names := []string{"floor", "opsafe plan", "opsafe manage"}
	programs := [][]string{{guestBin + "bench-floor", guestState}, b.opsafe("plan", "--exit-code"), b.opsafe("manage")}
	if b.against != "" {
		for i, name := range names[1:] {
			other := slices.Clone(programs[i+1])
			other[0] = guestBin + guestOther
			names, programs = append(names, strings.Replace(name, "opsafe", otherName, 1)), append(programs, other)
		}
	}
	ms, err := b.rounds(ctx, b.options.rounds, false, programs...)
	if err != nil {
		return nil, err
	}
	for i := range ms {
		ms[i].Name = names[i]
	}
	return ms, nil
}

// rounds has programs run in the host.
func (b *bench) rounds(ctx context.Context, rounds int, cold bool, programs ...[]string) ([]measured, error) {
	task, err := json.Marshal(map[string]any{"Rounds": rounds, "Programs": programs, "Cold": cold})
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	c := b.host.Command(ctx, guestBin+"bench-rounds")
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(task), &out, &errs
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	var ms []measured
	if err := json.Unmarshal(out.Bytes(), &ms); err != nil {
		return nil, fmt.Errorf("cannot read what was measured: %w", err)
	}
	return ms, nil
}
