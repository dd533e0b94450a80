package host_test

import (
	"testing"

	"opsafe/internal/host"
)

// TestExposed: whoever can write what is on the way to a program, also behind a link, or
// the program, is found.
func TestExposed(t *testing.T) {
	t.Parallel()
	node := func(kind host.NodeType, owner string, mode host.Mode) *host.Node {
		return &host.Node{Type: kind, Owner: owner, Access: host.AccessOf(mode)}
	}
	link := func(to string) *host.Node { return &host.Node{Type: host.TypeSymlink, Owner: "root", Target: to} }
	dir := node(host.TypeDir, "root", 0o755)
	there := map[string]*host.Node{
		"/": dir, "/opt": dir, "/opt/tool": dir, "/opt/open": node(host.TypeDir, "root", 0o775), "/tmp": node(host.TypeDir, "root", 0o777),
		"/home": dir, "/home/app": node(host.TypeDir, "app", 0o755),
		"/opt/tool/own": node(host.TypeFile, "root", 0o755), "/opt/tool/theirs": node(host.TypeFile, "app", 0o755), "/opt/tool/open": node(host.TypeFile, "root", 0o757),
		"/opt/current": link("tool"), "/opt/away": link("/home/app"), "/opt/up": link("../opt/./tool/own"), "/opt/out": link("tool/../../home/app/x"),
		"/opt/round": link("round"), "/opt/file": link("current/theirs"),
	}
	stat := func(p string) (*host.Node, error) { return there[p], nil }
	for p, want := range map[string][2]string{
		"/opt/tool/own":          {"/opt/tool/own", ""},
		"/opt/current/own":       {"/opt/tool/own", ""},
		"/opt/up":                {"/opt/tool/own", ""},
		"/opt/current/none/here": {"/opt/tool/none/here", ""},
		"/opt/tool/theirs":       {"/opt/tool/theirs", "/opt/tool/theirs"},
		"/opt/tool/open":         {"/opt/tool/open", "/opt/tool/open"},
		"/opt/file":              {"/opt/tool/theirs", "/opt/tool/theirs"},
		"/opt/away/smoke":        {"/home/app", "/home/app"},
		"/opt/out":               {"/home/app", "/home/app"},
		"/opt/open/x":            {"/opt/open", "/opt/open"},
		"/tmp/x":                 {"/tmp", "/tmp"},
	} {
		real, exposed, err := host.Exposed(p, stat)
		if got := [2]string{real, exposed}; got != want || err != nil {
			t.Errorf("%s: %q, %v, not %q", p, got, err, want)
		}
	}
	if _, _, err := host.Exposed("/opt/round", stat); err == nil {
		t.Error("a link to itself is followed")
	}
}
