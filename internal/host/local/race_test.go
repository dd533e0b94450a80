package local

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// raceRounds is how many steps are raced in all: make soak asks for more.
func raceRounds(t *testing.T) int {
	t.Helper()
	s := os.Getenv("OPSAFE_RACE_ROUNDS")
	if s == "" {
		return 3000
	}
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// An arena is a directory of mallory's, another of root's that she is after, and
// a third, private to root, from which her things are laid out anew.
type arena struct {
	t                   *testing.T
	h                   *Host
	mine, victim, stock string
	before              map[string]string
}

func newArena(t *testing.T) *arena {
	t.Helper()
	h, dir := newTestHost(t)
	a := &arena{t: t, h: h, mine: dir + "/mine", victim: dir + "/victim", stock: dir + "/stock"}
	for p := dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		must(t, os.Chmod(p, 0o755))
	}
	must(t, os.Mkdir(a.mine, 0o755))
	must(t, os.Chown(a.mine, mallory, mallory))
	must(t, os.Mkdir(a.stock, 0o700))
	acl := host.ACLRule{Access: []host.Entry{{Tag: host.TagUser, Name: "daemon", Perm: 4}}}.Apply(host.AccessOf(0o600), false)
	for _, d := range []string{"", "/.ssh", "/sub"} {
		must(t, os.Mkdir(a.victim+d, 0o755))
		for _, f := range []string{"authorized_keys", "file", "id", "id.pub"} {
			must(t, os.WriteFile(a.victim+d+"/"+f, []byte("root's"), 0o600))
			do(t, h, host.SetAccess{Path: a.victim + d + "/" + f, Access: acl})
		}
	}
	must(t, os.WriteFile(a.victim+"/hard", []byte("root's"), 0o600))
	a.before = a.look()
	return a
}

// look describes all that is root's. The time of the last change tells of each
// change that has been undone again, but for the file that mallory has a name
// of: renaming counts as a change.
func (a *arena) look() map[string]string {
	a.t.Helper()
	all := map[string]string{}
	must(a.t, filepath.WalkDir(a.victim, func(p string, _ os.DirEntry, err error) error {
		must(a.t, err)
		var st unix.Stat_t
		must(a.t, unix.Lstat(p, &st))
		n, err := a.h.Stat(p)
		must(a.t, err)
		s := fmt.Sprintf("%s %s %s %+v", n.Type, n.Owner, n.Group, n.Access)
		if p != a.victim+"/hard" {
			s += fmt.Sprintf(" links %d changed %d.%d", st.Nlink, st.Ctim.Sec, st.Ctim.Nsec)
		}
		if n.Type == host.TypeFile {
			data, err := os.ReadFile(p)
			must(a.t, err)
			s += " " + string(data)
		}
		all[p] = s
		return nil
	}))
	return all
}

// damage says what of root's is not as it was.
func (a *arena) damage() []string {
	a.t.Helper()
	now := a.look()
	var out []string
	for p := range now {
		if a.before[p] != now[p] {
			out = append(out, fmt.Sprintf("%s was %q, is %q", p, a.before[p], now[p]))
		}
	}
	for p := range a.before {
		if _, ok := now[p]; !ok {
			out = append(out, p+" has gone")
		}
	}
	return out
}

// An attack is what mallory does while steps are done in her directory.
type attack struct {
	// lay makes her things, in a directory where nobody disturbs; they are then
	// moved into hers.
	lay func(dir string)
	// refuses says that there is something in it that is always refused.
	refuses bool
	// strike exchanges things once and returns how many times she managed to.
	strike func(mine string) int
	steps  func(mine string) []host.Step
}

// exchanger strikes by exchanging names pair by pair, relative to her directory.
func exchanger(pairs ...[2]string) func(string) int {
	return func(mine string) int {
		n := 0
		for _, p := range pairs {
			if unix.Renameat2(unix.AT_FDCWD, mine+"/"+p[0], unix.AT_FDCWD, mine+"/"+p[1], unix.RENAME_EXCHANGE) == nil {
				n++
			}
		}
		return n
	}
}

// layOut puts her things where they were at first.
func (a *arena) layOut(lay func(string)) {
	old, err := os.ReadDir(a.mine)
	must(a.t, err)
	lay(a.stock)
	fresh, err := os.ReadDir(a.stock)
	must(a.t, err)
	for _, e := range slices.Concat(old, fresh) {
		_ = os.RemoveAll(a.mine + "/" + e.Name()) // she goes on meanwhile
	}
	for _, e := range fresh {
		_ = os.Rename(a.stock+"/"+e.Name(), a.mine+"/"+e.Name())
		must(a.t, os.RemoveAll(a.stock+"/"+e.Name()))
	}
}

