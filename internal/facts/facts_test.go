package facts_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opsafe/internal/facts"
	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// sample is a record of a host with something of each sort.
func sample(t testing.TB) []byte {
	t.Helper()
	bare := snapshot.Bare("bookworm")
	bare.Candidates = map[string]bool{"tree": true}
	bare.Engine = &host.Engine{Version: "20.10", APIVersion: "1.41"}
	bare.Networks = []host.Network{{Name: "n", Driver: "bridge", Options: map[string]string{"a": "b"}}}
	bare.Programs = map[string]string{"visudo": "BAD"}
	rec := snapshot.NewRecorder(snapshot.New(bare), host.Secrecy{Paths: map[string]bool{"/etc/hosts": true}})
	mode := host.Mode(0o600)
	if _, err := rec.ScanTree(t.Context(), host.TreeRule{Root: "/etc/skel", FileMode: &mode}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/etc/hosts", "/bin/sh", "/etc/sudoers", "/nothing/here"} {
		if _, err := rec.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := rec.Check(t.Context(), host.Check{Argv: []string{"visudo", "%"}}, host.NewContent([]byte("BAD"))); err == nil {
		t.Fatal("visudo takes it")
	}
	_, _ = rec.Evaluate(t.Context(), host.Check{Argv: []string{"sshd", "-T"}})
	_, _ = rec.ReadDir("/etc")
	_, _ = rec.Candidate("tree")
	state, err := rec.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := facts.File{
		Opsafe: "devel", Recorded: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Host: &state,
		Coverage: facts.Coverage{Backends: []string{"one"}, Root: true},
	}
	data, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	data := sample(t)
	if !bytes.HasPrefix(data, []byte("{\n \"format_version\": 1,\n \"opsafe\"")) {
		t.Errorf("it begins with %.60s", data)
	}
	f, err := facts.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Errorf("written again it differs:\n%s\n%s", data, again)
	}
	r := snapshot.New(*f.Host)
	if _, err := r.ReadFile("/etc/hosts"); host.Redacted(err) == nil || host.Redacted(err).Digest != host.SecretDigest("/etc/hosts", []byte("127.0.0.1\tlocalhost\n")) {
		t.Errorf("the secret is answered with %v", err)
	}
	if b, err := r.ReadFile("/etc/sudoers"); err != nil || !strings.Contains(string(b), "@includedir") {
		t.Errorf("/etc/sudoers: %q %v", b, err)
	}
	for p, unknown := range map[string]bool{"/etc/nothing": false, "/usr/lib/x": true, "/nothing/there": false} {
		if n, err := r.Stat(p); n != nil || host.IsUnknown(err) != unknown {
			t.Errorf("Stat(%s) = %v, %v: want unknown %v", p, n, err, unknown)
		}
	}
	if err := r.Check(t.Context(), host.Check{Argv: []string{"visudo", "%"}}, host.NewContent([]byte("BAD"))); err == nil || host.IsUnknown(err) {
		t.Errorf("the recorded verdict is %v", err)
	}
	if err := r.Check(t.Context(), host.Check{Argv: []string{"visudo", "%"}}, host.NewContent([]byte("new"))); !host.IsUnknown(err) || len(r.Unjudged()) != 1 {
		t.Errorf("a verdict that was not recorded is %v, %v", err, r.Unjudged())
	}
}

// TestParseRefuses gives it what no opsafe writes.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := string(sample(t))
	for name, change := range map[string][2]string{
		"another version":        {`"format_version": 1`, `"format_version": 2`},
		"a field that it lacks":  {`"opsafe"`, `"colour": 1, "opsafe"`},
		"a field of the host":    {`"users": [`, `"colour": 1, "users": [`},
		"an escape":              {`"hostname": "host"`, `"hostname": "\u001b[2J"`},
		"no path":                {`"/etc/sudoers"`, `"etc/sudoers"`},
		"a way out":              {`"/etc/sudoers"`, `"/etc/../sudoers"`},
		"a mode":                 {`"mode": "0755"`, `"mode": "9755"`},
		"another type":           {`"type": "directory"`, `"type": "hole"`},
		"a count below the list": {`"count": 3`, `"count": 0`},
		"a name with a slash":    {`"hosts"`, `"ho/sts"`},
		"something behind it":    {"\n}\n", "\n}\n{}"},
		"no host":                {`"host": {`, `"host": null, "x": {`},
		"half of it":             {good[len(good)/2:], ""},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: nothing is changed", name)
		}
		if _, err := facts.Parse([]byte(bad)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, facts.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for path, word := range map[string]string{dir: "regular", filepath.Join(dir, "none"): "no such file", large: "larger than"} {
		if _, err := facts.Read(path); err == nil || !strings.Contains(fmt.Sprint(err), word) {
			t.Errorf("Read(%s): %v", path, err)
		}
	}
}

// FuzzParse reads anything, and asks what could be read all sorts of questions:
// each has to end.
func FuzzParse(f *testing.F) {
	good := sample(f)
	f.Add(good)
	f.Add(bytes.Replace(good, []byte(`"target": "usr/bin"`), []byte(`"target": "/bin/x"`), 1))
	f.Add([]byte(`{"format_version":1,"host":{"version":1,"files":{"/":{"type":"directory"},"/a":{"type":"symlink","target":"/a/b"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := facts.Parse(data)
		if err != nil {
			return
		}
		again, err := file.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := facts.Parse(again); err != nil {
			t.Fatalf("what is written cannot be read: %v\n%s", err, again)
		}
		r := snapshot.New(*file.Host)
		mode := host.Mode(0o640)
		for _, p := range []string{"/", "/a/b/c", "/bin/sh", "/etc/hosts", "/etc/skel"} {
			_, _ = r.Stat(p)
			_, _ = r.ReadFile(p)
			_, _ = r.ReadDir(p)
			scan, err := r.ScanTree(t.Context(), host.TreeRule{Root: p, Owner: "root", FileMode: &mode, Prune: []string{p + "/x"}})
			if err == nil && scan != nil && (scan.Differ > scan.Total || len(scan.First) > host.MaxTreeDiffs) {
				t.Fatalf("scan of %s: %+v", p, scan)
			}
		}
		for _, name := range []string{"root", "ssh.service", "docker", "x"} {
			_, _ = r.User(name)
			_, _ = r.Group(name)
			_, _ = r.Password(name)
			_, _ = r.Package(name)
			_, _ = r.Candidate(name)
			_, _ = r.Unit(t.Context(), name)
			_, _ = r.Network(t.Context(), name)
		}
	})
}
