package roster

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// CheckOptions checks options as they stand in front of a key in
// authorized_keys(5). sshd refuses the whole key when it does not know one of
// its options, so a slip there locks somebody out. Empty options are fine.
func CheckOptions(s string) error {
	if s == "" {
		return nil
	}
	for _, c := range s {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return fmt.Errorf("key options hold the character %U: only printable characters are accepted", c)
		}
	}
	if optionsEnd(s) != len(s) {
		return errors.New(`key options hold a space outside of quotes or a quote without its end: write them as restrict,command="…"`)
	}
	for _, o := range splitOptions(s) {
		if err := checkOption(o); err != nil {
			return err
		}
	}
	return nil
}

func checkOption(o string) error {
	name, value, has := strings.Cut(o, "=")
	lower := strings.ToLower(name)
	switch lower {
	case "restrict", "pty", "no-pty", "user-rc", "no-user-rc", "agent-forwarding", "no-agent-forwarding",
		"port-forwarding", "no-port-forwarding", "x11-forwarding", "no-x11-forwarding",
		"no-touch-required", "verify-required":
		if has {
			return fmt.Errorf("key option %s takes no value", name)
		}
	case "command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "tunnel":
		if !quoted(value) {
			return fmt.Errorf(`key option %s wants a value in double quotes: %s="…"`, name, name)
		}
	case "cert-authority", "principals":
		return fmt.Errorf("key option %s is not accepted: it would let in keys that are not listed", name)
	default:
		return fmt.Errorf("key option %q is not one of authorized_keys(5)", name)
	}
	return nil
}

// quoted reports whether s is one quoted, non-empty string.
func quoted(s string) bool {
	if len(s) < 3 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch {
		case s[i] == '\\' && s[i+1] == '"':
			i++
			if i == len(s)-1 {
				return false // the last quote is escaped: there is no end
			}
		case s[i] == '"':
			return false
		}
	}
	return true
}

// optionsEnd is where the first space outside of quotes stands, len(s) if there
// is none, -1 if a quote does not end.
func optionsEnd(s string) int {
	inQuotes := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] == '"':
			inQuotes = !inQuotes
		case !inQuotes && (s[i] == ' ' || s[i] == '\t'):
			return i
		}
	}
	if inQuotes {
		return -1
	}
	return len(s)
}

// splitOptions cuts options at the commas outside of quotes.
func splitOptions(s string) []string {
	var out []string
	inQuotes, begin := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] == '"':
			inQuotes = !inQuotes
		case s[i] == ',' && !inQuotes:
			out = append(out, s[begin:i])
			begin = i + 1
		}
	}
	return append(out, s[begin:])
}
