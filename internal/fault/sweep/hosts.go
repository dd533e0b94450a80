package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"opsafe/internal/fault"
	"opsafe/internal/testhost"
)

// Options are for Run.
type Options struct {
	Order
	Repository string // the top of opsafe's sources
	Hosts      int    // how many work at once; each takes a core
	Log        func(format string, args ...any)
}

// Result is what a sweep has found.
type Result struct {
	Points []Point
	Calls  map[string]int // of each scenario, when nothing goes wrong
	Missed int            // points that a run did not reach: not each makes quite the same calls
	Took   time.Duration
}

// Bad are the points at which something was not as it has to be.
func (r *Result) Bad() []Point {
	var bad []Point
	for _, p := range r.Points {
		if len(p.Bad) > 0 {
			bad = append(bad, p)
		}
	}
	return bad
}

// inHost is where this program lies on a throwaway host.
const inHost = "/usr/local/lib/fault-sweep"

// hostUnits are units of every throwaway host. Those that are told of changes
// leave a mark.
func hostUnits() map[string]string {
	const note = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
	const sleep = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/usr/bin/sleep infinity\n"
	return map[string]string{
		"lab-note.service":    note + "ExecStart=/usr/bin/touch /run/lab/lab-note\n",
		"lab-reload.service":  note + "ExecStart=/usr/bin/true\nExecReload=/usr/bin/touch /run/lab/lab-reload\n",
		"lab-old.service":     sleep,
		"lab-changed.service": sleep,
	}
}

// Run boots hosts, has each sweep its part, and puts the parts together.
func Run(ctx context.Context, o Options) (*Result, error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "opsafe-fault-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	binary := filepath.Join(dir, "opsafe")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, "./cmd/opsafe")
	build.Dir, build.Env = o.Repository, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot build opsafe: %w\n%s", err, out)
	}
	res := &Result{Calls: map[string]int{}}
	var mu sync.Mutex
	var wait sync.WaitGroup
	errs := make([]error, o.Hosts)
	for i := range o.Hosts {
		wait.Go(func() {
			part := o
			part.Part, part.Parts = i, o.Hosts
			errs[i] = part.onHost(ctx, binary, func(t Tally) {
				mu.Lock()
				defer mu.Unlock()
				res.add(t, o.Log)
			})
		})
	}
	wait.Wait()
	res.Took = time.Since(start)
	return res, errors.Join(errs...)
}

func (r *Result) add(t Tally, log func(string, ...any)) {
	for name, n := range t.Calls {
		r.Calls[name] = n
	}
	if t.Point == nil {
		return
	}
	if t.Point.Call == "" && t.Point.Fault != fault.PowerCut && len(t.Point.Bad) == 0 {
		r.Missed++
		return
	}
	r.Points = append(r.Points, *t.Point)
	if len(r.Points)%progress == 0 {
		log("%d points, the last in %s", len(r.Points), t.Point.Scenario)
	}
	if len(t.Point.Bad) > 0 {
		log("%s", t.Point)
	}
}

// progress is after how many points a sweep says how far it is.
const progress = 500

// String describes a point, with how to see it again.
func (p *Point) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, exit code %d; again: go run ./internal/fault/soak -scenario %s -fault '%s' -at %d\n",
		p.Fault, p.Call, p.Code, p.Scenario, p.Fault, p.At)
	for _, bad := range p.Bad {
		fmt.Fprintf(&b, "  %s\n", bad)
	}
	if len(p.Bad) > 0 {
		fmt.Fprintf(&b, "  the run said:\n%s\n  the next run said:\n%s", p.Output, p.Next)
	}
	return b.String()
}

// onHost has one throwaway host sweep its part.
func (o Options) onHost(ctx context.Context, binary string, each func(Tally)) error {
	h, err := testhost.Boot(ctx, testhost.Options{Image: testhost.Full, Log: o.Log})
	if err != nil {
		return err
	}
	return errors.Join(o.inHost(ctx, h, binary, each), h.Close())
}

func (o Options) inHost(ctx context.Context, h *testhost.Host, binary string, each func(Tally)) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := errors.Join(h.Install(ctx, binary, program), h.Install(ctx, self, inHost)); err != nil {
		return err
	}
	for name, unit := range hostUnits() {
		if err := h.WriteFile("/etc/systemd/system/"+name, []byte(unit), 0o644); err != nil {
			return err
		}
	}
	setUp := `mkdir -p /run/lab && systemctl daemon-reload && systemctl start lab-note lab-reload lab-old lab-changed && systemctl stop docker docker.socket`
	if r, err := h.Run(ctx, "sh", "-c", setUp); err != nil || r.Code != 0 {
		return fmt.Errorf("cannot set the host up: %w: %s", err, r.Stderr)
	}
	order, err := json.Marshal(o.Order)
	if err != nil {
		return err
	}
	cmd := h.Command(ctx, "unshare", "--mount", "--propagation", "private", inHost, insideName, string(order))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = readTallies(out, each)
	if waitErr := cmd.Wait(); waitErr != nil && err == nil {
		err = fmt.Errorf("cannot sweep: %w: %s", waitErr, said.String())
	}
	o.Log("%s", strings.TrimSpace(said.String()))
	return err
}
