package e2e

import (
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// packageArchive makes an archive of small packages: some whose scripts fail, a
// virtual one, one of another architecture, and one that a pin keeps away.
const packageArchive = `set -e
mkdir -p /srv/test && cd /srv/test
mk() {
  d=/tmp/b/$1-$2; rm -rf $d; mkdir -p $d/DEBIAN $d/usr/share/$1 $d/etc/$1.d; echo x >$d/usr/share/$1/f-$2
  printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: a <a@b.c>\nDescription: x\n%b' $1 ${5:-1} $2 "$3" >$d/DEBIAN/control
  if [ -n "$4" ]; then printf '#!/bin/sh\nexit 1\n' >$d/DEBIAN/$4; chmod 755 $d/DEBIAN/$4; fi
  dpkg-deb -b $d /srv/test/$1_${5:-1}_$2.deb >/dev/null
}
mk libzork amd64 'Multi-Arch: same\n' ''
mk libzork i386 'Multi-Arch: same\n' ''
mk askp all '' ''
mk conf all '' ''
mk badpost all '' postinst
mk badpostrm all '' postrm
mk mta-a all 'Provides: mta\n' ''
mk pinned all '' ''
mk upg all '' '' 2
mk libshared all '' ''
mk rival all 'Conflicts: mta-a\n' ''
mk leans all 'Depends: conf\n' ''
for n in lock-a lock-b; do mk $n all 'Provides: locker\nConflicts: locker\n' ''; done
mk locks all 'Depends: lock-a | locker\n' ''
for n in appa appb appc; do mk $n all 'Depends: libshared\n' ''; done
d=/tmp/b/appb-all; echo x >$d/etc/appb.d/c; echo /etc/appb.d/c >$d/DEBIAN/conffiles; dpkg-deb -b $d /srv/test/appb_1_all.deb >/dev/null
for f in *.deb; do
  dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo
done >Packages
mk upg all '' ''
echo 'deb [trusted=yes] file:/srv/test ./' >/etc/apt/sources.list.d/test.list
printf 'Package: pinned\nPin: release *\nPin-Priority: -1\n' >/etc/apt/preferences.d/pinned
dpkg --add-architecture i386
apt-get -qq update
`

// TestPackages has dpkg's names, failing packages and apt's word on real hosts.
func TestPackages(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"bullseye", "bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			e := newHost(t, testhost.Bare, suite)
			e.mustRun("sh", "-c", packageArchive)
			proveArchitectures(e.on(t))
			proveAptRefuses(e.on(t))
			proveAtOdds(e.on(t))
			proveSwap(e.on(t))
			proveBrokenPackages(e.on(t))
			proveShared(e.on(t))
			proveUpgrades(e.on(t))
			proveSources(e.on(t))
		})
	}
}

// status is the state of each architecture of a package, sorted: "hi amd64".
func (e *env) status(name string) string {
	e.t.Helper()
	r := e.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Architecture}\n", name)
	got := strings.Join(strings.Fields(r.stdout), " ")
	if got == "un" {
		return "" // only others name it
	}
	return got
}

func (e *env) wantStatus(name, want string) {
	e.t.Helper()
	if got := e.status(name); got != want {
		e.t.Errorf("%s is %q, not %q", name, got, want)
	}
}

// settled says that the lab's spec has nothing left to do.
func (e *env) settled() {
	e.t.Helper()
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
}

// undone takes back the last run, and sees to it that the plan of that said so.
func (e *env) undone() {
	e.t.Helper()
	last := 0
	for _, r := range e.history().Runs {
		last = max(last, r.Run)
	}
	id := strconv.Itoa(last)
	e.says(0, e.opsafe("undo", "--plan", id))
	e.says(0, e.opsafe("undo", id))
}

func proveArchitectures(e *env) {
	e.mustRun("dpkg", "-i", "/srv/test/libzork_1_i386.deb")
	e.lab(0, "packages: {libzork: {state: installed, hold: true}}\n", "libzork:i386 is installed, which is not libzork")
	e.wantStatus("libzork", "hi amd64 hi i386")
	e.settled()
	e.mustRun("apt-mark", "unhold", "libzork:i386")
	e.lab(0, "packages: {libzork: {state: installed, hold: true}}\n", "held libzork:i386 no → yes")
	e.wantStatus("libzork", "hi amd64 hi i386")
	e.lab(1, "packages: {libzork: purged}\n", "libzork is held")
	e.lab(0, "packages: {libzork: {state: purged, hold: false}}\n", "- libzork")
	e.wantStatus("libzork", "")
	e.settled()
	e.lab(0, "packages: {\"libzork:i386\": installed}\n", "+ libzork:i386")
	e.wantStatus("libzork", "ii i386")
	e.settled()
	e.undone()
	e.wantStatus("libzork", "")
	e.mustRun("dpkg", "-i", "/srv/test/libzork_1_i386.deb")
	e.lab(0, "packages: {\"libzork:i386\": {state: installed, hold: true}}\n")
	e.wantStatus("libzork", "hi i386")
	e.lab(0, "packages: {\"libzork:i386\": {state: installed, hold: false}}\n")
	e.lab(0, "packages: {\"libzork:i386\": purged}\n")
	e.wantStatus("libzork", "")
}

