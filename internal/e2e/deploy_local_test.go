package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestDeployFromTheHost deploys a repository on the host itself: one that root alone can
// write for another account, and none that a third could have prepared.
func TestDeployFromTheHost(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	const bare = "/srv/it's.git"
	e.write("/root/work/version", "1\n", 0o644)
	git := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(e.mustRun(append([]string{"git", "-c", "user.name=a", "-c", "user.email=a@example", "-c", "safe.directory=*", "-C", "/root/work"}, args...)...))
	}
	git("init", "--quiet", "--initial-branch=main", ".")
	git("add", "--all")
	git("commit", "--quiet", "--message", "1")
	git("clone", "--quiet", "--bare", "/root/work", bare)
	e.lab(0, `users: {site: {system: true}}
deployments:
  site: {git: "/srv/it's.git", directory: /srv/site, user: site}
`)
	e.says(0, e.opsafe("deploy", "site"), "deployed site "+git("rev-parse", "HEAD"))
	for _, whose := range []string{"site", "root"} {
		e.mustRun("chown", "-R", whose, bare)
		e.says(0, e.opsafe("deploy", "site"), "unchanged site")
	}
	e.mustRun("chown", "-R", "nobody", bare)
	res := e.opsafe("deploy", "site")
	e.says(1, res, "git reads for site only what is site's own, or what nobody but root can write", "chown -R site "+bare)
	if strings.Contains(res.stderr, "safe.directory") {
		t.Errorf("it passes on an advice that does not help: %s", res)
	}
}
