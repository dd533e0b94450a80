package e2e

import "strings"

func (e *env) threeReleases() {
	e.t.Helper()
	if got := strings.Fields(e.mustRun("ls", "/srv/site/releases")); len(got) != 3 {
		e.t.Errorf("there are %d releases: %v", len(got), got)
	}
}

// deployMended takes away, and breaks, what a deployment rests on.
func (e *env) deployMended(r *remote) {
	e.t.Helper()
	last := r.git(r.work, "rev-parse", "HEAD")
	for _, broken := range []string{
		"rm /srv/site/current", "ln -sfn /etc /srv/site/current", "rm -r /srv/site/releases/" + last,
	} {
		e.mustRun("sh", "-c", broken)
		e.says(0, e.opsafe("deploy", "site"), "deployed site "+last)
		e.served("prune2", last)
	}
	for _, broken := range []string{
		"cd /srv/site/repository && touch config.lock packed-refs.lock shallow.lock refs/opsafe/branch.lock && chown site: *.lock refs/opsafe/*.lock",
		"echo junk >/srv/site/repository/HEAD",
		"find /srv/site/repository/objects -type f -exec truncate -s 0 {} +",
		"rm -r /srv/site/repository",
	} {
		e.mustRun("sh", "-c", broken)
		last = r.push("version", "prune2")
		e.says(0, e.opsafe("deploy", "site"), "deployed site "+last)
	}
	e.mustRun("mv", "/srv/site/shared/uploads", "/srv/uploads")
	e.mustRun("touch", "/srv/site/shared/uploads")
	r.push()
	e.says(1, e.opsafe("deploy", "site"), "refused", "/srv/site/shared/uploads is no directory")
	e.mustRun("rm", "/srv/site/shared/uploads")
	e.mustRun("mv", "/srv/uploads", "/srv/site/shared/uploads")
	r.git(r.bare, "update-ref", "-d", "refs/heads/main")
	e.says(1, e.opsafe("deploy", "site"), "it has no branch main: push it, or say by ref which branch is deployed")
	e.served("prune2", last)
	last = r.push()
	e.says(0, e.opsafe("deploy", "site"), "deployed site "+last)
	e.threeReleases()
	if !e.exists("/etc/passwd") {
		e.t.Fatal("a link in a release was followed")
	}
	// Where the state is lost, as where the deployment has got another name, what is in
	// service is what is gone back to.
	e.mustRun("mv", "/var/lib/opsafe/deployments/site.state.json", "/root/state.json")
	r.push("check.sh", "test \"$(readlink /srv/site/current)\" != releases/$REVISION\n")
	e.says(1, e.opsafe("deploy", "site"), "once the link has moved", last+", is back and answers")
	e.served("prune2", last)
	e.mustRun("mv", "/root/state.json", "/var/lib/opsafe/deployments/site.state.json")
	last = r.push("check.sh", "true\n")
	e.says(0, e.opsafe("deploy", "site"), "deployed site "+last)
	e.mustRun("find", "/var/lib/opsafe/queue/aside", "-type", "f", "-delete") // which deployRemote counts
}
