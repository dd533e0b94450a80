package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestClockTakeOver has chronyd read its directory of drop-ins only after opsafe has
// written a block into chrony.conf: the drop-in takes over, and chronyd uses no server
// but those that are declared now.
func TestClockTakeOver(t *testing.T) {
	t.Parallel()
	const conf = "/etc/chrony/chrony.conf"
	e := newHost(t, testhost.Full, "")
	e.write(conf, "driftfile /var/lib/chrony/chrony.drift\nmakestep 1 3\n", 0o644)
	e.lab(0, "chrony: {servers: [192.0.2.1 iburst, 192.0.2.3]}\n", "restarts chrony.service")
	e.asksServers("192.0.2.1 192.0.2.3")

	e.write(conf, "confdir /etc/chrony/conf.d\n"+e.read(conf), 0o644)
	e.lab(0, "chrony: {servers: [192.0.2.2 iburst]}\n", "its block in /etc/chrony/chrony.conf goes")
	if got := e.read(conf); strings.Contains(got, "192.0.2.") || !strings.Contains(got, "makestep 1 3\n") {
		t.Errorf("%s is now:\n%s", conf, got)
	}
	e.asksServers("192.0.2.2")
	e.unitsSettled()
	e.undoLast()
	e.asksServers("192.0.2.1 192.0.2.3")
}

// asksServers compares what chronyd says that it asks for the time.
func (e *env) asksServers(want string) {
	e.t.Helper()
	var got []string
	e.await("chronyd", func() bool {
		r := e.run("chronyc", "-n", "-c", "sources")
		got = nil
		for line := range strings.Lines(r.stdout) {
			got = append(got, strings.Split(line, ",")[2])
		}
		return r.code == 0 && len(got) > 0
	})
	if strings.Join(got, " ") != want {
		e.t.Errorf("chronyd asks %q, not %q", got, want)
	}
}
