package local

import (
	"strconv"
	"strings"
)

// lineFile is an account database whose lines stay as they are, but for those that are
// set.
type lineFile struct {
	lines []string
	at    map[string]int // by name: its line
	// twice says that a name has several lines, elsewhere that one points to NIS.
	twice, elsewhere bool
}

func parseLineFile(text string) *lineFile {
	f := &lineFile{at: make(map[string]int, strings.Count(text, "\n")+1)}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		f.elsewhere = f.elsewhere || line != "" && strings.IndexByte("+-", line[0]) >= 0
		if name := nameOf(line); name != "" {
			_, there := f.at[name]
			f.twice = f.twice || there
			if !there {
				f.at[name] = len(f.lines)
			}
		}
		f.lines = append(f.lines, line)
	}
	return f
}

func (f *lineFile) text() string {
	if len(f.lines) == 0 {
		return ""
	}
	return strings.Join(f.lines, "\n") + "\n"
}

// set puts a line in the place of the one that a name has, else at the end.
func (f *lineFile) set(name, line string) {
	if i, there := f.at[name]; there {
		f.lines[i] = line
		return
	}
	f.at[name] = len(f.lines)
	f.lines = append(f.lines, line)
}

// fields are those of a name's line; nil for none.
func (f *lineFile) fields(name string) []string {
	i, there := f.at[name]
	if !there {
		return nil
	}
	return strings.Split(f.lines[i], ":")
}

// numbers is the set of what stands where passwd(5) and group(5) have the number.
func (f *lineFile) numbers() map[string]bool {
	const n = 2
	out := make(map[string]bool, len(f.lines))
	for _, line := range f.lines {
		if parts := strings.Split(line, ":"); len(parts) > n {
			out[parts[n]] = true
		}
	}
	return out
}

// join adds members to a group's line, whose last field lists them. It reports whether
// there is such a line.
func (f *lineFile) join(group string, members []string) bool {
	i, there := f.at[group]
	if !there {
		return false
	}
	line := f.lines[i]
	var all []string
	if present := line[strings.LastIndexByte(line, ':')+1:]; present != "" {
		all = strings.Split(present, ",")
	}
	had := make(map[string]bool, len(all)+len(members))
	for _, m := range all {
		had[m] = true
	}
	for _, m := range members {
		if !had[m] {
			had[m] = true
			all = append(all, m)
		}
	}
	f.lines[i] = line[:strings.LastIndexByte(line, ':')+1] + strings.Join(all, ",")
	return true
}

// rangesOf are the subordinate ids of a name.
func rangesOf(text, name string) []subRange {
	var out []subRange
	for line := range strings.Lines(text) {
		if r, ok := parseRange(line); ok && nameOf(line) == name {
			out = append(out, r)
		}
	}
	return out
}

// parseRange reads a line of subuid(5).
func parseRange(line string) (subRange, bool) {
	f := fields(line)
	if len(f) != 3 {
		return subRange{}, false
	}
	start, err := strconv.Atoi(f[1])
	if err != nil {
		return subRange{}, false
	}
	count, err := strconv.Atoi(f[2])
	return subRange{start, count}, err == nil
}
