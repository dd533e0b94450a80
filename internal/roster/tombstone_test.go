package roster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/notes"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

func TestTombstoneRoundTrip(t *testing.T) {
	want := roster.Tombstone{
		FormatVersion: 1, Name: "alice", Since: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), By: "bob (sudo)", Backend: "tpp",
		Groups: []string{"docker", "sudo"}, Shell: "/bin/bash", Keys: []string{"SHA256:x"}, Expires: -1,
	}
	data, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"since": "2026-03-04T05:06:07Z"`) || !strings.HasSuffix(string(data), "}\n") {
		t.Errorf("%s", data)
	}
	if diff := cmp.Diff(want, roster.ParseTombstone("alice", data)); diff != "" {
		t.Error(diff)
	}
}

func TestReadTombstones(t *testing.T) {
	good, err := roster.Tombstone{Name: "alice", By: "bob"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p := roster.TombstonePath
	f := files{
		dirs: map[string][]string{notes.Disabled: {".tmp123", "alice", "blocked", "empty", "gone", "newer", "other", "two"}},
		content: map[string]string{
			p("alice"): string(good), p("empty"): "", p("other"): string(good), p("two"): string(good) + "{}",
			p("newer"): `{"format_version":2,"name":"newer","by":"x"}`,
		},
		err: map[string]error{p("blocked"): &host.UnknownError{What: p("blocked"), Why: "permission denied"}},
	}
	got, err := roster.ReadTombstones(f)
	if err != nil || len(got) != 7 {
		t.Fatalf("%v, %v", got, err)
	}
	for name, note := range map[string]string{"alice": "", "blocked": "permission denied", "empty": "not the JSON", "gone": "going away", "newer": "newer", "other": `"alice"`, "two": "more than one"} {
		if ts := got[name]; ts.Name != name || !strings.Contains(ts.Note, note) || (ts.Note == "") != (note == "") {
			t.Errorf("%s: %+v", name, ts)
		}
	}
	if got, err := roster.ReadTombstones(files{}); err != nil || len(got) != 0 {
		t.Errorf("without the directory: %v, %v", got, err)
	}
	for _, cause := range []error{&host.UnknownError{What: "x", Why: "permission denied"}, errors.New("input/output error")} {
		_, err := roster.ReadTombstones(files{err: map[string]error{notes.Disabled: cause}})
		mustContain(t, err, "who is disabled")
		if !errors.Is(err, cause) {
			t.Errorf("%v does not wrap its cause", err)
		}
	}
}

func TestListed(t *testing.T) {
	no := false
	hers := newKey(t)
	b := backend(nil, nil)
	b.Users = map[string]*spec.User{"alice": {Item: item(30)}, "alice2": {Item: item(31)}}
	b.AuthorizedKeys = map[string]*spec.AuthorizedKeys{
		"alice":  {Item: item(40)},
		"deploy": {Item: item(41), People: []string{"bob", "alice"}},
		"other":  {Item: item(42), From: []string{"../../keys/alice"}},
		"inline": {Item: item(43), Keys: []string{newKey(t), hers + " x"}},
	}
	b.ACLs = map[string]*spec.ACL{"/srv": {Item: item(50), Default: []string{"group:alice:r", "user:alice:rX"}}, "/opt": {Item: item(51), Access: []string{"user:alice2:r"}}}
	twin := *b
	twin.Name = "twin" // the same items, included
	off := backend(nil, nil)
	off.Name = "off"
	off.Users = map[string]*spec.User{"alice": {Item: item(60)}}
	off.Users["alice"].Managed = &no
	repo := repository(b, person("alice2", 1), person("alice", 2))
	repo.Backends["twin"], repo.Backends["off"] = &twin, off
	repo.KeyFiles = map[string][]byte{"alice": []byte(hers), "bob": []byte("\n" + hers)}
	want := "[backends/tpp/backend.yaml:30:5 backends/tpp/backend.yaml:40:5 backends/tpp/backend.yaml:41:5 " +
		"backends/tpp/backend.yaml:42:5 backends/tpp/backend.yaml:50:5 developers.yaml:2:3 keys/alice]"
	if got := fmt.Sprint(roster.Listed(repo, "alice")); got != want {
		t.Errorf("listed at\n%s, want\n%s", got, want)
	}
	want = "[backends/tpp/backend.yaml:42:5 backends/tpp/backend.yaml:43:5]"
	if got := fmt.Sprint(roster.ListedKeys(repo, b, []string{fingerprint(t, hers)})); got != want {
		t.Errorf("keys listed at\n%s, want\n%s", got, want)
	}
	if got := roster.KeysOfOthers(repo, "alice"); len(got) != 1 || got[fingerprint(t, hers)] != "keys/bob:2" {
		t.Errorf("keys of others: %v", got)
	}
	if got := roster.KeysOf(repo, "alice"); len(got) != 1 || got[0] != fingerprint(t, hers) {
		t.Errorf("keys of alice: %v", got)
	}
	want = "[backends/tpp/backend.yaml:60:5]"
	off.Users["alice"].Managed = nil
	if got := fmt.Sprint(roster.ListedHere(repo, off, "alice")); got != want {
		t.Errorf("a backend gives by\n%s, want\n%s", got, want)
	}
}

// TestListedPins: a pin is a place where somebody, or a key of theirs, is listed.
func TestListedPins(t *testing.T) {
	hers := newKey(t)
	repo := load(t, map[string]string{
		"developers.yaml": "bob: {roles: []}\n", "backends/one/backend.yaml": one("", "https://one.example"),
		spec.LockFile: pins(t, "alice", hers) + pins(t, "bob", newKey(t), hers),
	})
	if got := fmt.Sprint(roster.Listed(repo, "alice")); got != "[keys/github.lock:1:1]" {
		t.Errorf("listed at %s", got)
	}
	if got := roster.KeysOfOthers(repo, "alice")[fingerprint(t, hers)]; got != "keys/github.lock:8:10" {
		t.Errorf("keys listed at %s", got)
	}
}
