package access

import (
	"path"
	"strconv"
	"strings"

	"opsafe/internal/words"
)

const (
	// talkers are commands that only say what they are given.
	talkers = "echo printf logger mail mailx wall log warn warning die info err error msg notify say"
	// finders look for what they are given.
	finders = "grep egrep fgrep zgrep journalctl test [ [["
)

var (
	quoted      = words.Pattern(`"(?:[^"\\]|\\.)*"|'[^']*'`)
	kept        = words.Pattern("\x01[0-9]+\x01")
	substituted = words.Pattern(`\$\([^()]*\)`)
	toFile      = words.Pattern(`>+[ \t]*`)
	nowhere     = words.Pattern("[0-9]*>(?:/dev/null|\x02[0-9])")
)

// unsaid is a line of commands without what it only says, or looks for.
func unsaid(line string) string {
	var strs []string
	if strings.ContainsAny(line, `"'`) {
		line = quoted().ReplaceAllStringFunc(line, func(s string) string {
			strs = append(strs, s)
			return "\x01" + strconv.Itoa(len(strs)-1) + "\x01"
		})
	}
	if strings.Contains(line, ">") {
		line = toFile().ReplaceAllStringFunc(line, strings.TrimSpace)
		line = strings.ReplaceAll(line, ">&", ">\x02")
	}
	all := segments(line)
	var b strings.Builder
	for i, s := range all {
		if !onlySays(s, all[i+1:]) {
			b.WriteString(s)
			continue
		}
		b.WriteString(" : ")
		for _, at := range kept().FindAllString(s, -1) { // what a shell runs in them
			if n, err := strconv.Atoi(strings.Trim(at, "\x01")); err == nil && n < len(strs) {
				b.WriteString(ranInside(strs[n]))
			}
		}
	}
	out := kept().ReplaceAllStringFunc(b.String(), func(at string) string {
		n, err := strconv.Atoi(strings.Trim(at, "\x01"))
		if err != nil || n >= len(strs) {
			return at
		}
		return strs[n]
	})
	return strings.ReplaceAll(out, "\x02", "&")
}

// segments are the commands of a line, and the signs between them.
func segments(line string) []string {
	const signs = ";&|()"
	var all []string
	for line != "" {
		n := strings.IndexAny(line, signs)
		switch {
		case n < 0:
			n = len(line)
		case n == 0:
			n = 1
		}
		all = append(all, line[:n])
		line = line[n:]
	}
	return all
}

// ranInside is what a shell runs in a string: all of it, if that is not plain.
func ranInside(s string) string {
	runs := substituted().FindAllString(s, -1)
	switch {
	case s[0] == '\'':
		return ""
	case strings.Contains(s, "`"), len(runs) != strings.Count(s, "("):
		return s
	}
	return strings.Join(runs, " ")
}

// onlySays reports whether a command says or finds something, and nothing that takes it
// for commands or for a file's content gets to see what it says.
func onlySays(command string, after []string) bool {
	if strings.Contains(command, ">") && strings.Contains(nowhere().ReplaceAllString(command, ""), ">") || strings.Contains(command, "`") {
		return false
	}
	name := firstOf(command)
	switch {
	case isAmong(name, finders):
		return true
	case !isAmong(name, talkers):
		return false
	}
	if len(after) > 1 && after[0] == "|" && after[1] != "|" {
		return isAmong(firstOf(after[1]), readers+" "+finders+" logger mail mailx wall")
	}
	return true
}

// firstOf is the program of a command, behind what may stand before one.
func firstOf(command string) string {
	list := strings.Fields(command)
	for len(list) > 1 && (isAmong(list[0], prefixes) && !isAmong(list[0], finders) || strings.Contains(list[0], "=")) {
		list = list[1:]
	}
	if len(list) == 0 {
		return ""
	}
	return path.Base(list[0])
}
