package roster_test

import (
	"testing"

	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// TestGitHubOff includes a part whose roles allow registered keys in a backend that
// takes none: they count for the other backend alone.
func TestGitHubOff(t *testing.T) {
	registered := newKey(t)
	repo := load(t, map[string]string{
		"developers.yaml": "alice: {roles: [developers]}\nbob: {roles: [developers]}\n",
		"keys/bob":        newKey(t) + "\n",
		"backends/common.yaml": "people: [developers]\nroles: {developers: {keys: [repository, github]}}\n" +
			"keys: {github: {url: \"https://p.example\", trust: live, mode: live}}\n",
		"backends/a/backend.yaml": "include: [../common.yaml]\nkeys: {github: off}\n",
		"backends/b/backend.yaml": "include: [../common.yaml]\nkeys: {github: {mode: locked, trust: pinned}}\n",
		"keys/github.lock":        "alice:\n  - fingerprint: " + fingerprint(t, registered) + "\n    key: " + registered + "\n",
	})
	for name, want := range map[string]int{"a": 0, "b": 1} {
		b := repo.Backends[name]
		r, err := roster.Resolve(repo, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		sets, err := r.CollectKeys(t.Context(), repo, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := sets["alice"]; len(s.Keys) != want || s.Problem != nil {
			t.Errorf("on %s, alice has %+v", name, s)
		}
		if s := sets["bob"]; len(s.Keys) != 1 || s.Problem != nil {
			t.Errorf("on %s, bob has %+v", name, s)
		}
		if m := r.Member("alice"); m.Uses(spec.FromGitHub) != (want > 0) || !m.ManageKeys {
			t.Errorf("on %s: %+v", name, m)
		}
	}
}
