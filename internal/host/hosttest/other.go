package hosttest

import "opsafe/internal/host"

func otherCases() []testCase {
	return []testCase{
		{"Owe_and_Settle", oweAndSettle},
		{"Owe_a_start", oweStart},
		{"Probe", func(e *env) { e.do(host.Probe{Argv: []string{"true"}}) }},
		{"TrySSHD", func(e *env) { e.do(host.TrySSHD{}) }},
		{"TryWay", tryWay},
		{"EndSessions", endSessions},
		{"SetLinger", setLinger},
		{"Firewall", firewall},
		{"unknown_step", unknownStep},
	}
}

func (e *env) owed(want ...host.Pending) {
	e.Helper()
	got, err := e.host.Pending()
	e.ok(err)
	e.same("pending", append([]host.Pending{}, got...), append([]host.Pending{}, want...))
}

func oweAndSettle(e *env) {
	a := host.Pending{Unit: "ct-a.service", Verb: host.Reload, Why: "file /a"}
	b := host.Pending{Unit: "ct-b.service", Verb: host.Restart, Why: "file /b"}
	e.owed()
	e.do(host.Owe{Pending: a}, host.Owe{Pending: b}, host.Owe{Pending: a})
	e.owed(a, b)
	// A restart includes a reload, not the other way round.
	a.Verb, a.Why = host.Restart, "file /c"
	e.do(host.Owe{Pending: a}, host.Owe{Pending: host.Pending{Unit: b.Unit, Verb: host.Reload, Why: "file /d"}})
	e.owed(a, b)
	e.do(host.Settle{Unit: a.Unit}, host.Settle{Unit: "ct-none.service"})
	e.owed(b)
	e.do(host.Settle{Unit: b.Unit})
	e.owed()
}

// oweStart shows that a start is owed beside a restart, and each settled alone.
func oweStart(e *env) {
	const unit = "ct-start-owed.service"
	start := host.Pending{Unit: unit, Verb: host.Start, Why: "chrony changes"}
	restart := host.Pending{Unit: unit, Verb: host.Restart, Why: "file /a"}
	reload := host.Pending{Unit: unit, Verb: host.Reload, Why: "file /b"}
	e.do(host.Owe{Pending: start}, host.Owe{Pending: reload}, host.Owe{Pending: restart}, host.Owe{Pending: start})
	e.owed(start, restart)
	e.do(host.Settle{Unit: unit, Verb: host.Reload})
	e.owed(start)
	e.do(host.Owe{Pending: restart}, host.Settle{Unit: unit, Verb: host.Start})
	e.owed(restart)
	e.do(host.Owe{Pending: start}, host.Settle{Unit: unit})
	e.owed()
}

func tryWay(e *env) {
	e.do(host.TryWay{User: "root", KeyFiles: []string{"/etc/passwd"}})
	e.refuse(host.TryWay{User: "ctnobody"})
}

func endSessions(e *env) {
	e.addUser("ctend", 45011)
	e.do(host.EndSessions{User: "ctend"})
	traces, err := e.host.Traces("ctend")
	e.ok(err)
	e.same("traces", traces, host.Traces{})
	e.refuse(host.EndSessions{User: "ctnobody"})
}

func setLinger(e *env) {
	e.addUser("ctlinger", 45021)
	for _, on := range []bool{true, true, false} {
		e.do(host.SetLinger{User: "ctlinger", On: on})
		traces, err := e.host.Traces("ctlinger")
		e.ok(err)
		e.same("linger", traces.Linger, on)
	}
	e.refuse(host.SetLinger{User: "ctnobody", On: true})
}

func unknownStep(e *env) { e.refuse(nil) }

func firewall(e *env) {
	read := func() *host.Firewall {
		f, err := e.host.Firewall(e.ctx, "ct")
		e.ok(err)
		return f
	}
	e.same("firewall before", read(), (*host.Firewall)(nil))
	f := host.Firewall{Network: "ct", Interface: "ct-fw"}
	e.do(host.SetFirewall{Firewall: f})
	e.same("closed firewall", read(), &f)
	allow, err := host.Addresses("10.213.1.1 10.214.0.0/16 fd00:213::1 fd00:214::/32")
	e.ok(err)
	f.Allow = allow
	e.do(host.SetFirewall{Firewall: f})
	if got := read(); got == nil || !got.Same(f) {
		e.Errorf("firewall: got %+v, want %+v", got, f)
	}
	e.do(host.RemoveFirewall{Network: "ct"})
	e.same("firewall after", read(), (*host.Firewall)(nil))
	e.refuse(host.RemoveFirewall{Network: "ct"})
}
