package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// newerPackages adds later versions to the archive: of one whose configuration was
// edited, of one that is held, and of the one that stands for docker's.
const newerPackages = `set -e
cd /srv/test
for n in plain held engine docker.io; do for v in 1 2; do
  d=/tmp/b/$n-$v; rm -rf $d; mkdir -p $d/DEBIAN $d/etc
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n' $n $v >$d/DEBIAN/control
  echo "version $v" >$d/etc/$n.conf; echo /etc/$n.conf >$d/DEBIAN/conffiles
  dpkg-deb -b $d /srv/test/${n}_${v}_all.deb >/dev/null
done; done
dpkg -i plain_1_all.deb held_1_all.deb engine_1_all.deb >/dev/null
echo mine >/etc/plain.conf
apt-mark hold held engine >/dev/null
for f in *_2_all.deb; do
  dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo
done >>Packages
apt-get -qq update
`

// TestUpgrade upgrades what is not held, docker's package only after a yes, and has an
// undo say that nothing goes back.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("sh", "-c", packageArchive+newerPackages)
	e.labSpec("docker: {package: engine}\n")
	upgrade := func(args ...string) result {
		return e.opsafe(append([]string{"upgrade", "--backend", "lab"}, args...)...)
	}
	version := func(name, want string) {
		t.Helper()
		if got := e.mustRun("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", name); strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	e.says(0, upgrade("--plan"), "~ plain", "version 1 → 2", "engine: 1 → 2 restarts docker, and no container runs: it stays as it is without --yes")
	version("plain", "ii 1")
	e.mustRun("touch", "-d", "4 days ago", "/var/lib/apt/lists", "/var/lib/apt/lists/partial")
	e.says(0, upgrade(), "version 1 → 2", "without --yes", "1 of ", "installed packages to upgrade", "fetched 4 days ago: sudo apt-get update fetches newer ones")
	e.mustRun("apt-get", "-qq", "update")
	version("plain", "ii 2")
	version("held", "hi 1")
	version("engine", "hi 1")
	if conf := e.read("/etc/plain.conf"); conf != "mine\n" {
		t.Errorf("the configuration is %q", conf)
	}
	e.says(0, upgrade(), "Nothing to do", "0 of ", "were fetched just now")
	// That it is not held is no yes.
	e.mustRun("apt-mark", "unhold", "engine")
	e.says(0, upgrade(), "Nothing to do", "engine: 1 → 2 restarts docker")
	version("engine", "ii 1")
	e.mustRun("apt-mark", "hold", "engine")
	e.says(0, upgrade("--yes"), "~ engine", "version 1 → 2")
	version("engine", "hi 2")
	version("held", "hi 1")
	e.says(0, upgrade("--yes"), "Nothing to do")

	// Nor does it take a declaration, nor an engine that answers.
	e.mustRun("dpkg", "-i", "/srv/test/docker.io_1_all.deb")
	e.labSpec("people: []\n")
	e.says(0, upgrade(), "Nothing to do", "docker.io: 1 → ", "restarts docker, and which containers that ends cannot be told")
	version("docker.io", "ii 1")
	e.says(0, e.opsafe("history"), "upgrade")
	e.says(0, e.opsafe("undo", "1"), "it was at version 1 and is at 2: opsafe does not go back to an earlier version")
	version("plain", "ii 2")
	e.labSpec("apt: {mode: verify}\n")
	e.says(1, upgrade(), "backend lab only verifies packages")
}
