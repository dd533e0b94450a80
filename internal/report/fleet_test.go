package report_test

import (
	"encoding/json"
	"testing"
	"time"

	"opsafe/internal/render"
	"opsafe/internal/report"
)

// now is when the reports of the tests are made.
func now() time.Time { return time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC) }

// parsed is a document as it comes out of a file that was written just now.
func parsed(tb testing.TB, file string, doc any) *report.Document {
	tb.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := report.Parse(file, data, now())
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return d
}

func made(tb testing.TB, o report.Options, docs ...*report.Document) *report.Report {
	tb.Helper()
	o.Now = now()
	r, err := report.New(docs, o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// planOf is a run on a host: items by what they are.
func planOf(host string, items ...render.Item) render.Document {
	d := render.Document{
		FormatVersion: 1, Command: "plan", Backend: "north", Host: host,
		Changes: []render.Item{}, Unknown: []render.Item{}, NotApplicable: []render.Item{}, Failed: []render.Item{}, Notes: []render.Item{},
	}
	for _, i := range items {
		switch i.Status {
		case "changed":
			d.Changes = append(d.Changes, i)
		case "unknown":
			d.Unknown = append(d.Unknown, i)
		case "failed":
			d.Failed = append(d.Failed, i)
		default:
			d.Notes = append(d.Notes, i)
		}
	}
	d.Summary = render.SummaryDoc{Change: len(d.Changes), Unknown: len(d.Unknown), Failed: len(d.Failed), Unchanged: 40}
	return d
}

func statusOf(host, state string, items ...render.Item) render.StatusDoc {
	since := now().Add(-29 * time.Hour)
	d := render.StatusDoc{
		FormatVersion: 1, Command: "status", Backend: "north", Host: host, Made: now().Add(-time.Hour), State: state, Since: &since,
		Drifted: []render.DriftedDoc{}, Orphans: []render.OrphanDoc{}, Plan: planOf(host, items...),
		LastRun: &render.RunDoc{Run: 4, Command: "manage", By: "bob", Started: now().Add(-72 * time.Hour), Result: "succeeded"},
	}
	for _, i := range items {
		if i.Status == "changed" {
			d.Drifted = append(d.Drifted, render.DriftedDoc{Kind: i.Kind, Name: i.Name, Since: since})
		}
	}
	return d
}

func accessOf(host string, people ...render.Person) render.PeopleDoc {
	return render.PeopleDoc{FormatVersion: 1, Command: "access", Backend: "north", Host: host, Made: now().Add(-time.Hour), People: people}
}

func text(s string) *string { return &s }

func motd() render.Item {
	return render.Item{
		Kind: "file", Name: "/etc/motd", Declared: "backends/north/backend.yaml:12:3", Status: "changed", Action: "change",
		Diff: &render.Diff{Path: "/etc/motd", Before: "Welcome!\n", After: "Ask before you copy anything.\n"},
	}
}

func docker() render.Item {
	return render.Item{Kind: "group", Name: "docker", Status: "changed", Action: "change", Attrs: []render.Attr{{Name: "member", Before: text("mallory")}}}
}

func yes() *bool {
	v := true
	return &v
}

func no() *bool { return new(bool) }

func people(more ...render.Person) []render.Person {
	at := func(may ...string) []render.PathDoc {
		return []render.PathDoc{{Path: "/srv/data", May: may}, {Path: "/srv/data/in", May: may}, {Path: "/srv/out", May: []string{"read", "enter"}}}
	}
	key := []render.WayDoc{{By: "key", Fingerprint: "SHA256:x", Good: "a shell", Shell: true}}
	return append([]render.Person{
		{Name: "alice", Account: true, Login: yes(), Ways: key, Sudo: render.SudoDoc{Everything: true, Free: true}, Paths: at("read", "write", "enter")},
		{Name: "bob", Account: true, Login: yes(), Ways: key, Paths: at()},
		{Name: "everybody", Login: no(), Paths: at()},
	}, more...)
}

// fleet is a host in order, two with the same drift, of which one keeps something to
// itself, and for one of which nobody has asked who may do what.
func fleet(tb testing.TB) []*report.Document {
	tb.Helper()
	unseen := render.Item{Kind: "acl", Name: "/srv/data", Status: "unknown", Reason: "cannot read /srv/data: permission denied"}
	mallory := render.Person{
		Name: "mallory", Account: true, Login: yes(), Groups: []string{"docker"},
		Root: []render.RootDoc{{Group: "docker", Why: "containers of theirs can have the host's files"}},
	}
	// What is declared elsewhere in another backend is still the same change.
	elsewhere := motd()
	elsewhere.Declared = "backends/south/backend.yaml:80:5"
	drifted := statusOf("north2", "drifted", motd(), docker())
	drifted.Orphans = []render.OrphanDoc{{Name: "member/docker/mallory", Sort: "member", What: "mallory is in docker, and on no list"}}
	drifted.Plan.Access = &render.AccessDoc{Turns: []render.TurnDoc{{Names: []string{"mallory"}, Gains: []string{}, Loses: []string{"group docker"}}}}
	return []*report.Document{
		parsed(tb, "north1.json", statusOf("north1", "as declared")),
		parsed(tb, "north1-access.json", accessOf("north1", people()...)),
		parsed(tb, "north2.json", drifted),
		parsed(tb, "north2-access.json", accessOf("north2", people(mallory)...)),
		parsed(tb, "north3.json", statusOf("north3", "drifted", elsewhere, docker(), unseen)),
	}
}
