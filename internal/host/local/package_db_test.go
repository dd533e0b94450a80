package local

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
)

const statusFile = `Package: libc6
Status: install ok installed
Architecture: i386
Multi-Arch: same
Version: 2.36-9

Package: libc6
Status: install ok half-configured
Architecture: amd64
Multi-Arch: same
Version: 2.36-10
Description: GNU C Library
 Package: looks like a field, but is not
 .
 Status: neither

Package: docker.io
Status: hold ok installed
Architecture: amd64
Version: 20.10.24+dfsg1-1
Conffiles:
 /etc/default/docker abc

Package: bolt
Status: deinstall ok config-files
Architecture: amd64
Version: 0.9

Package: wanted
Status: purge ok not-installed
Architecture: amd64

Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21
`

func TestDpkgStatus(t *testing.T) {
	h := &Host{}
	h.packages.root = tree(t, map[string]string{
		"var/lib/dpkg/status":        statusFile,
		"var/lib/dpkg/updates/0000":  "Package: bolt\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 1.0\n",
		"var/lib/dpkg/updates/0001":  "Package: bolt\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n",
		"var/lib/dpkg/updates/tmp.i": "Package: dpkg\nStatus: deinstall ok config-files\n",
	})
	for name, want := range map[string]*host.Package{
		"libc6":       {Name: "libc6", Version: "2.36-10", State: host.HalfConfigured},
		"libc6:i386":  {Name: "libc6:i386", Version: "2.36-9", State: host.Installed},
		"libc6:arm64": nil,
		"docker.io":   {Name: "docker.io", Version: "20.10.24+dfsg1-1", State: host.Installed, Hold: true},
		"bolt":        {Name: "bolt", Version: "1.0", State: host.Installed},
		"dpkg":        {Name: "dpkg", Version: "1.21", State: host.Installed},
		"wanted":      nil,
		"docker":      nil,
		"looks":       nil,
	} {
		got, err := h.Package(name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("package %s (-want +got), %v:\n%s", name, err, diff)
		}
	}
	status, err := h.packages.dpkg()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"libc6"}, status.broken()); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}
}

func TestDpkgMissing(t *testing.T) {
	h := &Host{}
	h.packages.root = t.TempDir()
	if _, err := h.Package("x"); !host.IsUnknown(err) {
		t.Errorf("without dpkg: got %v, want unknown", err)
	}
}

func TestCandidate(t *testing.T) {
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	fmt.Fprint(z, "Package: zipped\nVersion: 1\n")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	lists := map[string]string{
		"x_dists_bookworm_main_binary-amd64_Packages":     "Package: first\nProvides: virtual\n\nPackage: second\n",
		"x_dists_bookworm_main_binary-i386_Packages":      "Package: foreign\n",
		"x_dists_bookworm_extra_binary-amd64_Packages.gz": gz.String(),
		"_srv_repo_._Packages":                            "Package: flat\nVersion: 1",
		"x_dists_bookworm_InRelease":                      "Package: no-index\n",
	}
	type answer struct{ there, unknown bool }
	for _, c := range []struct {
		name  string
		extra map[string]string
		want  map[string]answer
	}{
		{"plain", lists, map[string]answer{
			"first": {there: true}, "second": {there: true}, "zipped": {there: true}, "flat": {there: true},
			"virtual": {}, "foreign": {}, "no-index": {}, "sec": {},
		}},
		{"searched", map[string]string{
			"a_Packages": "Package: firstly\nProvides: second\n\nX-Package: third\nPackage: first \n", "b_Packages": "Package: last",
		}, map[string]answer{
			"first": {there: true}, "firstly": {there: true}, "last": {there: true}, "second": {}, "third": {}, "las": {},
		}},
		{"never fetched", nil, map[string]answer{"first": {unknown: true}}},
		{"compressed", map[string]string{"a_Packages": "Package: first\n", "b_Packages.lz4": "?"}, map[string]answer{
			"first": {there: true}, "other": {unknown: true},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"var/lib/dpkg/status": statusFile}
			for name, content := range c.extra {
				files["var/lib/apt/lists/"+name] = content
			}
			h := &Host{}
			h.packages.root = tree(t, files)
			for name, want := range c.want {
				there, err := h.Candidate(name)
				if there != want.there || host.IsUnknown(err) != want.unknown || err != nil && !want.unknown {
					t.Errorf("candidate %s: got %v, %v; want %+v", name, there, err, want)
				}
			}
		})
	}
}

