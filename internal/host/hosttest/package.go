package hosttest

import (
	"slices"
	"strings"

	"opsafe/internal/host"
)

func packageCases() []testCase {
	return []testCase{
		{"InstallPackages", installPackages},
		{"InstallPackages_replaces", installReplaces},
		{"docker", docker},
		{"a compose project", composeProject},
	}
}

func (e *env) pkg(name string) *host.Package {
	e.Helper()
	p, err := e.host.Package(name)
	e.ok(err)
	return p
}

// state is the package's state, empty for none.
func (e *env) state(name string) host.PackageState {
	e.Helper()
	if p := e.pkg(name); p != nil {
		return p.State
	}
	return ""
}

// listed reports whether the list of all packages has a package, as it is.
func (e *env) listed(name string) bool {
	e.Helper()
	all, err := e.host.Packages()
	e.ok(err)
	i, found := slices.BinarySearchFunc(all, name, func(p host.Package, n string) int { return strings.Compare(p.Name, n) })
	if found {
		e.same("in the list", &all[i], e.pkg(name))
	}
	return found
}

// manual reports whether tree is among the packages that somebody asked for.
func (e *env) manual() bool {
	e.Helper()
	all, err := e.host.Manual()
	e.ok(err)
	_, found := slices.BinarySearch(all, "tree")
	return found
}

func installPackages(e *env) {
	const name = "tree"
	if e.state(name) == host.Installed {
		e.do(host.RemovePackages{Names: []string{name}, Purge: true})
	}
	e.do(host.InstallPackages{Refresh: true, Packages: []host.PackageInstall{{Name: name}}})
	e.same("state", e.state(name), host.Installed)
	e.same("listed", e.listed(name), true)
	e.same("asked for", e.manual(), true)
	e.do(host.InstallPackages{Packages: []host.PackageInstall{{Name: name}}})
	e.do(host.HoldPackages{Names: []string{name}, Hold: true})
	e.same("hold", e.pkg(name).Hold, true)
	e.same("state", e.state(name), host.Installed)
	e.refuse(host.RemovePackages{Names: []string{name}})
	e.same("state", e.state(name), host.Installed)
	v := e.pkg(name).Version
	e.do(host.UpgradePackages{Packages: []host.PackageUpgrade{{Name: name, From: v, To: v}}})
	e.same("version", e.pkg(name).Version, v)
	e.same("hold", e.pkg(name).Hold, true)
	e.do(host.HoldPackages{Names: []string{name}})
	e.same("hold", e.pkg(name).Hold, false)
	e.do(host.MarkPackages{Names: []string{name}, Auto: true})
	e.same("auto", e.pkg(name).Auto, true)
	e.same("asked for", e.manual(), false)
	e.do(host.MarkPackages{Names: []string{name}})
	e.same("auto", e.pkg(name).Auto, false)
	e.same("asked for", e.manual(), true)
	e.do(host.RemovePackages{Names: []string{name}, Purge: true})
	if p := e.pkg(name); p != nil {
		e.Errorf("package is still there: %+v", p)
	}
	e.same("listed", e.listed(name), false)
	e.same("asked for", e.manual(), false)
	e.refuse(
		host.InstallPackages{Packages: []host.PackageInstall{{Name: "ct-no-such-package"}}},
		host.RemovePackages{Names: []string{"ct-no-such-package"}},
		host.UpgradePackages{Packages: []host.PackageUpgrade{{Name: name, From: "1", To: "2"}}},
	)
}