// asMallory strikes again and again, with mallory's rights, until stopped.
func (a *arena) asMallory(strike func(string) int) (exchanged *atomic.Int64, stop func()) {
	exchanged = new(atomic.Int64)
	ended, begun := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		onOwnThread(func() {
			if err := mallorysRights(); err != nil {
				a.t.Error(err)
				close(begun)
				return
			}
			for first := true; ; {
				if n := strike(a.mine); n > 0 {
					exchanged.Add(int64(n))
					if first {
						close(begun)
						first = false
					}
				}
				select {
				case <-ended:
					if first {
						close(begun)
					}
					return
				default:
				}
			}
		})
	})
	return exchanged, func() {
		close(ended)
		wg.Wait()
		<-begun
	}
}

func mallorysRights() error {
	if err := unix.Setfsgid(mallory); err != nil {
		return err
	}
	return unix.Setfsuid(mallory)
}

// tally counts what became of the steps of one kind.
type tally struct{ done, refused int }

// fight races steps against an attack, at least so many rounds.
func (a *arena) fight(k attack, rounds int) (map[string]*tally, int64) {
	a.layOut(k.lay)
	tallies := map[string]*tally{}
	exchanged, stop := a.asMallory(k.strike)
	for n := 0; n < rounds; {
		for _, s := range k.steps(a.mine) {
			name := strings.TrimPrefix(fmt.Sprintf("%T", s), "host.")
			if tallies[name] == nil {
				tallies[name] = &tally{}
			}
			if a.h.Do(context.Background(), s) == nil {
				tallies[name].done++
			} else {
				tallies[name].refused++
			}
			n++
		}
		if found := a.damage(); len(found) > 0 {
			a.t.Errorf("damage after %d rounds:\n%s", n, strings.Join(found, "\n"))
			break
		}
		a.layOut(k.lay)
	}
	stop()
	return tallies, exchanged.Load()
}

// TestRace does every step on files many times while mallory exchanges what they
// find on their way for links, hard links and other directories, as fast as the
// kernel can. What is root's stays as it is.
func TestRace(t *testing.T) {
	rounds := raceRounds(t)
	attacks := attacks()
	total := map[string]*tally{}
	var all, exchanges int64
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		t.Run(name, func(t *testing.T) {
			a := newArena(t)
			k := attacks[name](a.victim)
			tallies, exchanged := a.fight(k, (rounds+len(attacks)-1)/len(attacks))
			if exchanged == 0 {
				t.Error("mallory exchanged nothing: the race proves nothing")
			}
			done, n := 0, 0
			for step, c := range tallies {
				if total[step] == nil {
					total[step] = &tally{}
				}
				total[step].done += c.done
				total[step].refused += c.refused
				done, n = done+c.done, n+c.done+c.refused
			}
			if done == 0 || done == n && k.refuses {
				t.Errorf("of %d steps, %d were done: the race proves nothing", n, done)
			}
			t.Logf("%-12s %6d rounds: %6d done, %6d refused; %8d exchanges", name, n, done, n-done, exchanged)
			all, exchanges = all+int64(n), exchanges+exchanged
		})
	}
	for _, step := range slices.Sorted(maps.Keys(total)) {
		c := total[step]
		t.Logf("%-12s %6d rounds: %6d done, %6d refused", step, c.done+c.refused, c.done, c.refused)
	}
	damaged := "nothing of root's damaged"
	if t.Failed() {
		damaged = "see above"
	}
	t.Logf("in all %d rounds, %d exchanges, %s", all, exchanges, damaged)
}

// TestRaceIsReal lets a program that looks first and then follows the path lose
// the same race: otherwise it would prove nothing.
func TestRaceIsReal(t *testing.T) {
	a := newArena(t)
	k := sshDirectory(a.victim)
	a.layOut(k.lay)
	exchanged, stop := a.asMallory(k.strike)
	const enough = 1_000_000
	rounds := 0
	for ; rounds < enough && a.damageOf("/authorized_keys") == ""; rounds++ {
		var st unix.Stat_t
		if unix.Lstat(a.mine+"/.ssh", &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			_ = os.Lchown(a.mine+"/.ssh/authorized_keys", mallory, mallory)
		}
	}
	stop()
	if rounds == enough {
		t.Errorf("in %d rounds with %d exchanges, nothing was lost", rounds, exchanged.Load())
	}
	t.Logf("looking first, then following the path: lost after %d rounds", rounds)
}

// damageOf says whether the owner of a file of root's is another.
func (a *arena) damageOf(name string) string {
	var st unix.Stat_t
	must(a.t, unix.Lstat(a.victim+name, &st))
	if st.Uid == 0 {
		return ""
	}
	return fmt.Sprintf("it belongs to %d", st.Uid)
}
