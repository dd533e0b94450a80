// Package debian holds facts of Debian and of what every Debian host runs: where
// things are, and how units and configuration files are named and read. It knows
// nothing of opsafe, and looks at no host.
package debian

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// UnitDir is where the administrator's units are, and the links that enable units.
const UnitDir = "/etc/systemd/system"

// RunUnitDir has units until the next boot, LocalUnitDir those that were installed
// by hand, PackageUnitDir those of packages.
const (
	RunUnitDir     = "/run/systemd/system"
	LocalUnitDir   = "/usr/local/lib/systemd/system"
	PackageUnitDir = "/usr/lib/systemd/system"
)

// ShownUnitDir is the name of PackageUnitDir that systemd itself shows, up to
// bookworm.
const ShownUnitDir = "/lib/systemd/system"

// UnitDirs are the directories of unit files, most important first
// (systemd.unit(5)).
func UnitDirs() []string {
	return []string{UnitDir, RunUnitDir, LocalUnitDir, PackageUnitDir, ShownUnitDir}
}

// OfUnits reports whether systemd reads what is at a path as one of its units' files, and so
// has to be told when it changes.
func OfUnits(at string) bool {
	return slices.ContainsFunc(UnitDirs(), func(dir string) bool { return strings.HasPrefix(at, dir+"/") })
}

// UnitTypes are the types of units that there are, as names end in them
// (systemd.unit(5)).
func UnitTypes() []string {
	return []string{".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope"}
}

// IsUnitName reports whether a name ends as a unit's does.
func IsUnitName(name string) bool {
	ext := path.Ext(name)
	return ext != name && slices.Contains(UnitTypes(), ext)
}

// IsFileUnit reports whether units of this name's type have files: devices and
// scopes are made by the kernel and by programs.
func IsFileUnit(name string) bool {
	ext := path.Ext(name)
	return IsUnitName(name) && ext != ".device" && ext != ".scope"
}

// IsProgramUnit reports whether a unit of this name's type runs programs or waits
// to. Others group units, or come and go with devices and mounts.
func IsProgramUnit(name string) bool {
	return slices.Contains([]string{".service", ".timer", ".socket", ".path"}, path.Ext(name))
}

// IsGeneratedUnit reports whether systemd makes units of this name's type by itself,
// from fstab, from devices or on demand: they can be there without a file.
func IsGeneratedUnit(name string) bool {
	return slices.Contains([]string{".device", ".mount", ".automount", ".swap", ".slice", ".scope"}, path.Ext(name))
}

// IsTemplate reports whether name is a template, which has instances but no state
// of its own.
func IsTemplate(name string) bool { return strings.Contains(name, "@.") }

// TemplateOf names the template that a unit is an instance of; empty for none.
func TemplateOf(name string) string {
	prefix, rest, ok := strings.Cut(name, "@")
	if !ok || strings.HasPrefix(rest, ".") {
		return ""
	}
	return prefix + "@" + path.Ext(rest)
}

// MountPoint is where a .mount or .automount unit mounts, which systemd requires
// its name to say (systemd.mount(5)); empty for other units.
func MountPoint(name string) string {
	ext := path.Ext(name)
	if ext != ".mount" && ext != ".automount" || IsTemplate(name) || TemplateOf(name) != "" {
		return ""
	}
	escaped := strings.ReplaceAll(strings.TrimSuffix(name, ext), "-", "/")
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		const escape = len(`\xNN`)
		if strings.HasPrefix(escaped[i:], `\x`) && i+escape <= len(escaped) {
			if c, err := strconv.ParseUint(escaped[i+2:i+escape], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += escape - 1
				continue
			}
		}
		b.WriteByte(escaped[i])
	}
	return path.Clean("/" + b.String())
}