// proveAptRefuses has the plan say what apt would refuse, of each package by itself.
func proveAptRefuses(e *env) {
	e.labSpec("packages: {mta: installed, nosuch: installed, pinned: installed, askp: installed}\n")
	want := []string{"+ askp", "mta is a virtual package provided by mta-a", "Unable to locate package nosuch", "Package 'pinned' has no installation candidate"}
	e.says(1, e.opsafe("plan", "--backend", "lab"), append(want, "Plan: 1 to add; 3 failed")...)
	e.says(1, e.opsafe("manage", "--backend", "lab"), append(want, "3 failed; 1 added.")...)
	e.wantStatus("askp", "ii all")
	e.lab(0, "packages: {askp: purged}\n")
}

// proveAtOdds has the plan say which of the declared packages cannot be so beside the
// others.
func proveAtOdds(e *env) {
	e.mustRun("apt-get", "-qq", "install", "conf")
	e.labSpec("packages: {askp: installed, leans: installed, mta-a: installed, rival: installed, conf: purged}\n")
	want := []string{"+ askp", "+ leans", "+ mta-a", "package rival", "package conf", "3 ", "2 failed"}
	e.says(1, e.opsafe("plan", "--backend", "lab"), append(want, "mta-a", "leans : Depends: conf")...)
	e.says(1, e.opsafe("manage", "--backend", "lab"), want...)
	e.wantStatus("leans", "ii all")
	e.wantStatus("conf", "ii all")
	e.wantStatus("rival", "")
	e.lab(0, "packages: {askp: purged, leans: purged, mta-a: purged, conf: purged}\n")
}

// proveSwap has one package take the place of another that conflicts with it, and that a
// third one needs: one step of apt, also for undo.
func proveSwap(e *env) {
	e.lab(0, "packages: {lock-a: installed, locks: installed}\n")
	for _, state := range []string{"absent", "purged"} {
		e.lab(0, "packages: {lock-a: "+state+", lock-b: installed, locks: installed}\n", "+ lock-b", "- lock-a", "Done: 1 added, 1 removed.")
		e.wantStatus("lock-a", "")
		e.wantStatus("lock-b", "ii all")
		e.wantStatus("locks", "ii all")
		e.settled()
		e.undone()
		e.wantStatus("lock-a", "ii all")
		e.wantStatus("lock-b", "")
		e.wantStatus("locks", "ii all")
	}
	e.lab(0, "packages: {lock-a: purged, lock-b: purged, locks: purged}\n")
}

// proveShared takes back packages that share a library: one goes altogether, one
// leaves the configuration that it had left before. What has come to need the library
// meanwhile keeps it, and the plan says so.
func proveShared(e *env) {
	const spec = "packages: {appa: {state: installed, hold: true}, appb: {state: installed, hold: true}}\n"
	before := func() {
		e.t.Helper()
		e.wantStatus("appa", "")
		e.wantStatus("appb", "rc all")
		e.wantStatus("libshared", "") // appb's configuration still speaks of it
	}
	e.mustRun("apt-get", "-qq", "install", "appb")
	e.mustRun("apt-get", "-qq", "--auto-remove", "remove", "appb")
	before()
	e.lab(0, spec)
	e.wantStatus("libshared", "ii all")
	e.undone()
	before()

	e.lab(0, spec)
	e.mustRun("apt-get", "-qq", "install", "appc")
	runs := e.history().Runs
	id := strconv.Itoa(runs[len(runs)-1].Run)
	const refused = "removing libshared would also remove appc, which needs it"
	e.says(1, e.opsafe("undo", "--plan", id), refused, "- appa", "- appb", "Plan: 2 to remove; 1 failed")
	e.says(1, e.opsafe("undo", id), refused, "- appa", "- appb", "1 failed; 2 removed.")
	e.wantStatus("libshared", "ii all")
	e.wantStatus("appc", "ii all")
	e.labSpec("packages: {libshared: purged}\n")
	e.says(1, e.opsafe("plan", "--backend", "lab"), refused)
	e.says(1, e.opsafe("manage", "--backend", "lab"), refused)
	e.mustRun("apt-get", "-qq", "--auto-remove", "purge", "appc")
	e.says(0, e.opsafe("undo", id))
	before()
	e.mustRun("dpkg", "--purge", "appb")
}