func TestIndexAcrossBlocks(t *testing.T) {
	var b strings.Builder
	want := map[string]struct{}{}
	for i := range 20000 {
		name := fmt.Sprintf("package-%d", i)
		want[name] = struct{}{}
		fmt.Fprintf(&b, "Package: %s\nVersion: %d\nDescription: %s\n\n", name, i, strings.Repeat("x", i%97))
	}
	x := &aptIndex{names: map[string]struct{}{}}
	if err := x.add(iotest.HalfReader(strings.NewReader(b.String()))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, x.names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// TestIndexSearched: a search for one name says the same as the names of the whole index.
func TestIndexSearched(t *testing.T) {
	text := indexText(3000)
	for _, name := range []string{"package-0", "package-299", "package-2999", "package-3000", "package-", "x", "Package: package-1"} {
		whole, one := &aptIndex{names: map[string]struct{}{}}, &aptIndex{only: name, names: map[string]struct{}{}}
		if err := errors.Join(whole.add(strings.NewReader(text)), one.add(iotest.HalfReader(strings.NewReader(text)))); err != nil {
			t.Fatal(err)
		}
		_, want := whole.names[name]
		if _, got := one.names[name]; got != want {
			t.Errorf("%q: found %v by a search, %v in the whole", name, got, want)
		}
	}
}

// indexText is an index of packages, of some 800 bytes each, as in Debian.
func indexText(packages int) string {
	var b strings.Builder
	for i := range packages {
		fmt.Fprintf(&b, "Package: package-%d\nVersion: %d\nPriority: optional\n", i, i)
		for line := range 8 {
			fmt.Fprintf(&b, "Field-%d: Python and others, %s\n", line, strings.Repeat("x", 60))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func BenchmarkIndex(b *testing.B) {
	text := indexText(64_000)
	for _, only := range []string{"", "absent"} {
		b.Run("only="+only, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				x := &aptIndex{only: only, names: map[string]struct{}{}}
				if err := x.add(strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSimulation(t *testing.T) {
	sim := parseSimulation(`NOTE: This is only a simulation!
Reading package lists...
Remv systemd-timesyncd [252.1-1] [chrony:amd64 ]
Inst libnew:amd64 (1.0 Debian:12.1/stable [amd64])
Inst libold [2.0] (2.1 Debian:12.1/stable [amd64]) []
Inst again [3.0] (3.0 Debian:12.1/stable [amd64])
Inst chrony (4.3-2 Debian:12.1/stable [amd64])
Conf chrony (4.3-2 Debian:12.1/stable [amd64])
Purg bolt [0.9]
`)
	err := sim.refuseInstall([]string{"chrony"}, []string{"systemd-timesyncd"})
	want := "installing chrony would upgrade libold from 2.0 to 2.1: upgrade it first, on purpose\n" +
		"installing chrony would remove bolt 0.9: remove it first, or name what conflicts"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	err = sim.refuseRemoval([]string{"bolt"}, nil, map[string]bool{})
	want = "removing bolt would upgrade libold from 2.0 to 2.1: upgrade it first, on purpose\n" +
		"removing bolt would also remove systemd-timesyncd, which needs it: list systemd-timesyncd too, or remove it by hand"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := parseSimulation("Purg bolt [0.9]\nRemv libauto [1]\n").refuseRemoval([]string{"bolt"}, nil, map[string]bool{"libauto": true}); err != nil {
		t.Errorf("a dependency that nobody asked for may go: got %v", err)
	}
	if err := parseSimulation("Purg bolt [0.9]\nRemv gone [1]\n").refuseRemoval([]string{"bolt"}, []string{"gone"}, map[string]bool{}); err != nil {
		t.Errorf("one that is gone by then is no reason: got %v", err)
	}
}

func TestVirtual(t *testing.T) {
	status := indexStatus([]byte("Package: wine32\nStatus: install ok installed\nArchitecture: i386\nVersion: 1\n"))
	status.native = "amd64"
	for name, c := range map[string]struct{ says, want string }{
		"wine32": {"", "apt has no wine32 of the host's own architecture, and takes it for wine32:i386: declare that one"},
		"wine64": {"Inst libwine:i386 (1 x [i386])\nInst wine64:i386 (1 x [i386])\n", "apt has no wine64 of the host's own architecture, and takes it for wine64:i386: declare that one"},
		"mta":    {"Inst mta-a (1 x [all])\n", "mta is a virtual package provided by mta-a: declare that one"},
		"awk":    {"", "awk is a virtual package provided by one that is installed: declare that one"},
	} {
		if err := parseSimulation(c.says).refuseVirtual(status, []string{name}); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}

// bigStatus is as large as that of a server with 2,500 packages.
func bigStatus() []byte {
	var b strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&b, "Package: package-%d\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nVersion: 1.%d\nDescription: %s\n\n",
			i, i, strings.Repeat("some words in a description\n ", 60))
	}
	return []byte(b.String())
}

func BenchmarkDpkgStatus(b *testing.B) {
	data := bigStatus()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := indexStatus(data)
		for _, name := range []string{"package-1", "package-1000", "package-2499", "absent"} {
			s.find(name)
		}
	}
}

// TestManual: neither the base system, nor libraries, nor what apt brought along for others was
// asked for, nor what is not installed.
func TestManual(t *testing.T) {
	stanza := func(name, status, more string) string {
		return "Package: " + name + "\nStatus: " + status + "\n" + more + "Architecture: amd64\nVersion: 1\n\n"
	}
	files := map[string]string{
		"var/lib/dpkg/status": stanza("vim", "install ok installed", "Priority: optional\n") +
			stanza("held", "hold ok installed", "Priority: standard\n") +
			stanza("libz", "install ok installed", "Priority: optional\nSection: libs\n") +
			stanza("libzfree", "install ok installed", "Priority: optional\nSection: non-free/oldlibs\n") +
			stanza("libz-dev", "install ok installed", "Priority: optional\nSection: libdevel\n") +
			stanza("adduser", "install ok installed", "Priority: important\n") +
			stanza("dpkg", "install ok installed", "Essential: yes\nPriority: optional\n") +
			stanza("libgpm2", "install ok installed", "Priority: optional\n") +
			stanza("gone", "deinstall ok config-files", "Priority: optional\n"),
	}
	manual := func() []string {
		h := &Host{}
		h.packages.root = tree(t, files)
		got, err := h.Manual()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if diff := cmp.Diff([]string{"held", "libgpm2", "libz-dev", "vim"}, manual()); diff != "" {
		t.Errorf("without apt's marks (-want +got)\n%s", diff)
	}
	files["var/lib/apt/extended_states"] = "Package: libgpm2\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: vim\nArchitecture: amd64\nAuto-Installed: 0\n"
	if diff := cmp.Diff([]string{"held", "libz-dev", "vim"}, manual()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
