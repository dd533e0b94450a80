package spec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

var (
	backendPattern  = words.Pattern(`^[a-z][a-z0-9-]*$`)
	accountPattern  = words.Pattern(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	digitsPattern   = words.Pattern(`^[0-9]+$`)
	packagePattern  = words.Pattern(`^[a-z0-9][a-z0-9+.-]+(:[a-z][a-z0-9-]+)?$`)
	unitPattern     = words.Pattern(`^[A-Za-z0-9:_.\\@-]+$`)
	dropInPattern   = words.Pattern(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	variablePattern = words.Pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)
	namePattern     = words.Pattern(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// backendName checks the name of a backend.
func backendName(name string) error {
	switch {
	case !backendPattern().MatchString(name):
		return errors.New("want small letters, digits and -, beginning with a letter")
	case strings.HasSuffix(name, "-backend"):
		return fmt.Errorf("names do not end in -backend: call it %s", quote(strings.TrimSuffix(name, "-backend")))
	}
	return nil
}

// accountName checks the name of a user, group or person: what useradd would
// take and more that it should not is refused.
func accountName(name string) error {
	switch {
	case len(name) > 32:
		return fmt.Errorf("has %d characters: want at most 32", len(name))
	case !accountPattern().MatchString(name):
		return errors.New("want letters, digits, _ and -, not beginning with -")
	case digitsPattern().MatchString(name):
		return errors.New("digits alone would be taken for an id")
	}
	return nil
}

// PackageName checks the name of a package, after Debian policy 5.6.1, with or
// without an architecture.
func PackageName(name string) error {
	if !packagePattern().MatchString(name) {
		return fmt.Errorf("package name %s: want small letters, digits, +, - and ., at least two, beginning with a letter or digit, and :ARCHITECTURE if it is for another than the host's own", quote(name))
	}
	switch _, arch, _ := strings.Cut(name, ":"); arch {
	case "any", "all", "native", "same":
		return fmt.Errorf("package name %s: %s is no architecture: leave it out for the host's own, or name one, such as i386", quote(name), arch)
	}
	return nil
}

// UnitName checks the name of a unit, after systemd.unit(5).
func UnitName(name string) error {
	suffixes := debian.UnitTypes()
	switch ext := path.Ext(name); {
	case len(name) > 255:
		return errors.New("unit name is longer than 255 characters")
	case !unitPattern().MatchString(name):
		return fmt.Errorf("unit name %s: want letters, digits and any of :_.\\@-", quote(name))
	case !slices.Contains(suffixes, ext) || ext == name:
		return fmt.Errorf("unit name %s: want a type at the end, such as .service or .timer%s", quote(name), words.DidYouMean(ext, slices.Values(suffixes)))
	}
	return nil
}

// DropInName checks the name of a drop-in. sudo and run-parts ignore names with
// a dot or a tilde without a word.
func DropInName(name, program string) error {
	switch {
	case strings.ContainsAny(name, ".~") && program == "sudo":
		return errors.New("sudo ignores files with a dot or a tilde in their name: leave it out")
	case strings.HasSuffix(name, ".conf"):
		return fmt.Errorf(".conf is added by itself: call it %s", quote(strings.TrimSuffix(name, ".conf")))
	case !dropInPattern().MatchString(name) || len(name) > 200:
		return errors.New("want letters, digits, _ and -, not beginning with -")
	}
	return nil
}

// CleanPath checks an absolute path below /.
func CleanPath(p string) error {
	switch {
	case strings.ContainsFunc(p, isControl):
		return fmt.Errorf("path %s holds a control character", quote(p))
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("path %s: want an absolute path", quote(p))
	case p == "/":
		return errors.New("path / cannot be managed: name something below it")
	case slices.Contains(strings.Split(p, "/"), ".."):
		return fmt.Errorf("path %s: want one without the name .. in it", quote(p))
	case path.Clean(p) != p:
		return fmt.Errorf("path %s: write it %s", quote(p), quote(path.Clean(p)))
	case len(p) > 4095:
		return errors.New("path is longer than 4095 bytes")
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > 255 {
			return errors.New("path has a part longer than 255 bytes")
		}
	}
	return nil
}

// checkMode checks an octal mode; "" is not managed.
func checkMode(s string) error {
	if s == "" {
		return nil
	}
	_, err := host.ParseMode(s)
	if err != nil {
		return fmt.Errorf("want three or four octal digits in quotes, such as \"0750\", got %s", quote(s))
	}
	return nil
}
