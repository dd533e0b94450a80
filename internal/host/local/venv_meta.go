package local

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// metadata makes sure that a wheel is of its format, is the distribution that is pinned,
// and is for a version of Python. What it needs in any case is noted.
func (w openWheel) metadata(python string, needed map[string]string) error {
	format, err := w.text("WHEEL")
	if err != nil {
		return err
	}
	if v := header(format, "Wheel-Version"); len(v) != 1 || !strings.HasPrefix(v[0], "1.") {
		return errors.New("cannot read it as a wheel: its WHEEL does not say that its format is 1")
	}
	data, err := w.text("METADATA")
	if err != nil {
		return err
	}
	if v := header(data, "Version"); len(v) != 1 || !strings.EqualFold(v[0], w.Version) {
		return fmt.Errorf("it says that its version is %s", strings.Join(v, ", "))
	}
	for _, needs := range header(data, "Requires-Python") {
		if least := leastPython(needs); least > 0 && python != "" {
			if minor, err := strconv.Atoi(strings.TrimPrefix(python, "3.")); err == nil && minor < least {
				return fmt.Errorf("it needs Python %s, and the host has %s", needs, python)
			}
		}
	}
	for _, r := range header(data, "Requires-Dist") {
		// What it needs under a condition, pip alone can tell: it is left to whoever has
		// made the list.
		if m := requiredName().FindString(r); m != "" && !strings.Contains(r, ";") {
			needed[host.DistributionName(m)] = w.Name
		}
	}
	return nil
}

var (
	requiredName  = words.Pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	pythonAtLeast = words.Pattern(`>=\s*3\.([0-9]{1,3})`)
)

// leastPython is the minor version that a wheel needs at least; 0: any.
func leastPython(needs string) int {
	if m := pythonAtLeast().FindStringSubmatch(needs); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits alone
		return n
	}
	return 0
}

// header are the values of a field of metadata, which ends at the first empty line.
func header(data []byte, name string) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}

// A command is a program that a wheel asks for: a function of one of its modules.
type command struct{ name, module, function string }

// commands are those that entry_points.txt names.
func (w openWheel) commands() ([]command, error) {
	data, err := w.text("entry_points.txt")
	if err != nil {
		return nil, err
	}
	var out []command
	section := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[] ")
		case section == "console_scripts" || section == "gui_scripts":
			m := entryPoint().FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("cannot read its entry_points.txt: %q names no program", line)
			}
			out = append(out, command{m[1], m[2], m[3]})
		}
	}
	return out, nil
}

var entryPoint = sync.OnceValue(func() *regexp.Regexp {
	const dotted = `([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)`
	return regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*=\s*` + dotted + `\s*:\s*` + dotted + `\s*(?:\[.*\])?$`)
})

// script is the text of a command's program, as pip writes it.
func (c command) script(interpreter string) string {
	imported, _, _ := strings.Cut(c.function, ".")
	return fmt.Sprintf(`#!%s
# -*- coding: utf-8 -*-
import re
import sys
from %s import %s
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(%s())
`, interpreter, c.module, imported, c.function)
}
