package host

import (
	"bytes"
	"slices"
	"strings"

	"opsafe/internal/debian"
)

// dpkgInfo is where dpkg keeps what it knows of each package's files.
const dpkgInfo = "/var/lib/dpkg/info/"

// PackagePaths are all files and directories of a package that is installed, as dpkg
// lists them.
func PackagePaths(r Reader, name string) []string { return dpkgLines(r, name, ".list") }

// SharedDir reports whether packages have a directory that are not among some.
func SharedDir(r Reader, dir string, some func(name string) bool) bool {
	names, err := r.ReadDir(dpkgInfo)
	if err != nil {
		return true
	}
	for _, n := range names {
		pkg, isList := strings.CutSuffix(n, ".list")
		pkg, _, _ = strings.Cut(pkg, ":")
		if !isList || some(pkg) {
			continue
		}
		data, err := r.ReadFile(dpkgInfo + n)
		if err != nil || bytes.Contains(data, []byte("\n"+dir+"\n")) {
			return true
		}
	}
	return false
}

// dpkgLines reads one of dpkg's files on a package that is there, by lines.
func dpkgLines(r Reader, name, what string) []string {
	p, err := r.Package(name)
	if err != nil || p == nil {
		return nil
	}
	facts, err := r.Facts()
	if err != nil {
		return nil
	}
	for _, base := range []string{name, name + ":" + facts.Arch} {
		if data, err := r.ReadFile(dpkgInfo + base + what); err == nil && data != nil {
			return strings.Fields(string(data))
		}
	}
	return nil
}

// PackageFiles are the configuration files and the units of a package that is
// installed, as far as dpkg's own files tell.
func PackageFiles(r Reader, name string) (conf, units []string) {
	conf = slices.DeleteFunc(dpkgLines(r, name, ".conffiles"), func(f string) bool { return !strings.HasPrefix(f, "/") })
	for _, f := range PackagePaths(r, name) {
		for _, dir := range []string{debian.ShownUnitDir + "/", debian.PackageUnitDir + "/"} {
			if unit, ok := strings.CutPrefix(f, dir); ok && strings.Contains(unit, ".") && !strings.ContainsAny(unit, "/@") {
				units = append(units, unit)
			}
		}
	}
	return conf, units
}

// goingPackages is what goes with packages: their configuration and their units, too.
func goingPackages(r Reader, names []string) []Touch {
	out := touch(SubjectPackage, names...)
	for _, name := range names {
		conf, units := PackageFiles(r, name)
		for _, t := range append(touch(SubjectPath, conf...), touch(SubjectUnit, units...)...) {
			t.Package = name
			out = append(out, t)
		}
	}
	return out
}
