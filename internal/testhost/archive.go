package testhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// debianKeyring signs what comes from the mirror.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirror is where this machine's own apt gets Debian from. It has all suites.
type mirror struct{ uri string }

// findMirror looks in the apt sources of this machine for the entry that is
// Debian itself: one of its own suites, component main.
func findMirror() (mirror, error) {
	var uris []string
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return mirror{}, err
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return mirror{}, err
			}
			if strings.HasSuffix(f, ".sources") {
				uris = append(uris, parseStanzas(string(data))...)
			} else {
				uris = append(uris, parseLines(string(data))...)
			}
		}
	}
	if len(uris) == 0 {
		return mirror{}, errors.New("cannot find a Debian mirror in this machine's apt sources")
	}
	// Others use the suites' names, too; Debian's directory is called debian.
	slices.SortStableFunc(uris, func(a, b string) int { return debianness(b) - debianness(a) })
	return mirror{uri: uris[0]}, nil
}

func debianness(uri string) int {
	if path.Base(strings.TrimRight(uri, "/")) == "debian" {
		return 1
	}
	return 0
}

// parseLines finds Debian in sources of one line each.
func parseLines(s string) []string {
	var uris []string
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		if i, j := strings.IndexByte(line, '['), strings.IndexByte(line, ']'); i >= 0 && j > i {
			line = line[:i] + line[j+1:]
		}
		if f := strings.Fields(line); len(f) >= 4 && f[0] == "deb" && isDebian(f[1], f[2:3], f[3:]) {
			uris = append(uris, f[1])
		}
	}
	return uris
}

// parseStanzas finds Debian in sources of the deb822 format.
func parseStanzas(s string) []string {
	var uris []string
	fields := map[string][]string{}
	last := ""
	flush := func() {
		off := len(fields["enabled"]) > 0 && fields["enabled"][0] == "no"
		for _, uri := range fields["uris"] {
			if !off && slices.Contains(fields["types"], "deb") && isDebian(uri, fields["suites"], fields["components"]) {
				uris = append(uris, uri)
			}
		}
		clear(fields)
	}
	for line := range strings.Lines(s) {
		switch key, value, ok := strings.Cut(line, ":"); {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			flush()
		case line[0] == ' ' || line[0] == '\t':
			fields[last] = append(fields[last], strings.Fields(line)...)
		case ok:
			last = strings.ToLower(key)
			fields[last] = strings.Fields(value)
		}
	}
	flush()
	return uris
}

func isDebian(uri string, suites, components []string) bool {
	known := slices.ContainsFunc(suites, func(s string) bool { return knownSuite(s) || s == "stable" || s == "forky" || s == "sid" })
	return strings.HasPrefix(uri, "http") && known && slices.Contains(components, "main")
}

// proxyEnv tells debootstrap, which does not read apt's settings, apt's proxy.
func (m mirror) proxyEnv(ctx context.Context) []string {
	var env []string
	for _, scheme := range []string{"http", "https"} {
		out, err := tool(ctx, "apt-config", "dump", "--no-empty", "--format", "%v%n", "Acquire::"+scheme+"::Proxy")
		if p := strings.TrimSpace(out); err == nil && p != "" && p != "DIRECT" {
			env = append(env, scheme+"_proxy="+p)
		}
	}
	return env
}

// outerApt is this machine's apt, with its way to the network but another
// suite's sources and an image's list of installed packages.
type outerApt struct{ config string }

func newOuterApt(ctx context.Context, o Options, m mirror, dir, root string) (*outerApt, error) {
	for _, d := range []string{"state/lists/partial", "cache", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	acquire, err := tool(ctx, "apt-config", "dump", "Acquire")
	if err != nil {
		return nil, err
	}
	sources := filepath.Join(dir, "sources.list")
	line := fmt.Sprintf("deb [signed-by=%s] %s %s main\n", debianKeyring, m.uri, o.Suite)
	if err := os.WriteFile(sources, []byte(line), 0o600); err != nil {
		return nil, err
	}
	config := acquire
	for _, s := range [][2]string{
		// none of this machine's hooks and pins
		{"Dir::Etc::parts", filepath.Join(dir, "none")},
		{"Dir::Etc::main", "/dev/null"},
		{"Dir::Etc::sourceparts", filepath.Join(dir, "none")},
		{"Dir::Etc::sourcelist", sources},
		{"Dir::Etc::preferencesparts", filepath.Join(dir, "none")},
		{"Dir::Etc::preferences", "/dev/null"},
		{"Dir::State", filepath.Join(dir, "state")},
		{"Dir::State::status", filepath.Join(root, "var/lib/dpkg/status")},
		{"Dir::Cache", filepath.Join(dir, "cache")},
		{"Dir::Cache::archives", filepath.Join(root, archivePath)},
		{"Dir::Log", filepath.Join(dir, "log")},
		{"APT::Sandbox::User", "root"},
		{"APT::Install-Recommends", "false"},
		{"Acquire::Languages", "none"},
	} {
		config += fmt.Sprintf("%s %q;\n", s[0], s[1])
	}
	a := &outerApt{config: filepath.Join(dir, "apt.conf")}
	return a, os.WriteFile(a.config, []byte(config), 0o600)
}

func (a *outerApt) run(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.config, "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return runTool(cmd)
}

// candidates keeps the packages that the suite has.
func (a *outerApt) candidates(ctx context.Context, packages []string) ([]string, error) {
	out, err := a.run(ctx, append([]string{"apt-cache", "policy"}, packages...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	name := ""
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		line := s.Text()
		if !strings.HasPrefix(line, " ") {
			name = strings.TrimSuffix(line, ":")
		} else if c, ok := strings.CutPrefix(line, "  Candidate: "); ok && c != "(none)" {
			names = append(names, name)
		}
	}
	return names, nil
}

// buildArchive fills the archive of the image with what it was made from and
// with each of the packages and all it depends on, and writes its index.
// Packages that the suite lacks are left out.
func buildArchive(ctx context.Context, o Options, packages []string, m mirror, dir, root string) error {
	archive := filepath.Join(root, archivePath)
	if err := os.MkdirAll(filepath.Join(archive, "partial"), 0o755); err != nil {
		return err
	}
	own, err := filepath.Glob(filepath.Join(root, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range own {
		if err := os.Rename(deb, filepath.Join(archive, filepath.Base(deb))); err != nil {
			return err
		}
	}
	aptDir := filepath.Join(dir, "apt")
	apt, err := newOuterApt(ctx, o, m, aptDir, root)
	if err != nil {
		return err
	}
	if _, err := apt.run(ctx, "apt-get", "-qq", "update"); err != nil {
		return err
	}
	names, err := apt.candidates(ctx, packages)
	if err != nil {
		return err
	}
	o.Log("downloading %s", strings.Join(names, " "))
	for _, p := range names { // each alone: some conflict with each other
		if _, err := apt.run(ctx, "apt-get", "-qq", "-y", "--download-only", "install", p); err != nil {
			return err
		}
	}
	for _, leftover := range []string{filepath.Join(archive, "partial"), filepath.Join(archive, "lock"), aptDir} {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	return indexArchive(ctx, archive)
}

// indexArchive writes the lists that apt reads.
func indexArchive(ctx context.Context, archive string) error {
	for _, f := range [][2]string{{"packages", "Packages"}, {"release", "Release"}} {
		cmd := exec.CommandContext(ctx, "apt-ftparchive", f[0], ".")
		cmd.Dir = archive
		out, err := runTool(cmd)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(archive, f[1]), []byte(out), 0o644); err != nil {
			return err
		}
	}
	return nil
}