// installReplaces shows that chrony comes and systemd-timesyncd goes.
func installReplaces(e *env) {
	rootDir := host.Node{Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)}
	rootFile := host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
	e.do(host.InstallPackages{Refresh: true, Packages: []host.PackageInstall{{Name: "chrony", Provides: host.Provides{
		Users:    []host.User{{Name: "_chrony", UID: host.UnknownID, GID: host.UnknownID, Comment: "Chrony daemon,,,", Home: "/var/lib/chrony", Shell: "/usr/sbin/nologin"}},
		Groups:   []host.Group{{Name: "_chrony", GID: host.UnknownID}},
		Units:    []host.Unit{{Name: "chrony.service", Load: "loaded", Active: "active", Sub: "running", File: "enabled"}},
		Files:    []host.ProvidedFile{{Path: "/etc/chrony", Node: rootDir}, {Path: "/etc/chrony/chrony.conf", Node: rootFile}},
		Replaces: []string{"systemd-timesyncd"},
	}}}})
	e.same("chrony", e.state("chrony"), host.Installed)
	if s := e.state("systemd-timesyncd"); s == host.Installed {
		e.Errorf("systemd-timesyncd is still installed")
	}
	// Links to it may be left.
	if u := e.unit("systemd-timesyncd.service"); u != nil && (u.Load != "not-found" || u.Active != "inactive") {
		e.Errorf("its unit is still there: %+v", u)
	}
	if u := e.unit("chrony.service"); u == nil || u.File != "enabled" {
		e.Errorf("chrony.service is %+v", u)
	}
	n := e.node("/etc/chrony/chrony.conf")
	if n == nil {
		e.Fatal("there is no chrony.conf")
	}
	n.Size = 0
	rootFile.Links = 1
	e.same("chrony.conf", n, &rootFile)
	if _, err := e.host.ReadFile("/etc/chrony/chrony.conf"); err != nil && !host.AfterApply(err) {
		e.Errorf("chrony.conf: %v", err)
	}
	if e.user("_chrony") == nil || e.group("_chrony") == nil {
		e.Error("there is no user or group _chrony")
	}
	// The new names can be used at once.
	e.do(host.SetOwner{Path: "/etc/chrony/chrony.conf", Group: "_chrony"})
	e.same("group", e.node("/etc/chrony/chrony.conf").Group, "_chrony")
	e.do(file("/etc/chrony/chrony.conf", "# ours\n"))
	e.same("content", e.content("/etc/chrony/chrony.conf"), "# ours\n")
}

// dockerPackage is docker with what it brings.
func dockerPackage() host.PackageInstall {
	return host.PackageInstall{Name: "docker.io", Provides: host.Provides{
		Groups: []host.Group{{Name: "docker", GID: host.UnknownID}},
		Units: []host.Unit{
			{Name: "docker.service", Load: "loaded", Active: "active", Sub: "running", File: "enabled"},
			{Name: "docker.socket", Load: "loaded", Active: "active", Sub: "running", File: "enabled"},
		},
	}}
}

func docker(e *env) {
	e.addUser("ctdock", 44011)
	e.do(host.InstallPackages{Refresh: true, Packages: []host.PackageInstall{dockerPackage()}})
	e.do(host.SetMembers{Group: "docker", Members: []string{"ctdock"}})
	e.same("members", e.members("docker"), []string{"ctdock"})
	engine, err := e.host.Engine(e.ctx)
	e.ok(err)
	if engine == nil {
		e.Fatal("there is no engine")
	}
	n := host.Network{Name: "ct-net", Driver: "bridge", Interface: "ct-br0", Subnet: "10.213.0.0/24", Gateway: "10.213.0.1"}
	e.same("network before", e.network(n.Name), (*host.Network)(nil))
	e.do(host.AddNetwork{Network: n})
	got := e.network(n.Name)
	if got != nil && len(got.Options) == 0 {
		got.Options = nil
	}
	e.same("network", got, &n)
	containers, err := e.host.Containers(e.ctx)
	e.ok(err)
	e.same("containers", len(containers), 0)
	all, err := e.host.Networks(e.ctx)
	e.ok(err)
	i, found := slices.BinarySearchFunc(all, n.Name, func(n host.Network, name string) int { return strings.Compare(n.Name, name) })
	if !found {
		e.Fatalf("it is not among all: %+v", all)
	}
	e.same("in the list", &all[i], e.network(n.Name))
	e.refuse(host.AddNetwork{Network: n})
	e.do(host.RemoveNetwork{Name: n.Name})
	e.same("network after", e.network(n.Name), (*host.Network)(nil))
	e.refuse(host.RemoveNetwork{Name: n.Name})
}

func (e *env) network(name string) *host.Network {
	e.Helper()
	n, err := e.host.Network(e.ctx, name)
	e.ok(err)
	return n
}
