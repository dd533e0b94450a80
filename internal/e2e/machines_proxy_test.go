package e2e

import (
	"net/http/httptest"
	"slices"
	"strings"

	"opsafe/internal/notes"
)

// durHackBehindProxy takes the way to GitHub away, and has all go through a proxy then:
// the ranges, the repository and what GitHub is told.
func (e *env) durHackBehindProxy(g *gitHub) {
	e.t.Helper()
	const ranges = "opsafe-github-ranges.service"
	e.replace("/etc/hosts", "127.0.0.1 github.com api.github.com\n", "")
	g.down.Store(false)

	kept := e.read(notes.Ranges)
	if r := e.run("systemctl", "start", ranges); r.code == 0 || e.read(notes.Ranges) != kept {
		e.t.Errorf("without a way to GitHub: %s\n%s", r, e.read(notes.Ranges))
	}
	e.await("the journal to have why the ranges are those of before", func() bool {
		return strings.Contains(e.run("journalctl", "--no-pager", "--unit", ranges).stdout, "those that were told last count on")
	})
	e.says(1, e.opsafe("deploy", "durhack"), "cannot fetch https://github.com/ducompsoc/durhack.git", "Could not resolve host")
	e.durHackSays("3401", "main 3")

	server := httptest.NewUnstartedServer(g)
	server.TLS = g.certificate
	server.StartTLS()
	e.t.Cleanup(server.Close)
	proxy := &tunnel{knows: []string{"github.com:443", "api.github.com:443"}, to: server.Listener.Addr().String()}
	proxy.open(e)
	const spec = guestRepository + "/backends/durhack/backend.yaml"
	e.write("/etc/opsafe/proxy.env", "https_proxy=http://"+proxyPort+"\n", 0o600)
	e.replace(spec, "opsafe-receive.sock}", "opsafe-receive.sock, env_files: [/etc/opsafe/proxy.env]}")
	e.replace(spec, "    directory: /srv/durhack\n", "    directory: /srv/durhack\n    env_files: [/etc/opsafe/proxy.env]\n")
	e.manageJSON("durhack")
	g.moreHooks.Store(true)
	// The timer's run may be on its way, without the proxy: to start it then is to wait for that.
	e.await("no run of the timer goes on", func() bool { return e.run("systemctl", "is-active", ranges).stdout != "activating\n" })
	if r := e.run("systemctl", "start", ranges); r.code != 0 {
		e.t.Fatalf("through the proxy: %s\n%s", r, e.run("journalctl", "--no-pager", "--unit", ranges).stdout)
	}
	if got := e.read(notes.Ranges); !strings.Contains(got, "192.0.2.0/24") {
		e.t.Errorf("what GitHub tells through the proxy is not kept: %s", got)
	}
	if seen := proxy.seen(); !slices.Equal(seen, []string{"api.github.com:443"}) {
		e.t.Errorf("for the ranges, the proxy was asked for %v", seen)
	}
	revision := g.push("version", "4")
	e.says(0, e.opsafe("deploy", "durhack"), "deployed durhack "+revision)
	e.durHackSays("3401", "main 4")
	if told := g.told(); !slices.Equal(told[max(0, len(told)-2):], []string{"opsafe/durhack pending " + revision, "opsafe/durhack success " + revision}) {
		e.t.Errorf("GitHub was told through the proxy %q", told)
	}
	if seen := proxy.seen(); !slices.Contains(seen, "github.com:443") || !slices.Contains(seen, "api.github.com:443") {
		e.t.Errorf("the proxy was asked for %v", seen)
	}
	if got := e.mustRun("systemctl", "list-timers", "--no-legend", "opsafe-github-ranges.timer"); !strings.Contains(got, ranges) || strings.HasPrefix(got, "n/a") || strings.HasPrefix(got, "-") {
		e.t.Errorf("the ranges are not asked for again: %s", got)
	}
}
