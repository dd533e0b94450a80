// Package sweep runs opsafe on throwaway hosts again and again, has something
// go wrong at another system call each time, and looks at what is left: whether
// anything is half written or shut out, whether a failure was passed off as
// success, and whether one more run converges with nothing left over.
package sweep

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"opsafe/internal/fault"
)

//go:embed scenarios
var scenarios embed.FS

// scenario is a state of a host and a command that changes it.
type scenario struct {
	name string
	argv []string // of opsafe
	// live are directories that systemd reads: the host's own instead of a copy
	// that is thrown away. They are put back after each point, which takes time.
	live []string
	// links are sockets of the host that programs reach, besides systemd's.
	links []string
	// pairs are private keys that are made, whose content differs each time.
	pairs []string
	// loose are paths whose content differs each time for another reason.
	loose []string
	// open are accounts whose ids the spec leaves open.
	open []string
	// husks are groups that userdel leaves behind when it is killed after it has
	// removed the account: the spec does not declare them.
	husks []string
	// told are units and the file for whose sake each has to be restarted or
	// reloaded after it has changed.
	told map[string]string
	// foreign are files of other programs, which are left to them; outcome, a
	// shell script that says what has become of it all.
	foreign *regexp.Regexp
	outcome string
	// setUp and reset are shell scripts for the host itself, before the first
	// point and after each.
	setUp, reset string
	probes       bool // it looks at processes of systemd's services
	slow         bool // the sweep takes fewer points of it
}

func list() []scenario {
	manage := []string{"manage", "--backend", "lab"}
	return []scenario{
		{name: "accounts", argv: manage, open: []string{"alice", "bob", "carol", "dave", "erin"}, pairs: []string{"/home/app/.ssh/id_ed25519"}},
		{name: "corrections", argv: manage, husks: []string{"legacy"}},
		{name: "files", argv: manage},
		{
			name: "access", argv: manage, probes: true,
			told: map[string]string{"lab-note": "/etc/lab.conf", "lab-reload": "/etc/lab.conf"},
		},
		{name: "disable", argv: []string{"disable-user", "carol"}, loose: []string{"/var/lib/opsafe/disabled/carol"}},
		{
			name: "services", argv: manage, slow: true, live: []string{"/etc/systemd/system", "/etc/chrony"},
			told: map[string]string{"lab-note": "/srv/lab/app.conf"},
		},
		{
			name: "packages", argv: manage, slow: true,
			foreign: aptsOwn(),
			outcome: `dpkg --audit; dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' 'lab-*' | grep -v un; apt-mark showhold
find / -xdev -name '*.dpkg-new' -o -xdev -name '*.dpkg-tmp'; ls /var/lib/dpkg/updates | grep -v tmp.i; apt-get check`,
		},
		{
			name: "networks", argv: manage, slow: true, foreign: aptsOwn(), links: []string{"run/docker.sock"},
			setUp: "systemctl start docker\n" + oldNetworks,
			reset: oldNetworks,
			outcome: `docker network ls --format '{{.Name}} {{.Driver}}' | sort
docker network inspect --format '{{.Name}} {{.Internal}} {{.IPAM.Config}} {{.Options}}' lab-new lab-other`,
		},
	}
}

// aptsOwn are caches and databases of apt and dpkg, and what dpkg unpacks before
// it takes its place.
func aptsOwn() *regexp.Regexp {
	return regexp.MustCompile(`^/var/(lib/(apt|dpkg)|cache)(/|$)|\.dpkg-(new|tmp)$|^/tmp(/|$)`)
}

// oldNetworks makes the networks that a point finds.
const oldNetworks = `for n in $(docker network ls -q --filter name=lab-); do docker network rm "$n"; done
docker network create --subnet 172.30.3.0/24 lab-old
`

func find(name string) (scenario, error) {
	var names []string
	for _, s := range list() {
		if s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	return scenario{}, fmt.Errorf("cannot find a scenario %q: there are %s", name, strings.Join(names, ", "))
}

// last is the command that says that nothing is left to do, and whether that is
// what it has said.
func (s scenario) last() (argv []string, idle func(code int, said string) bool) {
	if s.argv[0] == "manage" {
		return []string{"plan", "--backend", "lab", "--exit-code"}, func(code int, _ string) bool { return code == 0 }
	}
	return s.argv, func(code int, said string) bool { return code == 0 && strings.Contains(said, "Nothing to do") }
}

// prep is the shell script that makes the state.
func (s scenario) prep() (string, error) {
	data, err := scenarios.ReadFile("scenarios/" + s.name + "/prep.sh")
	return string(data), err
}

// install writes the spec to where opsafe looks for it.
func (s scenario) install(root string) error {
	top := "scenarios/" + s.name + "/spec"
	return fs.WalkDir(scenarios, top, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, "srv/opsafe", strings.TrimPrefix(path, top))
		if e.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := scenarios.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

// sample spreads at most n points evenly over all calls that a fault applies
// to. The same arguments give the same points.
func sample(f fault.Fault, calls []fault.Call, n int) []int {
	all := 0
	for _, c := range calls {
		if f.Applies(c) {
			all++
		}
	}
	n = min(n, all)
	out := make([]int, n)
	for i := range out {
		out[i] = 1 + (2*i+1)*all/(2*n)
	}
	return out
}
