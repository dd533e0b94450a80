package host

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
)

// Paths answers what is at a path.
type Paths interface {
	Stat(path string) (*Node, error)
	ReadDir(path string) ([]string, error)
}

// UnmetCondition is a condition by which systemd passes over the start of a unit, as its
// file has it (systemd.unit(5)); empty: it starts it. Conditions are judged that ask for
// paths which no program makes as it runs; others, and what cannot be seen, are taken to
// hold.
func UnmetCondition(r Paths, f debian.UnitFile) string {
	var all, oneOf []debian.Setting
	for _, s := range f.Settings {
		switch {
		case s.Section != "Unit" || !strings.HasPrefix(s.Key, "Condition"):
		case s.Value == "": // takes back all that stand before it
			all, oneOf = nil, nil
		case strings.HasPrefix(s.Value, "|"):
			oneOf = append(oneOf, s)
		default:
			all = append(all, s)
		}
	}
	unmet := func(s debian.Setting) bool { return !holds(r, s.Key, strings.TrimPrefix(s.Value, "|")) }
	if i := slices.IndexFunc(all, unmet); i >= 0 {
		return all[i].Key + "=" + all[i].Value
	}
	if len(oneOf) > 0 && !slices.ContainsFunc(oneOf, func(s debian.Setting) bool { return !unmet(s) }) {
		return oneOf[0].Key + "=" + oneOf[0].Value
	}
	return ""
}

func holds(r Paths, key, value string) bool {
	at, not := strings.CutPrefix(value, "!")
	at = strings.TrimSpace(at)
	if !path.IsAbs(at) || strings.Contains(at, "%") || madeByPrograms(at) {
		return true
	}
	n, err := r.Stat(at)
	if key != "ConditionPathIsSymbolicLink" {
		n, err = behindLinks(r, at)
	}
	if err != nil {
		return true
	}
	var is bool
	switch key {
	case "ConditionPathExists":
		is = n != nil
	case "ConditionPathIsDirectory":
		is = n != nil && n.Type == TypeDir
	case "ConditionPathIsSymbolicLink":
		is = n != nil && n.Type == TypeSymlink
	case "ConditionFileNotEmpty":
		is = n != nil && n.Type == TypeFile && n.Size > 0
	case "ConditionFileIsExecutable":
		is = n != nil && n.Type == TypeFile && n.Access.Mode()&0o111 != 0
	case "ConditionDirectoryNotEmpty":
		names, err := r.ReadDir(at)
		if err != nil {
			return true
		}
		is = len(names) > 0
	default:
		return true
	}
	return is != not
}

// madeByPrograms reports whether what is at a path comes and goes with programs.
func madeByPrograms(at string) bool {
	return slices.ContainsFunc([]string{"/run", "/var/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys"}, func(dir string) bool {
		return at == dir || strings.HasPrefix(at, dir+"/")
	})
}

// behindLinks is what is at a path, or at the other end of the link that is there.
func behindLinks(r Paths, at string) (*Node, error) {
	for range mostLinks {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != TypeSymlink {
			return n, err
		}
		if path.IsAbs(n.Target) {
			at = path.Clean(n.Target)
		} else {
			at = path.Join(path.Dir(at), n.Target)
		}
	}
	return nil, nil
}
