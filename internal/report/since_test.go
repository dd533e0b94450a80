package report_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/report"
)

// TestCompare: what has changed since an earlier report that was written as JSON.
func TestCompare(t *testing.T) {
	before := made(t, report.Options{},
		parsed(t, "a", statusOf("one", "drifted", motd())), parsed(t, "b", statusOf("two", "drifted", motd())),
		parsed(t, "c", accessOf("one", people()...)), parsed(t, "d", accessOf("two", people()...)), parsed(t, "e", statusOf("gone", "as declared")))
	then, err := report.ParseEarlier([]byte(written(t, "json", before)))
	if err != nil {
		t.Fatal(err)
	}
	promoted := people()
	promoted[1].Sudo.Everything = true
	promoted[1].Paths = promoted[0].Paths
	r := made(t, report.Options{},
		parsed(t, "a", statusOf("one", "as declared")), parsed(t, "b", statusOf("two", "drifted", motd(), docker())),
		parsed(t, "c", accessOf("one", promoted...)), parsed(t, "d", accessOf("two", promoted[:1]...)), parsed(t, "e", statusOf("new", "as declared")))
	r.Compare(then)
	s := r.Since
	if d := cmp.Diff([]report.Moved{{Host: "gone", From: "in order"}, {Host: "new", To: "in order"}, {Host: "one", From: "drifted", To: "in order"}}, s.Hosts); d != "" {
		t.Errorf("hosts (-want +got):\n%s", d)
	}
	if len(s.Came) != 1 || s.Came[0].Item.Name != "docker" || len(s.Gone) != 1 || !slices.Equal(s.Gone[0].Hosts, []string{"one"}) {
		t.Errorf("came %+v, gone %+v", s.Came, s.Gone)
	}
	want := []report.Turn{
		{TurnDoc: render.TurnDoc{Names: []string{"bob"}, Gains: []string{"root by sudo", "read on /srv/data", "write on /srv/data", "enter on /srv/data", "read on /srv/data/in", "write on /srv/data/in", "enter on /srv/data/in"}, Loses: []string{}}, Hosts: []string{"one"}},
		{TurnDoc: render.TurnDoc{Names: []string{"bob"}, Gains: []string{}, Loses: []string{"an account", "login (1 key)", "read on /srv/out", "enter on /srv/out"}}, Hosts: []string{"two"}},
		{TurnDoc: render.TurnDoc{Names: []string{"everybody"}, Gains: []string{}, Loses: []string{"read on /srv/out", "enter on /srv/out"}}, Hosts: []string{"two"}},
	}
	if d := cmp.Diff(want, s.Access); d != "" {
		t.Errorf("people (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"gone", "new"}, s.Uncompared); d != "" {
		t.Errorf("uncompared (-want +got):\n%s", d)
	}
}

// TestCompareWhoGetsIn: what is on no list, by what others get into groups, what cannot be told
// of somebody, and an account that is called as everybody without one.
func TestCompareWhoGetsIn(t *testing.T) {
	alice := render.Person{Name: "alice", Account: true, Login: yes()}
	then := made(t, report.Options{}, parsed(t, "a", statusOf("h", "as declared")), parsed(t, "b", accessOf("h", alice, render.Person{Name: "everybody"})))
	status := statusOf("h", "as declared")
	status.Orphans = []render.OrphanDoc{{Name: "key/mallory", Sort: "key", What: "has keys, and is on no list"}}
	unsure := alice
	unsure.Unknown = []string{"their home cannot be read"}
	access := accessOf("h", unsure, render.Person{Name: "everybody"}, render.Person{Name: "everybody", Account: true, Login: yes()})
	access.OpenGroups = []render.OpenGroupDoc{{Group: "docker", Password: true}}
	r := made(t, report.Options{}, parsed(t, "a", status), parsed(t, "b", access))
	r.Compare(then)
	if s := r.Since; len(s.OrphansCame) != 1 || s.OrphansCame[0].Name != "key/mallory" || len(s.OrphansGone) != 0 {
		t.Errorf("came %+v, gone %+v", s.OrphansCame, s.OrphansGone)
	}
	got := map[string][]string{}
	for _, turn := range r.Since.Access {
		got[turn.Names[0]] = turn.Gains
	}
	if d := cmp.Diff(map[string][]string{
		"alice":                 {"what cannot be told: their home cannot be read"},
		"the account everybody": {"an account", "login"},
		"the group docker":      {"whoever knows its password gets in"},
	}, got); d != "" {
		t.Errorf("who gets in (-want +got):\n%s", d)
	}
	text := written(t, "txt", r)
	if strings.Contains(text, "nothing has changed") || !strings.Contains(text, "On no list now, and not there then") {
		t.Errorf("it says:\n%s", text)
	}
}

// TestCompareUnseen: of hosts that were not looked at both times nothing is said to have
// come or gone, nor of a resource that cannot be seen now.
func TestCompareUnseen(t *testing.T) {
	drifted := func(host string) *report.Document { return parsed(t, host, statusOf(host, "drifted", motd())) }
	only, cut, old := statusOf("h", "as declared"), statusOf("h", "as declared"), statusOf("h", "as declared")
	only.Plan.Only, cut.Plan.Summary.Interrupted = []string{"user"}, true
	old.Made = now().Add(-48 * time.Hour)
	unseen := motd()
	unseen.Status, unseen.Action, unseen.Diff, unseen.Reason = "unknown", "", nil, "no"
	for _, tt := range []struct {
		name       string
		then, now  []*report.Document
		expect     []string
		came, gone int
		unseen     []string
	}{
		{"mended", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", statusOf("h", "as declared"))}, nil, 0, 1, nil},
		{"drifted", []*report.Document{parsed(t, "a", statusOf("h", "as declared"))}, []*report.Document{drifted("h")}, nil, 1, 0, nil},
		{"missing now", []*report.Document{drifted("h")}, nil, []string{"h"}, 0, 0, []string{"h"}},
		{"not given now", []*report.Document{drifted("h")}, nil, nil, 0, 0, []string{"h"}},
		{"access alone now", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", accessOf("h", people()...))}, nil, 0, 0, []string{"h"}},
		{"a part now", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", only)}, nil, 0, 0, []string{"h"}},
		{"interrupted now", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", cut)}, nil, 0, 0, []string{"h"}},
		{"old now", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", old)}, nil, 0, 0, []string{"h"}},
		{"unknown now", []*report.Document{drifted("h")}, []*report.Document{parsed(t, "a", statusOf("h", "unclear", unseen))}, nil, 1, 0, nil},
		{"not there then", nil, []*report.Document{drifted("h")}, nil, 0, 0, []string{"h"}},
		{"a part then", []*report.Document{parsed(t, "a", only)}, []*report.Document{drifted("h")}, nil, 0, 0, []string{"h"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			then, err := report.ParseEarlier([]byte(written(t, "json", made(t, report.Options{}, tt.then...))))
			if err != nil {
				t.Fatal(err)
			}
			r := made(t, report.Options{Old: 24 * time.Hour, Expect: tt.expect}, tt.now...)
			r.Compare(then)
			if s := r.Since; len(s.Came) != tt.came || len(s.Gone) != tt.gone || !slices.Equal(s.Unseen, tt.unseen) {
				t.Errorf("came %+v, gone %+v, unseen %v", s.Came, s.Gone, s.Unseen)
			}
		})
	}
}

// TestCompareAsked: nobody is said to gain or lose what was asked for only once.
func TestCompareAsked(t *testing.T) {
	at := func(paths ...string) []render.PathDoc {
		var out []render.PathDoc
		for _, p := range paths {
			out = append(out, render.PathDoc{Path: p, May: []string{"read"}})
		}
		return out
	}
	doc := func(asked []string, people ...render.Person) *report.Document {
		d := accessOf("h", people...)
		d.Asked = asked
		return parsed(t, "a", d)
	}
	alice := func(paths ...string) render.Person {
		return render.Person{Name: "alice", Account: true, Login: yes(), Paths: at(paths...)}
	}
	bob := render.Person{Name: "bob", Account: true, Login: yes(), Paths: at("/a", "/b")}
	aged := accessOf("h", alice("/a"))
	aged.Made = now().Add(-48 * time.Hour)
	for _, tt := range []struct {
		name       string
		then, now  *report.Document
		turns      []render.TurnDoc
		uncompared bool
	}{
		{"fewer accounts", doc(nil, alice("/a"), bob), doc([]string{"alice"}, alice("/a")), nil, true},
		{"the same accounts in another order", doc([]string{"alice", "bob"}, alice("/a"), bob), doc([]string{"bob", "alice"}, bob, alice("/a")), nil, false},
		{"old", doc(nil, alice("/a"), bob), parsed(t, "a", aged), nil, true},
		{"fewer paths", doc(nil, alice("/a", "/b")), doc(nil, alice("/b")), nil, false},
		{"other paths", doc(nil, alice("/a")), doc(nil, alice("/b")), nil, false},
		{"a path that is in their home by now", doc(nil, alice("/a", "/b"), bob), doc(nil, alice("/a"), bob), nil, false},
		{"a newcomer", doc(nil, alice("/a")), doc(nil, alice("/a"), bob), []render.TurnDoc{{Names: []string{"bob"}, Gains: []string{"an account", "login", "read on /a"}, Loses: []string{}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := made(t, report.Options{Old: 24 * time.Hour}, tt.now)
			r.Compare(made(t, report.Options{Old: 24 * time.Hour}, tt.then))
			var turns []render.TurnDoc
			for _, turn := range r.Since.Access {
				turns = append(turns, turn.TurnDoc)
			}
			if d := cmp.Diff(tt.turns, turns); d != "" || (len(r.Since.Uncompared) > 0) != tt.uncompared {
				t.Errorf("uncompared %v, turns (-want +got):\n%s", r.Since.Uncompared, d)
			}
		})
	}
}
