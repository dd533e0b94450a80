package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/report"
)

var update = flag.Bool("update", false, "write the pages in testdata anew")

// formats are the ways to write a report, by the ends of their files' names.
func formats() map[string]func(io.Writer, *report.Report) error {
	return map[string]func(io.Writer, *report.Report) error{
		"txt":  func(w io.Writer, r *report.Report) error { return report.WriteText(w, r, render.Style{}) },
		"md":   report.WriteMarkdown,
		"html": report.WriteHTML,
		"json": func(w io.Writer, r *report.Report) error { return render.WriteJSON(w, r) },
	}
}

func written(tb testing.TB, format string, r *report.Report) string {
	tb.Helper()
	var b bytes.Buffer
	if err := formats()[format](&b, r); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// TestPages compares the pages of a small fleet with those that were looked at.
func TestPages(t *testing.T) {
	r := made(t, report.Options{Old: 24 * time.Hour, Expect: []string{"north1", "north4"}}, fleet(t)...)
	r.Compare(made(t, report.Options{}, append(fleet(t)[:2], parsed(t, "a", statusOf("north2", "drifted", motd())), parsed(t, "b", accessOf("north2", people()...)))...))
	for format := range formats() {
		at := filepath.Join("testdata", "fleet."+format)
		got := written(t, format, r)
		if *update {
			if err := os.WriteFile(at, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-want +got):\n%s", at, d)
		}
	}
}

func stateOf(r *report.Report, host string) report.Host {
	for _, h := range r.Hosts {
		if h.Name == host {
			return h
		}
	}
	return report.Host{}
}

// TestSameOnce: what is the same on two hosts is one finding, wherever it is declared.
func TestSameOnce(t *testing.T) {
	r := made(t, report.Options{}, fleet(t)...)
	for _, f := range r.Findings {
		if want := []string{"north2", "north3"}; f.Item.Status == "changed" && !slices.Equal(f.Hosts, want) {
			t.Errorf("%s/%s is on %v, not on %v", f.Item.Kind, f.Item.Name, f.Hosts, want)
		}
	}
	if len(r.Findings) != 3 || len(r.Access) != 2 {
		t.Errorf("%d findings, %d tables of people", len(r.Findings), len(r.Access))
	}
}

// TestLacking: each host of which a document is missing is named.
func TestLacking(t *testing.T) {
	r := made(t, report.Options{Expect: []string{"north4"}}, fleet(t)...)
	for host, want := range map[string][]string{"north1": nil, "north2": nil, "north3": {"access"}, "north4": {"status or plan", "access"}} {
		if d := cmp.Diff(want, stateOf(r, host).Lacks); d != "" {
			t.Errorf("%s (-want +got):\n%s", host, d)
		}
	}
}

// TestMarkdownFits: of a large fleet, a comment shows what it can, and says so.
func TestMarkdownFits(t *testing.T) {
	r := made(t, report.Options{}, large(t, 300, 60)...)
	got := written(t, "md", r)
	if len(got) > 65_000 || !strings.Contains(got, "**Left out**") || !strings.Contains(got, "Hosts</b>: 300") {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
}

// TestMarkdownFitsOneHuge: neither a single text that is larger than a comment, nor
// hosts on none of which people may do the same, make it larger.
func TestMarkdownFitsOneHuge(t *testing.T) {
	docs := fleet(t)
	huge := render.Item{Kind: "package", Name: "x", Status: "failed", Error: strings.Repeat("all of it ", 10_000)}
	docs = append(docs, parsed(t, "huge", planOf("huge", huge)))
	got := written(t, "md", made(t, report.Options{}, docs...))
	if len(got) > 65_000 || !strings.Contains(got, "north3") || !strings.Contains(got, "all of it …") {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
	for i := range 400 {
		host := fmt.Sprintf("own%d", i)
		docs = append(docs, parsed(t, host, accessOf(host, people(render.Person{Name: host, Account: true, Login: yes()})...)))
	}
	got = written(t, "md", made(t, report.Options{}, docs...))
	if len(got) > 65_000 || !strings.Contains(got, "more tables") || strings.Count(got, "<details") < strings.Count(got, "</details>") {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
}

// large are hosts with so many changes each: most are the same on all of them.
func large(tb testing.TB, hosts, changes int) []*report.Document {
	tb.Helper()
	var docs []*report.Document
	for h := range hosts {
		host := fmt.Sprintf("host%03d", h)
		items := make([]render.Item, changes)
		for i := range items {
			items[i] = motd()
			items[i].Name = fmt.Sprintf("/etc/file%d", i)
			if i%10 == 0 {
				items[i].Name += host
			}
		}
		docs = append(docs, parsed(tb, host, statusOf(host, "drifted", items...)), parsed(tb, host+"-access", accessOf(host, people()...)))
	}
	return docs
}

func BenchmarkReport(b *testing.B) {
	var files [][]byte
	for _, d := range large(b, 500, 60) {
		var doc any = d.Status
		if d.Access != nil {
			doc = d.Access
		}
		data, err := json.Marshal(doc)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, data)
	}
	for b.Loop() {
		var docs []*report.Document
		for _, data := range files {
			d, err := report.Parse("f", data, now())
			if err != nil {
				b.Fatal(err)
			}
			docs = append(docs, d)
		}
		if r := made(b, report.Options{}, docs...); written(b, "html", r) == "" {
			b.Fatal("no page")
		}
	}
}
