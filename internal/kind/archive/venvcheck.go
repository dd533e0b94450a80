package archive

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// readVenvs reads the requirements that lie beside the spec.
func readVenvs(b *spec.Backend, read func(at spec.Pos, label, name string) []byte) {
	for name, v := range venvsOf(b) {
		v.beside = nil
		if v.Requirements != "" && !path.IsAbs(v.Requirements) {
			v.beside = read(v.At("requirements"), "venv "+name+": requirements", v.Requirements)
		}
	}
}

// checkVenvs finds what the forms of fields cannot say.
func checkVenvs(b *spec.Backend, problems *spec.Problems) {
	for name, v := range venvsOf(b) {
		add := func(field, format string, args ...any) {
			problems.Addf(v.At(field), "venv %s: %s", name, fmt.Sprintf(format, args...))
		}
		if v.State == kind.Absent {
			if v.Has("wheels") || v.Has("requirements") || v.Has("pins") {
				add("state", "is absent and has wheels: want one or the other; the links that are to go are still named")
			}
			continue
		}
		if v.Path == "" {
			add("path", "has no path")
		}
		if v.Wheels == "" {
			add("wheels", "has no wheels")
		}
		switch {
		case v.Requirements == "" && len(v.Pins) == 0:
			add("requirements", "has no requirements, and no pins: want one of them")
		case v.Requirements != "" && v.Has("pins"):
			add("pins", "has requirements, too: want one of them")
		default:
			if _, err := v.pins(); err != nil {
				field := "pins"
				if v.Requirements != "" {
					field = "requirements"
				}
				add(field, "%v", err)
			}
		}
		checkVenvCommands(v, add)
	}
}

func checkVenvCommands(v *Venv, add func(field, format string, args ...any)) {
	for at, name := range v.Commands {
		if slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "." || part == ".." }) {
			add("commands", "commands: %q is no path in an environment", name)
		}
		if strings.HasPrefix(at, v.Path+"/") {
			add("commands", "commands: %s lies in path: a link beside what is installed is not kept", at)
		}
	}
}

// pins are what is declared; nil without an error: a file on the host says it.
func (v *Venv) pins() ([]host.Wheel, error) {
	switch {
	case v.Requirements == "":
		wheels, err := parsePins(strings.Join(v.Pins, "\n"))
		if err != nil {
			return nil, fmt.Errorf("pins: %w", err)
		}
		return wheels, nil
	case path.IsAbs(v.Requirements) || v.beside == nil: // what cannot be read is a problem already
		return nil, nil
	}
	wheels, err := parsePins(string(v.beside))
	if err != nil {
		return nil, fmt.Errorf("requirements: %s: %w", v.Requirements, err)
	}
	return wheels, nil
}

// venvsBeside are the directories of wheels beside the spec. Each has to hold a wheel of
// every distribution that is pinned there, too.
func venvsBeside(b *spec.Backend) []spec.Beside {
	var out []spec.Beside
	for name, v := range venvsOf(b) {
		if v.Wheels == "" || path.IsAbs(v.Wheels) {
			continue
		}
		out = append(out, spec.Beside{At: v.At("wheels"), Label: "venv " + name + ": wheels", Name: v.Wheels, Dir: func(names []string) error {
			pins, err := v.pins()
			if err != nil {
				return nil //nolint:nilerr // checkVenvs says it
			}
			return lacking(v.Wheels, names, pins, "", "")
		}})
	}
	slices.SortFunc(out, func(a, b spec.Beside) int { return strings.Compare(a.Label, b.Label) })
	return out
}

// lacking is an error if among the names in a directory there is no wheel of something
// that is pinned, or none that is for a version of Python on a machine; empty: for any.
func lacking(dir string, names []string, pins []host.Wheel, python, machine string) error {
	for _, p := range pins {
		why := ""
		found := slices.ContainsFunc(names, func(name string) bool {
			f, ok := host.ReadWheelName(name)
			if !ok || !f.Is(p) {
				return false
			}
			if python != "" {
				why = f.Misfit(python, machine)
			}
			return why == ""
		})
		switch {
		case found:
		case why != "":
			return fmt.Errorf("the wheel of %s %s in %s is not for this host: %s; put one there that is", p.Name, p.Version, dir, why)
		default:
			return fmt.Errorf("there is no wheel of %s %s in %s: put it there, or correct what is pinned", p.Name, p.Version, dir)
		}
	}
	return nil
}
