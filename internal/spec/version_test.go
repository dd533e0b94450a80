package spec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestVersion: an opsafe that is older than a spec wants says that alone, whatever else
// it does not know; another says what is wrong.
func TestVersion(t *testing.T) {
	const (
		unknown = `backends/one/backend.yaml:3:1: unknown field "new": opsafe explain lists the sections`
		older   = "opsafe: this is 1.2.3, and the spec wants %s or later: install the package or the binary of a later release, and try again"
		wrong   = `opsafe: want the oldest version that will do, as in ">= 1.2", got "%s"`
	)
	for _, tc := range []struct{ name, has, wants, want string }{
		{"older", "v1.2.3", ">= 1.3", "backends/one/backend.yaml:2:9: " + fmt.Sprintf(older, "1.3")},
		{"older by its number", "v1.2.3", ">=v1.10.4", "backends/one/backend.yaml:2:9: " + fmt.Sprintf(older, "1.10.4")},
		{"equal", "v1.2.3", ">= 1.2.3", unknown},
		{"newer", "v1.10.0", ">= 1.9", unknown},
		{"before a release", "v1.3.0-rc.1", ">= 1.3", "backends/one/backend.yaml:2:9: opsafe: this is 1.3.0-rc.1, and the spec wants 1.3 or later: install the package or the binary of a later release, and try again"},
		{"no build of a release", "devel", ">= 99", unknown},
		{"between releases", "v1.2.4-0.20260102030405-0123456789ab+dirty", ">= 99", unknown},
		{"no version", "", ">= 99", unknown},
		{"a range", "v1.2.3", ">= 1.2, < 2", "backends/one/backend.yaml:2:9: " + fmt.Sprintf(wrong, ">= 1.2, < 2") + "\n" + unknown},
		{"a bare version", "v1.2.3", "1.2", "backends/one/backend.yaml:2:9: " + fmt.Sprintf(wrong, "1.2") + "\n" + unknown},
		{"a zero in front", "v1.2.3", ">= 1.02", "backends/one/backend.yaml:2:9: " + fmt.Sprintf(wrong, ">= 1.02") + "\n" + unknown},
	} {
		spec := "-- backends/one/backend.yaml --\ndescription: one\nopsafe: '" + tc.wants + "'\nnew: 1\n"
		if got := wrongWith(t, tc.has, spec); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

// TestVersionIncluded: each file of a backend says what it wants; another backend's does
// not count.
func TestVersionIncluded(t *testing.T) {
	const repository = `
-- backends/one/backend.yaml --
include: [../common/base.yaml, ../common/gone.yaml]
opsafe: ">= 1.0"
new: 1
-- backends/common/base.yaml --
people: [nobody]
opsafe: ">= 2"
new: {1: 2}
-- backends/two/backend.yaml --
opsafe: ">= 9"
-- developers.yaml --
alice: {roles: [nobody], new: 1}
`
	want := "backends/common/base.yaml:2:9: opsafe: this is 1.2.3, and the spec wants 2 or later: install the package or the binary of a later release, and try again"
	if got := wrongWith(t, "v1.2.3", repository); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := wrongWith(t, "v2.0.0", repository); strings.Contains(got, "the spec wants") || !strings.Contains(got, "unknown field") {
		t.Errorf("of one that will do there is\n%s", got)
	}
}

func wrongWith(t *testing.T, version, repository string) string {
	t.Helper()
	_, err := Load(LoadOptions{Dir: unpack(t, txtar.Parse([]byte(repository)).Files), Backend: "one", Version: version, Parts: testParts})
	if err == nil {
		return ""
	}
	return err.Error()
}
