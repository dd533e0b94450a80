package converge_test

import (
	"context"
	"testing"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// TestVerifyOnce: what was looked at after the last step is not looked at again.
func TestVerifyOnce(t *testing.T) {
	looks := map[string]int{}
	counted := func(res kind.Resource) kind.Resource {
		look := res.Looker
		res.Looker = lookFunc(func(ctx context.Context, r host.Reader) (change.Change, error) {
			looks[res.ID.Name]++
			return look.Look(ctx, r)
		})
		return res
	}
	h := newHost(t, "files: {/etc/c: {content: '1'}}")
	run(context.Background(), h, files(counted(file("/etc/a", "1", nil)), counted(file("/etc/b", "1", nil)), counted(file("/etc/c", "1", nil))))
	for path, want := range map[string]int{"/etc/a": 3, "/etc/b": 2, "/etc/c": 1} {
		if looks[path] != want {
			t.Errorf("%s was looked at %d times, want %d", path, looks[path], want)
		}
	}
}
