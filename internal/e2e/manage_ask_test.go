package e2e

import (
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
}
