package hosttest

import "opsafe/internal/host"

func unitCases() []testCase {
	return []testCase{
		{"EnableUnit", enableUnit},
		{"StartUnit", startUnit},
		{"StartUnit_oneshot", startOneshot},
		{"StartUnit_timer", startTimer},
		{"StartUnit_along", startAlong},
		{"StartUnit_condition", startCondition},
		{"ActOnUnit", actOnUnit},
		{"AwaitUnits", awaitUnits},
		{"MaskUnit", maskUnit},
		{"ReloadManager", reloadManager},
		{"Unit_removed", unitRemoved},
		{"Unit_missing", unitMissing},
		{"Unit_instance", unitInstance},
		{"Unit_alias", unitAlias},
	}
}

const (
	etcUnits = "/etc/systemd/system/"
	wants    = etcUnits + "multi-user.target.wants/"

	sleeper = "[Unit]\nDescription=sleeps\n[Service]\nExecStart=/bin/sleep infinity\n"
	install = "[Install]\nWantedBy=multi-user.target\n"
)

func enableUnit(e *env) {
	const name = "ct-enable.service"
	if u := e.unit(name); u != nil {
		e.Errorf("unit is there before: %+v", u)
	}
	e.do(file(etcUnits+name, sleeper+install), host.ReloadManager{})
	e.same("unit", e.unit(name), &host.Unit{
		Name: name, Load: "loaded", Active: "inactive", Sub: "dead", File: "disabled", Fragment: etcUnits + name,
	})
	e.do(host.EnableUnit{Name: name, Links: []string{wants + name}})
	e.same("unit", e.unit(name), &host.Unit{
		Name: name, Load: "loaded", Active: "inactive", Sub: "dead", File: "enabled", Fragment: etcUnits + name,
		Links: []string{wants + name},
	})
	e.same("link", e.node(wants+name), &host.Node{
		Type: host.TypeSymlink, Owner: "root", Group: "root", Access: host.AccessOf(0o777), Target: etcUnits + name,
	})
	e.do(host.DisableUnit{Name: name})
	e.unitIs(name, "loaded inactive dead disabled")
	e.absent(wants + name)
	e.same("links", len(e.unit(name).Links), 0)
}

func startUnit(e *env) {
	const name = "ct-start.service"
	e.do(file(etcUnits+name, sleeper), host.ReloadManager{})
	e.unitIs(name, "loaded inactive dead static")
	e.refuse(host.EnableUnit{Name: name})
	e.do(host.StartUnit{Name: name})
	e.unitIs(name, "loaded active running static")
	e.do(host.StartUnit{Name: name})
	e.do(host.StopUnit{Name: name})
	e.unitIs(name, "loaded inactive dead static")
	e.do(host.StopUnit{Name: name})
}

func startOneshot(e *env) {
	const once, stays = "ct-once.service", "ct-stays.service"
	e.do(file(etcUnits+once, "[Service]\nType=oneshot\nExecStart=/bin/true\n"))
	e.do(file(etcUnits+stays, "[Service]\nType = oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"))
	e.do(host.ReloadManager{}, host.StartUnit{Name: once}, host.StartUnit{Name: stays})
	e.unitIs(once, "loaded inactive dead static")
	e.unitIs(stays, "loaded active exited static")
	e.do(host.StopUnit{Name: stays})
	e.unitIs(stays, "loaded inactive dead static")
}

func startTimer(e *env) {
	const service, timer = "ct-timed.service", "ct-timed.timer"
	const link = etcUnits + "timers.target.wants/" + timer
	e.do(file(etcUnits+service, "[Service]\nType=oneshot\nExecStart=/bin/true\n"))
	e.do(file(etcUnits+timer, "[Timer]\nOnCalendar=2090-01-01\n[Install]\nWantedBy=timers.target\n"))
	e.do(host.ReloadManager{}, host.EnableUnit{Name: timer, Links: []string{link}}, host.StartUnit{Name: timer})
	e.unitIs(timer, "loaded active waiting enabled")
	e.unitIs(service, "loaded inactive dead static")
	e.do(host.StopUnit{Name: timer}, host.DisableUnit{Name: timer})
	e.unitIs(timer, "loaded inactive dead disabled")
}

