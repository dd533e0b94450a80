package workload

import (
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// The workload is that of the comparison with other tools: its size is what
// makes the numbers comparable.
func TestWorkload(t *testing.T) {
	const people = 20
	s, err := New(people)
	if err != nil {
		t.Fatal(err)
	}
	got := [...]int{len(s.People), len(s.Groups), len(s.Dirs), len(s.ACLs), len(s.Files) + 1, len(s.Packages), len(s.Units), len(s.Enabled), len(s.Running)}
	if want := [...]int{people, 3, 12, 4, 10, 8, 5, 8, 5}; got != want {
		t.Errorf("people, groups, directories, ACLs, files, packages, units, enabled, running: got %v, want %v", got, want)
	}
	dir := t.TempDir()
	if err := s.WriteSpec(dir); err != nil {
		t.Fatal(err)
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Backend(Backend); err != nil || len(repo.People) != people || len(repo.KeyFiles) != people {
		t.Errorf("got %d people with %d key files, %v", len(repo.People), len(repo.KeyFiles), err)
	}
}

func TestTreeSpec(t *testing.T) {
	dir := t.TempDir()
	if err := WriteTreeSpec(dir); err != nil {
		t.Fatal(err)
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := repo.Backend(Backend); err != nil || b.Directories[Tree] == nil || b.ACLs[Tree] == nil {
		t.Errorf("the tree is not declared: %+v, %v", b, err)
	}
}
