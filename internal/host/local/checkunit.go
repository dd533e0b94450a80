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
// not load. All else that it finds fault with is none of that: what systemd
// ignores, and programs and other units that are missing, which may come later.
var unitRefused = words.Pattern(`(?m)^Unit (\S+) (?:has a bad unit file setting|failed to load properly)`)

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
		_, err := run(ctx, argv, runOptions{as: h.others(), env: []string{unitPath, "SYSTEMD_LOG_COLOR=0", "SYSTEMD_LOG_TARGET=console", "SYSTEMD_LOG_LEVEL=info"}})
		var failed *runError
		if !errors.As(err, &failed) || failed.Code < 0 {
			return err
		}
		for _, m := range unitRefused().FindAllStringSubmatch(failed.Output, -1) {
			if sameUnit(m[1], c.Unit.Name) {
				words := strings.ReplaceAll(failed.Output, dir, debian.UnitDir)
				return &host.CheckError{Program: "systemd", Output: words}
			}
		}
		return nil
	})
}

// sameUnit reports whether a name is a unit's own, or that of an instance of it.
func sameUnit(said, unit string) bool {
	prefix, suffix, template := strings.Cut(unit, "@.")
	return said == unit || template && strings.HasPrefix(said, prefix+"@") && strings.HasSuffix(said, "."+suffix)
}
