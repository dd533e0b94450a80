package access

import (
	"path"
	"strconv"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/shellrc"
)

// ofSessions reports whether a unit, or a name of drop-ins, is one in which the sessions of
// people are: what it limits holds for them.
func ofSessions(name string) bool {
	switch path.Ext(name) {
	case ".slice":
		return name == "-.slice" || strings.HasPrefix(name, "user")
	case ".scope":
		return strings.HasPrefix(name, "session-")
	}
	return name == "slice" || name == "scope"
}

// narrow are the settings of a slice, see systemd.resource-control(5), that may leave no
// room for a login.
func narrow(text string) []shellrc.Line {
	var out []shellrc.Line
	for _, s := range debian.ParseUnit(text).Settings {
		switch {
		case strings.HasSuffix(s.Key, "Weight"), strings.HasSuffix(s.Key, "Accounting"), s.Key == "Description", s.Key == "Documentation", s.Key == "ManagedOOMPreference":
		case s.Key == "CPUQuota" && portion(s.Value, 10, 0), s.Key == "TasksMax" && portion(s.Value, 10, 64),
			(s.Key == "MemoryMax" || s.Key == "MemoryHigh") && portion(s.Value, 10, 256<<20), s.Key == "MemorySwapMax":
		default:
			out = append(out, shellrc.Line{Number: s.Line, What: s.Key + " may leave no room for a login", Text: s.Key + "=" + s.Value})
		}
	}
	return out
}

// portion reports whether a limit leaves at least so many percent or, if it is a number,
// so much.
func portion(value string, percent, least float64) bool {
	if value == "infinity" || value == "" {
		return true
	}
	if p, ok := strings.CutSuffix(value, "%"); ok {
		n, err := strconv.ParseFloat(p, 64)
		return err == nil && n >= percent
	}
	const units = "KMGT"
	unit := 1.0
	if i := strings.IndexByte(units, value[len(value)-1]); i >= 0 {
		unit, value = float64(uint64(1)<<(10*(i+1))), value[:len(value)-1]
	}
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && least > 0 && n*unit >= least
}

// logins are the settings of logind that end sessions, refuse them, or end the host: see
// logind.conf(5).
func (b *bootFiles) logins() error {
	const name = "logind.conf"
	files := []string{"/etc/systemd/" + name}
	for _, in := range []string{"/etc/systemd/", "/run/systemd/", "/usr/local/lib/systemd/", "/usr/lib/systemd/"} {
		names, err := b.list(in + name + ".d")
		if err != nil {
			return err
		}
		for _, n := range names {
			if path.Ext(n) == ".conf" {
				files = append(files, path.Join(in+name+".d", n))
			}
		}
	}
	for _, at := range files {
		text, err := b.text(at)
		if err != nil {
			return err
		}
		for _, s := range debian.ParseUnit(text).Settings {
			switch {
			case isAmong(s.Key, "StopIdleSessionSec SessionsMax InhibitorsMax RuntimeDirectorySize RuntimeDirectoryInodesMax"),
				s.Key == "IdleAction" && s.Value != "ignore" && s.Value != "lock":
				b.add(at, shellrc.Line{Number: s.Line, What: s.Key + " may end sessions, or the host", Text: s.Key + "=" + s.Value})
			}
		}
	}
	return nil
}
