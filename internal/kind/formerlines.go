package kind

import (
	"encoding/json"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// maxVersions is how many former versions of a file's lines are remembered: a run
// that was undone has brought back an older one.
const maxVersions = 5

// Lines is what manage remembers of the lines that it has seen to: a line that is
// changed in the spec takes the place of what it was. They are by path: the versions of each,
// the newest last. Those of secret files are not among them.
type Lines map[string][][]string

// ReadLines reads them. What cannot be seen or read is as if it were not there: a
// changed line is then appended.
func ReadLines(r host.Reader) Lines {
	data, err := r.ReadFile(notes.Lines)
	if err != nil || data == nil {
		return nil
	}
	var l Lines
	if json.Unmarshal(data, &l) != nil {
		return nil
	}
	return l
}

// With adds what is declared of the files for which done is true. It reports
// whether that is anything new.
func (l Lines) With(files map[string]*spec.File, done func(path string) bool) (Lines, bool) {
	next, fresh := Lines{}, false
	for p, versions := range l {
		next[p] = slices.Clone(versions)
	}
	for p, f := range files {
		if len(f.Lines) == 0 || f.State == Absent || spec.Is(f.Secret) || !done(p) {
			continue
		}
		v := next[p]
		if n := len(v); n > 0 && slices.Equal(v[n-1], f.Lines) {
			continue
		}
		v = append(v, slices.Clone(f.Lines))
		next[p], fresh = v[max(0, len(v)-maxVersions):], true
	}
	return next, fresh
}

// Marshal is the content of the note.
func (l Lines) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(l, "", "  ")
	return append(data, '\n'), err
}

// replaced says which declared line takes the place of which former one: of the
// lines that only one version has, those that begin with the same words, and else
// those that stand at the same place and resemble each other.
func replaced(versions [][]string, now []string) map[string]string {
	out := map[string]string{}
	for _, former := range slices.Backward(versions) {
		for line, next := range counterparts(former, now) {
			if _, known := out[line]; !known {
				out[line] = next
			}
		}
	}
	return out
}

// counterparts are the changed lines of two versions, by what they were. A line that
// resembles no other is new, or is not declared any more.
func counterparts(former, now []string) map[string]string {
	out, taken := map[string]string{}, map[string]bool{}
	olds, news := without(former, now), without(now, former)
	for {
		var line, next string
		best := 0
		for _, o := range olds {
			for _, n := range news {
				if s := resemblance(o, n); s > best && out[o] == "" && !taken[n] {
					line, next, best = o, n, s
				}
			}
		}
		if best == 0 {
			break
		}
		out[line], taken[next] = next, true
	}
	places := between(now, former)
	for at, lines := range between(former, now) {
		lines = slices.DeleteFunc(lines, func(l string) bool { return out[l] != "" })
		free := slices.DeleteFunc(places[at], func(l string) bool { return taken[l] })
		for i := range min(len(lines), len(free)) {
			if mayReplace(lines[i], free[i]) {
				out[lines[i]] = free[i]
			}
		}
	}
	return out
}

// lineWords are the words of a line, the first of which mostly names a setting:
// those of "Port=22" are Port and 22.
func lineWords(line string) []string {
	return strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' || c == '=' })
}

// resemblance is greater the more words two lines begin with alike, and then, the
// more words they share. It is 0 if their first words differ.
func resemblance(a, b string) int {
	const alike = 1000
	as, bs := lineWords(a), lineWords(b)
	n := 0
	for n < min(len(as), len(bs)) && as[n] == bs[n] {
		n++
	}
	if n == 0 {
		return 0
	}
	return n*alike + min(shared(as, bs), alike-1)
}

func shared(as, bs []string) int {
	n := 0
	for _, w := range as {
		if slices.Contains(bs, w) {
			n++
		}
	}
	return n
}

// mayReplace reports whether one line at the place of another can be the same one,
// changed, though their first words differ: a list of single words has nothing else to
// go by.
func mayReplace(a, b string) bool {
	as, bs := lineWords(a), lineWords(b)
	return len(as) <= 1 && len(bs) <= 1 || shared(as, bs) > 0
}

// between sorts the lines that only the first list has by the line before them
// that both have.
func between(lines, other []string) map[string][]string {
	out, at := map[string][]string{}, ""
	for _, line := range lines {
		if slices.Contains(other, line) {
			at = line
		} else {
			out[at] = append(out[at], line)
		}
	}
	return out
}

// replaceLines puts declared lines that are missing in the place of what they
// were.
func replaceLines(content []byte, lines []string, by map[string]string) []byte {
	if len(by) == 0 {
		return content
	}
	missing := missingLines(content, lines)
	var b strings.Builder
	for line := range strings.Lines(string(content)) {
		text, end := strings.CutSuffix(line, "\n")
		if next, ok := by[text]; ok && slices.Contains(missing, next) {
			missing = slices.DeleteFunc(missing, func(l string) bool { return l == next })
			text = next
		}
		b.WriteString(text)
		if end {
			b.WriteByte('\n')
		}
	}
	return []byte(b.String())
}
