package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

const (
	// verifyPatience bounds systemd-analyze.
	verifyPatience = 30 * time.Second
	// unitPath are the directories of units beside the staged one: not those of
	// /etc, whose drop-ins are staged as they are to become.
	unitPath = "SYSTEMD_UNIT_PATH=/run/systemd/system:/usr/local/lib/systemd/system:/usr/lib/systemd/system:/lib/systemd/system"
)

// unitRefused is what systemd-analyze says of a unit that systemd itself would
// not load. Programs and other units that are missing may come later.
var unitRefused = words.Pattern(`(?m)^Unit (\S+) (?:has a bad unit file setting|failed to load properly)`)

// lineIgnored is what systemd says of a line, or a section, that it ignores.
var lineIgnored = words.Pattern(`(?m)^(\S+):(\d+): (.*\b[Ii]gnoring\b.*)$`)

// keyIgnored is what it says of a key that it does not know.
var keyIgnored = words.Pattern(`^Unknown (?:key|lvalue)(?: name)? '([^']+)' in section ['[]([^]']+)['\]], ignoring`)

// checkUnit lets systemd's own parser judge a unit with its drop-ins; see
// host.UnitCheck. Everybody may ask it.
func (h *Host) checkUnit(ctx context.Context, c host.Check) error {
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	return h.apart(func(dir string) error {
		for name, content := range c.Unit.Files {
			at := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(at, content.Bytes(), 0o600); err != nil {
				return err
			}
		}
		if err := h.give(dir); err != nil {
			return err
		}
		argv := append(append([]string{}, c.Argv...), filepath.Join(dir, c.Unit.Name))
		var said string
		_, err := run(ctx, argv, runOptions{as: h.others(), errors: &said, env: []string{unitPath, "SYSTEMD_LOG_COLOR=0", "SYSTEMD_LOG_TARGET=console", "SYSTEMD_LOG_LEVEL=info"}})
		var failed *runError
		if err != nil && (!errors.As(err, &failed) || failed.Code < 0) {
			return err
		}
		for _, m := range unitRefused().FindAllStringSubmatch(said, -1) {
			if sameUnit(m[1], c.Unit.Name) {
				return &host.CheckError{Program: "systemd", Output: strings.ReplaceAll(said, dir, debian.UnitDir)}
			}
		}
		if lines := ignored(said, filepath.Join(dir, c.Unit.Written)); len(lines) > 0 {
			return &host.CheckError{Program: "systemd", Output: strings.ReplaceAll(strings.Join(lines, "\n"), dir, debian.UnitDir), Ignored: true}
		}
		return nil
	})
}

// ignored are the lines of what systemd says that tell what it ignores of a file. A key of a
// later systemd is left out: a unit may be written for both.
func ignored(said, file string) []string {
	var out []string
	for _, m := range lineIgnored().FindAllStringSubmatch(said, -1) {
		if m[1] != file {
			continue
		}
		if k := keyIgnored().FindStringSubmatch(m[3]); k != nil && debian.KnownUnitKeys().Has(k[2], k[1]) {
			continue
		}
		out = append(out, m[0])
	}
	return out
}

// sameUnit reports whether a name is a unit's own, or that of an instance of it.
func sameUnit(said, unit string) bool {
	prefix, suffix, template := strings.Cut(unit, "@.")
	return said == unit || template && strings.HasPrefix(said, prefix+"@") && strings.HasSuffix(said, "."+suffix)
}
