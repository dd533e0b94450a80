package debian

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// UnitFile is what a unit file or a drop-in says, after systemd.syntax(7).
type UnitFile struct {
	Sections []string // in their order; one that is opened twice is here twice
	Settings []Setting
	// Wrong are the lines that are not in the form of a unit file's. systemd skips
	// them.
	Wrong []LineError
}

// Setting is one KEY=VALUE of a unit file. Its value has what continues it, and no
// blanks around it.
type Setting struct {
	Section, Key, Value string
	Line                int // the first one, from 1
}

// LineError is what is wrong with a line.
type LineError struct {
	Line int // from 1
	Text string
}

const blanks = " \t\r\n"

// ParseUnit reads a unit file as systemd does: a line that ends in a backslash goes
// on with the next one that is no comment.
func ParseUnit(text string) UnitFile {
	var f UnitFile
	var pending strings.Builder
	number, began := 0, 0
	add := func() {
		f.add(strings.Trim(pending.String(), blanks), began)
		pending.Reset()
		began = 0
	}
	for line := range strings.Lines(text) {
		number++
		if bare := strings.Trim(line, blanks); bare != "" && (bare[0] == '#' || bare[0] == ';') {
			continue
		}
		if began == 0 {
			began = number
		}
		line, goesOn := continued(strings.TrimRight(line, "\r\n"))
		pending.WriteString(line)
		if !goesOn {
			add()
		}
	}
	add()
	return f
}

// continued puts a blank for the backslash by which a line goes on in the next one.
// Two backslashes are one that is meant.
func continued(line string) (string, bool) {
	if (len(line)-len(strings.TrimRight(line, `\`)))%2 == 0 {
		return line, false
	}
	return line[:len(line)-1] + " ", true
}

func (f *UnitFile) add(line string, number int) {
	wrong := func(text string) {
		f.Wrong = append(f.Wrong, LineError{number, strconv.Quote(line) + text})
	}
	if line == "" {
		return
	}
	if line[0] == '[' {
		if !strings.HasSuffix(line, "]") || len(line) < len("[a]") {
			wrong(": want a section, as in [Service]")
			return
		}
		f.Sections = append(f.Sections, line[1:len(line)-1])
		return
	}
	key, value, ok := strings.Cut(line, "=")
	key = strings.Trim(key, blanks)
	switch {
	case !ok:
		wrong(": want KEY=VALUE or [SECTION]")
	case len(f.Sections) == 0:
		wrong(" stands before the first [SECTION]")
	case key == "" || strings.ContainsAny(key, blanks):
		wrong(": want KEY=VALUE")
	default:
		section := f.Sections[len(f.Sections)-1]
		f.Settings = append(f.Settings, Setting{section, key, strings.Trim(value, blanks), number})
	}
}

// Last is the value that counts of a setting that can have only one; "" where it is
// not set.
func (f UnitFile) Last(section, key string) string {
	for _, s := range slices.Backward(f.Settings) {
		if s.Section == section && s.Key == key {
			return s.Value
		}
	}
	return ""
}

// List is all words of a setting that can have many. An empty value takes back what
// stands before it.
func (f UnitFile) List(section, key string) []string {
	var out []string
	for _, s := range f.Settings {
		switch {
		case s.Section != section || s.Key != key:
		case s.Value == "":
			out = nil
		default:
			out = append(out, strings.Fields(s.Value)...)
		}
	}
	return out
}

// Yes reports whether a boolean setting is on.
func (f UnitFile) Yes(section, key string) bool {
	return slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(f.Last(section, key)))
}

// Starts is the unit that a timer, path, socket or automount unit of this name starts:
// the one that it names, or the service or mount of the same name. It is empty for other types, for
// a file that says nothing, and for a socket that starts an instance for each
// connection.
func (f UnitFile) Starts(name string) string {
	ext := path.Ext(name)
	var named string
	switch {
	case len(f.Sections) == 0:
		return ""
	case ext == ".automount":
		return strings.TrimSuffix(name, ext) + ".mount"
	case ext == ".timer":
		named = f.Last("Timer", "Unit")
	case ext == ".path":
		named = f.Last("Path", "Unit")
	case ext == ".socket" && !f.Yes("Socket", "Accept"):
		named = f.Last("Socket", "Service")
	default:
		return ""
	}
	if named == "" {
		return strings.TrimSuffix(name, ext) + ".service"
	}
	return named
}

// Mounts is what a mount unit mounts, and whether that is a directory that is shown
// a second time (mount --bind).
func (f UnitFile) Mounts() (what string, bind bool) {
	options := strings.Split(f.Last("Mount", "Options"), ",")
	return f.Last("Mount", "What"), slices.Contains(options, "bind") || slices.Contains(options, "rbind")
}
