package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/fault"
)

// program is where opsafe lies on a host.
const program = "/usr/local/bin/opsafe"

// Point is one run in which something went wrong.
type Point struct {
	Scenario string
	Fault    fault.Fault
	At       int
	Call     string // which call of which program it befell; empty: none
	Class    fault.Class
	Code     int // of the run
	Seconds  float64
	Bad      []string
	Output   string // of the run, when something is bad
	Next     string // of the run after it, when something is bad
}

// undisturbed runs the scenario once with nothing going wrong, to learn which
// calls there are, which states the files pass through, and what comes out.
func (l *lab) undisturbed(ctx context.Context) ([]fault.Call, error) {
	if err := l.begin(""); err != nil {
		return nil, err
	}
	var calls []fault.Call
	var lookErr error
	see := func(c fault.Call) {
		calls = append(calls, c)
		s, err := l.look()
		lookErr = errors.Join(lookErr, err)
		l.seen.add(s)
	}
	out, err := fault.Run(ctx, l.command(), fault.Plan{See: see})
	if err := errors.Join(err, lookErr); err != nil {
		return nil, err
	}
	if out.Code != 0 {
		return nil, fmt.Errorf("cannot sweep %s: it fails by itself: %s", l.name, out.Output)
	}
	if l.want, err = l.look(); err != nil {
		return nil, err
	}
	l.seen.add(l.want)
	l.came = l.cameOf()
	bad, err := l.settled(l.want)
	if err != nil {
		return nil, err
	}
	argv, idle := l.last()
	if code, said := l.enter(l.root, append([]string{program}, argv...)...); !idle(code, said) {
		bad = append(bad, "the next run finds something to do: "+said)
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("cannot sweep %s: it is bad by itself: %s\n%s", l.name, strings.Join(bad, "\n"), out.Output)
	}
	return calls, l.end()
}

func (l *lab) command() fault.Command {
	return fault.Command{Root: l.root, Argv: append([]string{program}, l.argv...), Env: environment(), OuterProc: l.probes}
}

// point has something go wrong once, and looks at what comes of it.
func (l *lab) point(ctx context.Context, f fault.Fault, at int) (Point, error) {
	start := time.Now()
	p := Point{Scenario: l.name, Fault: f, At: at}
	out, err := l.strike(ctx, f, at)
	if err != nil {
		return p, err
	}
	p.Code = out.Code
	if out.Struck != nil {
		p.Call = out.Struck.Name + " of " + out.Struck.Program
		p.Class = out.Struck.Class
	}
	if p.Bad, err = l.judge(out); err != nil {
		return p, err
	}
	code, said := l.enter(l.root, append([]string{program}, l.argv...)...)
	if code != 0 {
		p.Bad = append(p.Bad, fmt.Sprintf("the next run ends with %d", code))
	}
	s, err := l.look()
	if err != nil {
		return p, err
	}
	after, err := l.settled(s)
	if err != nil {
		return p, err
	}
	for _, b := range after {
		p.Bad = append(p.Bad, "after the next run: "+b)
	}
	argv, idle := l.last()
	if code, said := l.enter(l.root, append([]string{program}, argv...)...); !idle(code, said) {
		p.Bad = append(p.Bad, "the run after the next finds something to do: "+said)
	}
	if len(p.Bad) > 0 {
		p.Output, p.Next = out.Output, said
	}
	p.Seconds = time.Since(start).Seconds()
	return p, l.end()
}

// strike runs the scenario with a fault.
func (l *lab) strike(ctx context.Context, f fault.Fault, at int) (fault.Outcome, error) {
	if f == fault.PowerCut {
		return l.cutPower(ctx, at)
	}
	if err := l.begin(""); err != nil {
		return fault.Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := fault.Run(ctx, l.command(), fault.Plan{Fault: f, At: at})
	if ctx.Err() != nil {
		err = errors.Join(err, fmt.Errorf("it does not end: %s", out.Output))
	}
	return out, err
}

// judge looks at what a run has left in which something went wrong.
func (l *lab) judge(out fault.Outcome) ([]string, error) {
	s, err := l.look()
	if err != nil {
		return nil, err
	}
	bad, err := l.halfDone(s)
	if err != nil {
		return nil, err
	}
	bad = append(bad, l.sound(s)...)
	if out.Code != 0 {
		if out.Code > 0 && !strings.Contains(out.Output, "cannot ") && !strings.Contains(out.Output, " ended with ") {
			bad = append(bad, "it does not say what went wrong")
		}
		return bad, nil
	}
	differs, err := l.differences(s, l.want)
	if err != nil {
		return nil, err
	}
	for _, d := range slices.DeleteFunc(differs, isTemporary) {
		bad = append(bad, "success is reported, but "+d)
	}
	return bad, nil
}

func isTemporary(difference string) bool {
	name, _, _ := strings.Cut(difference, " ")
	return temporary.MatchString(name)
}
