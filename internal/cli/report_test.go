package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kept is a file with the document that a command writes.
func (w *world) kept(args ...string) string {
	w.t.Helper()
	w.run(append(args, "--format", "json")...)
	name := filepath.Join(w.t.TempDir(), args[0]+".json")
	if err := os.WriteFile(name, w.out.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	// Plans do not say when they were made: it is when their files were written.
	if err := os.Chtimes(name, w.app.Now(), w.app.Now()); err != nil {
		w.t.Fatal(err)
	}
	return name
}

// TestReport makes a report of what the commands themselves write, before and after
// manage.
func TestReport(t *testing.T) {
	w := newWorld(t, repository)
	plan, status, access := w.kept("plan", "--backend", "one"), w.kept("status", "--backend", "one"), w.kept("access", "--backend", "one")
	w.want(0, []string{"1 host · 1 drifted", "/etc/a", "everybody"}, nil, "report", plan, status, access)
	w.untouched()
	w.want(0, []string{"1 drifted · 1 cannot be told", "missing · Hosts: elsewhere"}, nil, "report", "--expect", "elsewhere", status, access)

	first := filepath.Join(t.TempDir(), "first.json")
	w.want(0, nil, nil, "report", "--format", "json", "--out", first, status, access)
	if st, err := os.Stat(first); err != nil || st.Mode().Perm() != 0o600 || w.out.Len() > 0 {
		t.Errorf("%v, %v, and written besides: %q", st, err, w.out.String())
	}
	w.want(0, nil, nil, "manage", "--backend", "one", "--allow-locking-out-every-admin")
	status, access = w.kept("status", "--backend", "one"), w.kept("access", "--backend", "one")
	w.want(0, []string{"1 host · 1 in order", "drifted", "/etc/b"}, nil, "report", "--since", first, status, access)
	w.run("report", "--since", first, "--format", "json", status, access)
	since := w.document()["since"].(map[string]any) // which keeps to the schema
	if gone := since["gone"].([]any); len(gone) != 3 {
		t.Errorf("%d are no more: %v", len(gone), gone)
	}

	later := w.app.Now().Add(25 * time.Hour)
	w.app.Now = func() time.Time { return later }
	w.want(0, []string{"1 old", "was in order"}, nil, "report", status, access)
	w.want(0, []string{"1 in order"}, nil, "report", "--max-age", "0s", status, access)
}

// TestReportRefuses: all that is wrong with the files is said at once, and nothing is
// written.
func TestReportRefuses(t *testing.T) {
	w := newWorld(t, repository)
	plan := w.kept("plan", "--backend", "one")
	dir := t.TempDir()
	write := func(name, content string) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	data, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	doc["format_version"] = 2
	newer, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.html")
	files := []string{
		plan, write("again\x1b[2J.json", string(data)), write("half.json", string(data[:100])), write("empty.json", ""),
		write("newer.json", string(newer)), w.kept("version"), filepath.Join(dir, "none.json"), dir,
	}
	w.want(1, nil, []string{
		"cannot make a report", "again�[2J.json: it is of plan host, and so is", "half.json: it is cut off after 100 bytes", "empty.json: it is empty",
		"newer.json: it has format_version 2", "version.json: it is no document of opsafe's", "none.json: no such file", dir + ": is a directory", "--since " + plan,
	}, append([]string{"report", "--format", "html", "--out", out, "--since", plan}, files...)...)
	if w.out.Len() > 0 {
		t.Errorf("it wrote %q", w.out.String())
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a page")
	}
	if n := strings.Count(w.err.String(), "\n"); n != 9 {
		t.Errorf("%d lines of what is wrong:\n%s", n, w.err.String())
	}
	w.want(1, nil, []string{"--max-age"}, "report", "--max-age", "-1s", plan)
	w.want(1, nil, nil, "report")
}

// TestReportHelp: the words say what is taken for granted, and what an age looks like.
func TestReportHelp(t *testing.T) {
	w := newWorld(t, repository)
	w.want(0, []string{"within this TIME, such as 2m\n"}, nil, "manage", "--help")
	w.want(0, []string{"these HOSTS, with commas or repeated", "such as 720h, as unknown; 0: none is too old (default a day)\n"}, nil, "report", "--help")
	if strings.Contains(w.out.String(), "(default [])") || strings.Contains(w.out.String(), "24h0m0s") {
		t.Errorf("it has defaults that nobody understands:\n%s", w.out.String())
	}
}
