package snapshot

import (
	"context"
	"errors"
	"sync"

	"opsafe/internal/host"
)

// Recorder answers as the host beneath it does, and remembers what it has been
// asked, and the answers. It can be asked to write them down as a State, or what
// has become of them since.
type Recorder struct {
	base    host.Reader
	secrets host.Secrecy

	mu       sync.Mutex
	images   bool // all of docker's have been asked for
	asked    map[string]asked
	order    []string // questions as they came
	files    map[string]fileWish
	trees    map[string]bool // directories to be summed up
	verdicts map[string]Verdict
}

// asked is a question with its answer.
type asked struct {
	again func(host.Reader) (any, error) // nil: it cannot be asked again
	value any
	err   error
}

var errNoInventory = errors.New("cannot list what the host has: it cannot do that")

var errNoScanner = errors.New("cannot scan a tree after predicted changes: the host cannot do that")

// fileWish is how much of a path was asked for.
type fileWish struct{ stat, content, names bool }

var (
	_ host.Reader    = (*Recorder)(nil)
	_ host.Inventory = (*Recorder)(nil)
)

// NewRecorder returns a recorder over a host.
func NewRecorder(base host.Reader, secrets host.Secrecy) *Recorder {
	return &Recorder{
		base: base, secrets: secrets, asked: map[string]asked{},
		files: map[string]fileWish{}, trees: map[string]bool{}, verdicts: map[string]Verdict{},
	}
}

// ask passes a question on. Of several answers the first counts: the others are
// what became of it while the record was made.
func ask[T any](r *Recorder, question string, get func(host.Reader) (T, error)) (T, error) {
	v, err := get(r.base)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known(question) {
		again := func(other host.Reader) (any, error) { return get(other) }
		r.asked[question] = asked{again: again, value: cloned(v), err: err}
		r.order = append(r.order, question)
	}
	return v, err
}

func (r *Recorder) known(question string) bool {
	_, ok := r.asked[question]
	return ok
}

func (r *Recorder) wish(path string, w fileWish) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.files[path]
	r.files[path] = fileWish{stat: have.stat || w.stat, content: have.content || w.content, names: have.names || w.names}
}

// Prefetch is passed on.
func (r *Recorder) Prefetch(ctx context.Context, h host.Hints) { r.base.Prefetch(ctx, h) }

// Facts are asked for.
func (r *Recorder) Facts() (host.MachineFacts, error) {
	return ask(r, askMachine, func(h host.Reader) (host.MachineFacts, error) { return h.Facts() })
}

// Pending is asked for.
func (r *Recorder) Pending() ([]host.Pending, error) {
	return ask(r, askPending, func(h host.Reader) ([]host.Pending, error) { return h.Pending() })
}

// User is asked for.
func (r *Recorder) User(name string) (*host.User, error) {
	return ask(r, askUser(name), func(h host.Reader) (*host.User, error) { return h.User(name) })
}

// Group is asked for.
func (r *Recorder) Group(name string) (*host.Group, error) {
	return ask(r, askGroup(name), func(h host.Reader) (*host.Group, error) { return h.Group(name) })
}

// UserByID is asked for.
func (r *Recorder) UserByID(uid int) (*host.User, error) {
	return ask(r, askUserID(uid), func(h host.Reader) (*host.User, error) { return h.UserByID(uid) })
}

// GroupByID is asked for.
func (r *Recorder) GroupByID(gid int) (*host.Group, error) {
	return ask(r, askGroupID(gid), func(h host.Reader) (*host.Group, error) { return h.GroupByID(gid) })
}

// Users are asked for.
func (r *Recorder) Users() ([]host.User, error) {
	return ask(r, askUsers, func(h host.Reader) ([]host.User, error) { return h.Users() })
}

// Groups are asked for.
func (r *Recorder) Groups() ([]host.Group, error) {
	return ask(r, askGroups, func(h host.Reader) ([]host.Group, error) { return h.Groups() })
}

// Password is asked for.
func (r *Recorder) Password(name string) (*host.Password, error) {
	return ask(r, askPassword(name), func(h host.Reader) (*host.Password, error) { return h.Password(name) })
}

