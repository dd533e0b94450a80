package e2e

import (
	"context"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestManageOnTerminal runs manage where somebody sits: it shows the plan and asks,
// and shows in a line that is gone afterwards what takes long.
func TestManageOnTerminal(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.write(guestRepository+"/backends/asked/backend.yaml", "packages:\n  nginx-light: installed\n", 0o644)
	onTerminal := func(answer string) result {
		c := e.Command(t.Context(), "script", "--quiet", "--return", "--command",
			"stty cols 90; TERM=xterm "+guestBinary+" manage --ask --backend asked", "/dev/null")
		c.Stdin = strings.NewReader(answer)
		return e.finish(c)
	}
	if r := e.opsafe("manage", "--ask", "--backend", "asked"); r.code != 1 || !strings.Contains(r.stderr, "--ask needs a terminal") {
		t.Errorf("in a pipe: %s", r)
	}
	r := onTerminal("no\n")
	if r.code != 1 || !strings.Contains(r.stdout, "Carry it out? yes or no [no]: ") || !strings.Contains(r.stdout, "nothing has been changed") {
		t.Errorf("after a no: %s", r)
	}
	if e.run("dpkg-query", "-W", "nginx-light").code == 0 {
		t.Error("it was carried out after a no")
	}
	r = onTerminal("yes\n")
	const line = "\r\x1b[K… step 1 of 1: installing 1 package"
	if r.code != 0 || !strings.Contains(r.stdout, "Plan: ") || !strings.Contains(r.stdout, "Done: ") || !strings.Contains(r.stdout, line) {
		t.Errorf("after a yes: %s", r)
	}
	if shown := r.stdout[strings.LastIndex(r.stdout, "…"):]; !strings.Contains(shown, "\r\x1b[K") {
		t.Errorf("the line still stands: %q", shown)
	}
	e.mustRun("dpkg-query", "-W", "nginx-light")
	e.showsApt()
}

// slowPackage is one in an archive of its own whose installation goes on until somebody
// writes to a pipe.
const slowPackage = `set -e
mkfifo /run/go
mkdir -p /srv/slow /tmp/slow/DEBIAN; cd /srv/slow
printf 'Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n' >/tmp/slow/DEBIAN/control
printf '#!/bin/sh\nread word </run/go\n' >/tmp/slow/DEBIAN/postinst; chmod 755 /tmp/slow/DEBIAN/postinst
dpkg-deb -b /tmp/slow slow.deb >/dev/null
{ dpkg-deb -f slow.deb; echo "Filename: ./slow.deb"; echo "Size: $(stat -c %s slow.deb)"; echo "SHA256: $(sha256sum slow.deb | cut -d' ' -f1)"; } >Packages
echo 'deb [trusted=yes] file:/srv/slow ./' >/etc/apt/sources.list.d/slow.list
apt-get -qq update
`

// showsApt holds that a terminal is shown how far apt is and at which package, and that
// nothing of it is in a pipe.
func (e *env) showsApt() {
	e.t.Helper()
	e.mustRun("sh", "-c", slowPackage)
	const spec = "packages: {slow: installed}\n"
	e.write(guestRepository+"/backends/asked/backend.yaml", spec, 0o644)
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	d := e.converse(ctx, e.Command(ctx, "script", "--quiet", "--return", "--command",
		"stty cols 90; TERM=xterm "+guestBinary+" manage --backend asked", "/dev/null"))
	d.expect("… step 1 of 1: installing 1 package: slow, ")
	d.expect(" % (slow), ")
	e.mustRun("sh", "-c", "echo go >/run/go")
	d.expect("\r\x1b[K")
	d.expect("Done: 1 added")
	d.end()
	e.mustRun("dpkg", "--purge", "slow")
	release := e.Command(ctx, "sh", "-c", "echo go >/run/go")
	if err := release.Start(); err != nil {
		e.t.Fatal(err)
	}
	r := e.opsafe("manage", "--backend", "asked")
	if err := release.Wait(); err != nil {
		e.t.Error(err)
	}
	if r.code != 0 || strings.Contains(r.stdout+r.stderr, "%") || strings.Contains(r.stdout+r.stderr, "\x1b") {
		e.t.Errorf("in a pipe: %s", r)
	}
}