// proveBrokenPackages has packages whose own scripts fail beside others.
func proveBrokenPackages(e *env) {
	e.lab(1, "packages: {badpost: installed, askp: {state: installed, hold: true}, conf: installed}\n", "post-installation script", "1 failed; 2 added.")
	e.wantStatus("badpost", "iF all")
	e.wantStatus("askp", "hi all")
	e.says(0, e.opsafe("plan", "--backend", "lab"), "it is half configured: a package manager was stopped, or the package's own scripts failed")
	// It is in the way of no other, and the plan names it.
	e.labSpec("packages: {conf: purged}\n")
	e.says(0, e.opsafe("plan", "--backend", "lab"), "what was left half done: badpost (half configured)")
	e.lab(0, "packages: {conf: purged}\n")
	e.lab(0, "packages: {badpost: purged, conf: installed}\n", "Done: 1 added, 1 removed")
	e.settled()
	// One that is held does not keep the others.
	e.lab(1, "packages: {askp: purged, conf: purged}\n", "askp is held", "- conf")
	e.wantStatus("askp", "hi all")
	e.wantStatus("conf", "")
	// Nor does one that cannot be removed.
	e.mustRun("dpkg", "-i", "/srv/test/badpostrm_1_all.deb")
	e.lab(1, "packages: {badpostrm: purged, conf: installed}\n", "post-removal script", "+ conf")
	e.labSpec("packages: {mta-a: installed}\n")
	e.says(0, e.opsafe("plan", "--backend", "lab"), "badpostrm (half installed)")
	e.lab(0, "packages: {mta-a: installed}\n", "+ mta-a")
	e.mustRun("rm", "-f", "/var/lib/dpkg/info/badpostrm.postrm")
	e.lab(0, "packages: {badpostrm: purged}\n")
	e.wantStatus("badpostrm", "")
}

// proveUpgrades has plan, manage and status say what apt would upgrade.
func proveUpgrades(e *env) {
	e.labSpec("packages: {upg: installed}\n")
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	if r := e.opsafe("plan", "--backend", "lab"); strings.Contains(r.stderr, "upgraded") {
		e.t.Errorf("nothing can be upgraded: %s", r)
	}
	e.mustRun("dpkg", "-i", "/srv/test/upg_1_all.deb")
	e.mustRun("apt-mark", "hold", "upg")
	for _, command := range []string{"plan", "manage", "plan", "status"} {
		e.says(0, e.opsafe(command, "--backend", "lab"), "1 package can be upgraded (held: upg)")
	}
	e.mustRun("apt-mark", "unhold", "upg")
	e.lab(0, "packages: {upg: purged}\n")
}

// proveSources has apt judge all of its sources together.
func proveSources(e *env) {
	const vendor = "/etc/apt/sources.list.d/tools-vendor.list"
	const line = "deb [arch=amd64 signed-by=/usr/share/keyrings/tools-vendor.gpg] https://tools.example/debian stable main\n"
	const spec = `
apt:
  keys: {tools: {source: tools.asc}}
  sources: {tools: {uris: ["https://tools.example/debian"], suites: [stable], components: [main], signed_by: tools}}
`
	e.labSpec(spec)
	e.write(guestRepository+"/backends/lab/tools.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", 0o644)
	e.write(vendor, line, 0o644)
	for _, command := range []string{"plan", "manage"} {
		e.says(1, e.opsafe(command, "--backend", "lab"), "Conflicting values set for option Signed-By", "it is at odds with "+vendor)
	}
	if e.exists("/etc/apt/sources.list.d/tools.sources") {
		e.t.Error("the source has been written")
	}
	e.mustRun("apt-get", "indextargets")
	e.mustRun("rm", vendor)
	e.lab(0, spec, "+ tools")
	e.settled()
	// What comes later is seen, too.
	e.write(vendor, line, 0o644)
	e.says(1, e.opsafe("plan", "--backend", "lab"), "it is as declared, but not with "+vendor)
	e.labSpec("apt: {sources: {other: {uris: [\"https://other.example/debian\"], suites: [stable], components: [main]}}}\n")
	e.says(1, e.opsafe("plan", "--backend", "lab"), "refuses what is there already", "repair that first")
	e.mustRun("rm", vendor)
	e.lab(1, "files: {/etc/apt/sources.list.d/bad.list: {content: \"deb nonsense\\n\"}}\n", "Malformed entry 1")
	// Apt follows links to sources.
	e.write("/srv/debian.list", "deb http://deb.debian.org/debian stable main\n", 0o644)
	e.mustRun("ln", "-s", "/srv/debian.list", "/etc/apt/sources.list.d/debian.list")
	e.lab(1, "apt: {mirrors: {\"http://deb.debian.org/\": \"https://proxy.example/\"}}\n", "is a symbolic link to /srv/debian.list")
	e.mustRun("rm", "/etc/apt/sources.list.d/debian.list")
}