// GroupShadow is asked for.
func (r *Recorder) GroupShadow(name string) (*host.GroupShadow, error) {
	return ask(r, askShadow(name), func(h host.Reader) (*host.GroupShadow, error) { return h.GroupShadow(name) })
}

// Strays are asked for.
func (r *Recorder) Strays() (host.Strays, error) {
	return ask(r, askStrays, func(h host.Reader) (host.Strays, error) { return h.Strays() })
}

// IDRanges are asked for.
func (r *Recorder) IDRanges() (host.IDRanges, error) {
	return ask(r, askRanges, func(h host.Reader) (host.IDRanges, error) { return h.IDRanges() })
}

// Traces are asked for.
func (r *Recorder) Traces(name string) (host.Traces, error) {
	return ask(r, askTraces(name), func(h host.Reader) (host.Traces, error) { return h.Traces(name) })
}

// UserUnits are asked for.
func (r *Recorder) UserUnits(name string) ([]string, error) {
	return ask(r, askUserUnits(name), func(h host.Reader) ([]string, error) { return h.UserUnits(name) })
}

// Package is asked for.
func (r *Recorder) Package(name string) (*host.Package, error) {
	return ask(r, askPackage(name), func(h host.Reader) (*host.Package, error) { return h.Package(name) })
}

// Foreign is asked for.
func (r *Recorder) Foreign(name string) ([]host.Package, error) {
	return ask(r, askForeign(name), func(h host.Reader) ([]host.Package, error) { return h.Foreign(name) })
}

// Unfinished is asked for.
func (r *Recorder) Unfinished() ([]host.Package, error) {
	return ask(r, askUnfinished, func(h host.Reader) ([]host.Package, error) { return h.Unfinished() })
}

// Packages are asked for.
func (r *Recorder) Packages() ([]host.Package, error) {
	return ask(r, askPackages, func(h host.Reader) ([]host.Package, error) { return h.Packages() })
}

// Manual is asked for.
func (r *Recorder) Manual() ([]string, error) {
	return ask(r, askManual, func(h host.Reader) ([]string, error) { return h.Manual() })
}

// Networks are asked for.
func (r *Recorder) Networks(ctx context.Context) ([]host.Network, error) {
	return ask(r, askNetworks, func(h host.Reader) ([]host.Network, error) { return h.Networks(ctx) })
}

// Candidate is asked for.
func (r *Recorder) Candidate(name string) (bool, error) {
	return ask(r, askCandidate(name), func(h host.Reader) (bool, error) { return h.Candidate(name) })
}

// Unit is asked for.
func (r *Recorder) Unit(ctx context.Context, name string) (*host.Unit, error) {
	return ask(r, askUnit(name), func(h host.Reader) (*host.Unit, error) { return h.Unit(ctx, name) })
}

// UnitNames are passed on: a record has all units anyway.
func (r *Recorder) UnitNames(ctx context.Context) ([]string, error) {
	b, ok := r.base.(host.Inventory)
	if !ok {
		return nil, errNoInventory
	}
	return b.UnitNames(ctx)
}