// startAlong starts a unit whose file has others started with it, in a circle.
func startAlong(e *env) {
	const front, session, helper, added, linked = "ct-front.service", "ct-session.service", "ct-helper.service", "ct-added.service", "ct-linked.service"
	e.do(file(etcUnits+front, "[Unit]\nRequires="+session+"\n"+sleeper))
	e.do(file(etcUnits+session, "[Unit]\nBindsTo="+front+"\nWants="+helper+" ct-nowhere.service\n"+sleeper))
	e.do(file(etcUnits+helper, sleeper))
	e.do(file(etcUnits+added, sleeper))
	e.do(file(etcUnits+linked, sleeper+"[Install]\nWantedBy="+front+"\n"))
	e.do(host.MakeDir{Path: etcUnits + front + ".d", Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	e.do(file(etcUnits+front+".d/added.conf", "[Unit]\nWants="+added+"\n"))
	e.do(host.ReloadManager{}, host.EnableUnit{Name: linked, Links: []string{etcUnits + front + ".wants/" + linked}})
	e.do(host.StartUnit{Name: session})
	for _, name := range []string{session, front, helper, added} {
		e.unitIs(name, "loaded active running static")
	}
	e.unitIs(linked, "loaded active running enabled")
	e.do(host.StopUnit{Name: helper})
	e.unitIs(helper, "loaded inactive dead static")
	e.unitIs(session, "loaded active running static")
}

// startCondition starts units whose conditions do not hold, and which one that upholds
// another brings up.
func startCondition(e *env) {
	const front, back, other, held, along = "ct-if.service", "ct-if-back.service", "ct-if-one.service", "ct-if-held.service", "ct-if-along.service"
	const never = "ConditionPathExists=/etc/ct-none\n"
	e.do(file(etcUnits+front, "[Unit]\nWants="+back+" "+other+"\nUpholds="+held+"\nConditionPathIsDirectory=/etc\n"+sleeper))
	e.do(file(etcUnits+back, "[Unit]\n"+never+"Wants="+along+"\n"+sleeper), file(etcUnits+along, sleeper))
	e.do(file(etcUnits+other, "[Unit]\nConditionPathExists=|/etc/ct-none\nConditionFileNotEmpty=|!/etc/ct-none\n"+sleeper))
	e.do(file(etcUnits+held, sleeper), host.ReloadManager{})
	e.do(host.StartUnit{Name: front}, host.AwaitUnits{Names: []string{front}})
	for _, name := range []string{front, other, held} {
		e.unitIs(name, "loaded active running static")
	}
	e.unitIs(back, "loaded inactive dead static")
	e.do(host.StopUnit{Name: along}, host.StartUnit{Name: back}, host.AwaitUnits{Names: []string{along}})
	e.unitIs(back, "loaded inactive dead static")
	e.unitIs(along, "loaded active running static")
	e.do(host.MakeDir{Path: etcUnits + back + ".d", Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	e.do(file(etcUnits+back+".d/any.conf", "[Unit]\nConditionPathExists=\n"), host.ReloadManager{}, host.StartUnit{Name: back})
	e.unitIs(back, "loaded active running static")
}

func actOnUnit(e *env) {
	const name = "ct-act.service"
	e.do(file(etcUnits+name, sleeper), host.ReloadManager{})
	e.do(host.ActOnUnit{Name: name, Verb: host.Restart})
	e.unitIs(name, "loaded inactive dead static") // only what runs is restarted
	e.do(host.StartUnit{Name: name})
	e.do(host.ActOnUnit{Name: name, Verb: host.Restart}, host.ActOnUnit{Name: name, Verb: host.Reload})
	e.unitIs(name, "loaded active running static")
	e.refuse(host.ActOnUnit{Name: name, Verb: "dance"})
	e.do(host.StopUnit{Name: name})
}

// awaitUnits shows units that stay up. That one falls is for the real host alone.
func awaitUnits(e *env) {
	const simple, once = "ct-await.service", "ct-await-once.service"
	e.do(file(etcUnits+simple, sleeper), file(etcUnits+once, "[Service]\nType=oneshot\nExecStart=/bin/true\n"), host.ReloadManager{})
	e.do(host.StartUnit{Name: simple}, host.StartUnit{Name: once}, host.AwaitUnits{Names: []string{simple, once}})
	e.unitIs(simple, "loaded active running static")
	e.unitIs(once, "loaded inactive dead static")
	e.do(host.StopUnit{Name: simple})
}

func maskUnit(e *env) {
	const name, ours = "ct-mask.service", "ct-mask-etc.service"
	e.do(file("/usr/lib/systemd/system/"+name, sleeper+install), file(etcUnits+ours, sleeper), host.ReloadManager{})
	e.do(host.MaskUnit{Name: name})
	e.unitIs(name, "masked inactive dead masked")
	e.same("link", e.node(etcUnits+name).Target, "/dev/null")
	e.refuse(host.StartUnit{Name: name}, host.EnableUnit{Name: name}, host.MaskUnit{Name: ours})
	e.do(host.MaskUnit{Name: name}, host.UnmaskUnit{Name: name})
	e.unitIs(name, "loaded inactive dead disabled")
	e.absent(etcUnits + name)
}

// reloadManager shows that a unit that runs has to be read again when its files
// change.
func reloadManager(e *env) {
	const name = "ct-reload.service"
	e.do(file(etcUnits+name, sleeper), host.ReloadManager{}, host.StartUnit{Name: name})
	e.same("need of a reload", e.unit(name).NeedReload, false)
	const dropIns = etcUnits + name + ".d"
	e.do(dir(dropIns))
	for _, c := range []struct {
		what   string
		change host.Step
	}{
		{"changed file", file(etcUnits+name, sleeper+"# changed, and of another size\n")},
		{"new drop-in", file(dropIns+"/a.conf", "[Service]\nRestart=always\n")},
		{"changed drop-in", file(dropIns+"/a.conf", "[Service]\nRestart=no\n")},
		{"removed drop-in", host.RemovePath{Path: dropIns + "/a.conf"}},
	} {
		e.do(c.change)
		e.same("need of a reload after a "+c.what, e.unit(name).NeedReload, true)
		e.do(host.ReloadManager{})
		e.same("need of a reload after one", e.unit(name).NeedReload, false)
	}
	e.do(host.StopUnit{Name: name})
}

func unitRemoved(e *env) {
	const name = "ct-removed.service"
	e.do(file(etcUnits+name, sleeper+install), host.ReloadManager{})
	e.do(host.EnableUnit{Name: name, Links: []string{wants + name}}, host.StartUnit{Name: name})
	e.do(host.StopUnit{Name: name}, host.DisableUnit{Name: name})
	e.do(host.RemovePath{Path: etcUnits + name}, host.ReloadManager{})
	if u := e.unit(name); u != nil {
		e.Errorf("unit is still there: %+v", u)
	}
	e.refuse(host.StartUnit{Name: name})
}

func unitMissing(e *env) {
	const name = "ct-missing.service"
	e.refuse(host.StartUnit{Name: name}, host.EnableUnit{Name: name}, host.StopUnit{Name: name})
}

// unitInstance has an instance keep its template's file when it gets a drop-in.
func unitInstance(e *env) {
	const template, name = "ct-inst@.service", "ct-inst@2.service"
	e.do(file(etcUnits+template, sleeper), host.ReloadManager{})
	e.do(dir(etcUnits+name+".d"), file(etcUnits+name+".d/more.conf", "[Service]\nNice=5\n"), host.ReloadManager{})
	e.same("unit file", e.unit(name).Fragment, etcUnits+template)
	e.do(host.StartUnit{Name: name})
	e.unitIs(name, "loaded active running static")
	e.do(host.StopUnit{Name: name})
}

// unitAlias has a unit known by its other name once it is enabled.
func unitAlias(e *env) {
	const name, alias = "ct-own.service", "ct-alias.service"
	if u := e.unit(alias); u != nil {
		e.Errorf("unit is there before: %+v", u)
	}
	e.do(file(etcUnits+name, sleeper+"[Install]\nAlias="+alias+"\n"), host.ReloadManager{})
	e.do(host.EnableUnit{Name: name, Links: []string{etcUnits + alias}})
	u := e.unit(alias)
	if u == nil {
		e.Fatalf("there is no unit %s", alias)
	}
	e.same("unit file", u.Fragment, etcUnits+name)
	e.do(host.DisableUnit{Name: name})
	if u := e.unit(alias); u != nil {
		e.Errorf("unit is still there: %+v", u)
	}
}