// ImageNames are passed on, and each of the images is asked for.
func (r *Recorder) ImageNames(ctx context.Context) ([]string, error) {
	b, ok := r.base.(host.Inventory)
	if !ok {
		return nil, errNoInventory
	}
	names, err := b.ImageNames(ctx)
	for _, n := range names {
		if _, failed := r.Image(ctx, n); failed != nil && err == nil {
			err = failed
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images = err == nil
	return names, err
}

// Engine is asked for.
func (r *Recorder) Engine(ctx context.Context) (*host.Engine, error) {
	return ask(r, askEngine, func(h host.Reader) (*host.Engine, error) { return h.Engine(ctx) })
}

// Containers are asked for.
func (r *Recorder) Containers(ctx context.Context) ([]host.Container, error) {
	return ask(r, askContainers, func(h host.Reader) ([]host.Container, error) { return h.Containers(ctx) })
}

// Image is asked for.
func (r *Recorder) Image(ctx context.Context, ref string) (*host.Image, error) {
	return ask(r, askImage(ref), func(h host.Reader) (*host.Image, error) { return h.Image(ctx, ref) })
}

// RegistryDigest is passed on: what a registry has is no part of a host.
func (r *Recorder) RegistryDigest(ctx context.Context, ref string) (string, error) {
	return r.base.RegistryDigest(ctx, ref)
}

// Network is asked for.
func (r *Recorder) Network(ctx context.Context, name string) (*host.Network, error) {
	return ask(r, askNetwork(name), func(h host.Reader) (*host.Network, error) { return h.Network(ctx, name) })
}

// Firewall is asked for.
func (r *Recorder) Firewall(ctx context.Context, network string) (*host.Firewall, error) {
	return ask(r, askFirewall(network), func(h host.Reader) (*host.Firewall, error) { return h.Firewall(ctx, network) })
}

// Stat is asked for.
func (r *Recorder) Stat(path string) (*host.Node, error) {
	r.wish(path, fileWish{stat: true})
	return ask(r, askStat(path), func(h host.Reader) (*host.Node, error) { return h.Stat(path) })
}

// ReadFile is asked for.
func (r *Recorder) ReadFile(path string) ([]byte, error) {
	r.wish(path, fileWish{content: true})
	return ask(r, askContent(path), func(h host.Reader) ([]byte, error) { return h.ReadFile(path) })
}

// ReadDir is asked for.
func (r *Recorder) ReadDir(path string) ([]string, error) {
	r.wish(path, fileWish{names: true})
	return ask(r, askNames(path), func(h host.Reader) ([]string, error) { return h.ReadDir(path) })
}

// Unpacked is asked for.
func (r *Recorder) Unpacked(ctx context.Context, name string) ([]host.UnpackedTree, error) {
	return ask(r, askUnpacked(name), func(h host.Reader) ([]host.UnpackedTree, error) { return h.Unpacked(ctx, name) })
}

// ScanTree is asked for.
func (r *Recorder) ScanTree(ctx context.Context, rule host.TreeRule) (*host.TreeScan, error) {
	question, err := askTree(rule)
	if err != nil {
		return nil, err
	}
	r.tree(rule)
	return ask(r, question, func(h host.Reader) (*host.TreeScan, error) { return h.ScanTree(ctx, rule) })
}

// ScanTreeWith is asked for. It cannot be asked again: what was predicted then is
// not known any more.
func (r *Recorder) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	b, ok := r.base.(host.TreeScanner)
	if !ok {
		return nil, errNoScanner
	}
	question, err := askTree(rule)
	if err != nil {
		return nil, err
	}
	r.tree(rule)
	scan, err := b.ScanTreeWith(ctx, rule, predicted)
	r.mu.Lock()
	defer r.mu.Unlock()
	if question += " after earlier changes"; !r.known(question) {
		r.asked[question] = asked{value: cloned(scan), err: err}
		r.order = append(r.order, question)
	}
	return scan, err
}

// Tree has what is below a directory summed up, so that any rule for it can be
// planned.
func (r *Recorder) Tree(dir string) { r.tree(host.TreeRule{Root: dir}) }

// tree has a tree summed up, in the parts that its rule tells apart.
func (r *Recorder) tree(rule host.TreeRule) {
	for _, p := range append([]string{rule.Root}, rule.Prune...) {
		r.mu.Lock()
		r.trees[p] = true
		r.mu.Unlock()
		r.wish(p, fileWish{stat: true})
	}
	for _, p := range rule.Except {
		r.wish(p, fileWish{stat: true})
	}
}

// Check is asked for.
func (r *Recorder) Check(ctx context.Context, c host.Check, content host.Content) error {
	err := r.base.Check(ctx, c, content)
	if bad := r.judged(c, content, "", err); bad != nil {
		return bad
	}
	return err
}

// Evaluate is asked for.
func (r *Recorder) Evaluate(ctx context.Context, c host.Check) (string, error) {
	says, err := r.base.Evaluate(ctx, c)
	if bad := r.judged(c, host.NewContent(nil), says, err); bad != nil {
		return "", bad
	}
	return says, err
}

func (r *Recorder) judged(c host.Check, content host.Content, says string, err error) error {
	key, bad := CheckKey(c, content)
	if bad != nil || errors.Is(err, context.Canceled) {
		return bad
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.verdicts[key]; !known {
		r.verdicts[key] = verdictOf(c, says, err)
	}
	return nil
}
