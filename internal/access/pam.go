package access

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// pamDir is where each service has the stack of modules that it asks, see pam.d(5).
const pamDir = "/etc/pam.d"

// pamRule is a line of a stack that is asked for one type: auth, account or session.
type pamRule struct {
	typ     string
	control string
	module  string // empty: of a line that PAM does not understand
	args    []string
	sub     []pamRule // of substack
	line    string    // as it stands there, and where
}

// pamResult is what a module, or a stack, comes to.
type pamResult int

const (
	pamPasses pamResult = iota
	pamIgnored
	pamFails
	pamUnknown
)

// pam says what a service's stack of one type comes to for somebody who gives the
// right password: no is why nobody is let in, doubt why it cannot be told.
func (j *judge) pam(service, typ string) (no, doubt string, err error) {
	rules, err := once(j.Reader, "PAM's "+typ+" of "+service, func(t *traced) ([]pamRule, error) {
		rules, err := pamRules(t, path.Join(pamDir, service), typ, 0)
		if err == nil && len(rules) == 0 {
			return pamRules(t, path.Join(pamDir, "other"), typ, 0)
		}
		return rules, err
	})
	if err != nil {
		return "", "", err
	}
	j.trustModules(rules)
	result, at := pamRun(rules)
	switch result {
	case pamFails:
		return fmt.Sprintf("PAM lets nobody through (%s, %s): %s", service, typ, at), "", nil
	case pamUnknown:
		return "", fmt.Sprintf("whom PAM lets through (%s, %s) is not known: %s", service, typ, at), nil
	}
	return "", "", nil
}

// pamRules reads the lines of a file for a type, with what it includes. An include of
// what is not there is a line that PAM does not understand.
func pamRules(r host.Reader, file, typ string, depth int) ([]pamRule, error) {
	const deepest = 16
	data, err := host.ReadThrough(r, file)
	if err != nil || depth > deepest {
		return nil, err
	}
	var out []pamRule
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\\\n", " ")) {
		line, _, _ = strings.Cut(line, "#")
		fields := pamFields(line)
		rule := pamLine(fields, typ)
		if rule == nil {
			continue
		}
		rule.typ, rule.line = typ, file+": "+strings.Join(fields, " ")
		if rule.control != "include" && rule.control != "substack" {
			out = append(out, *rule)
			continue
		}
		more := rule.module
		if !path.IsAbs(more) {
			more = path.Join(pamDir, more)
		}
		if data, err := host.ReadThrough(r, more); err != nil {
			return nil, err
		} else if len(data) == 0 {
			out = append(out, pamRule{typ: typ, control: "required", line: rule.line})
			continue
		}
		if rule.sub, err = pamRules(r, more, typ, depth+1); err != nil {
			return nil, err
		}
		if rule.control == "include" {
			out = append(out, rule.sub...)
		} else {
			out = append(out, *rule)
		}
	}
	return out, nil
}

// pamLine is the rule of a line; nil if it has none of the type. PAM takes a line that it
// does not understand for one that fails.
func pamLine(f []string, typ string) *pamRule {
	if len(f) == 0 {
		return nil
	}
	of := strings.TrimPrefix(strings.ToLower(f[0]), "-")
	switch {
	case of == "@include" && len(f) > 1:
		return &pamRule{control: "include", module: f[1]}
	case of == typ && len(f) > 2:
		return &pamRule{control: f[1], module: f[2], args: f[3:]}
	case of != typ && slices.Contains([]string{"auth", "account", "password", "session"}, of):
		return nil
	}
	return &pamRule{control: "required"}
}

// pamFields splits a line at blanks, but for those between brackets.
func pamFields(line string) []string {
	var out []string
	inside, begin := false, -1
	for i := range len(line) {
		c := line[i]
		blank := !inside && (c == ' ' || c == '\t' || c == '\n')
		if blank && begin >= 0 {
			out, begin = append(out, line[begin:i]), -1
		}
		if !blank && begin < 0 {
			begin = i
		}
		inside = c == '[' || inside && c != ']'
	}
	if begin >= 0 {
		out = append(out, line[begin:])
	}
	return out
}

// pamRun goes through a stack as pam.conf(5) says of controls. At is the line that
// decides for a failure, or that is not understood.
func pamRun(rules []pamRule) (result pamResult, at string) {
	result = pamIgnored
	for i := 0; i < len(rules); i++ {
		r := rules[i]
		got, line := r.answers()
		if got == pamUnknown {
			return pamUnknown, line
		}
		action := r.action(got)
		switch {
		case action == "ok" && result != pamFails, action == "done" && result != pamFails:
			result = pamPasses
		case action == "bad", action == "die":
			if result != pamFails {
				result, at = pamFails, line
			}
		case action == "reset":
			result, at = pamIgnored, ""
		}
		switch {
		case action == "die", action == "done":
			return result, at
		case action == "":
			return pamUnknown, line
		case action[0] >= '1' && action[0] <= '9':
			i += int(action[0] - '0')
		}
	}
	if result == pamIgnored {
		return pamFails, "no line lets anybody through"
	}
	return result, at
}

// action is what a rule does about a result; empty: it is not understood.
func (r pamRule) action(got pamResult) string {
	control := strings.ToLower(r.control)
	if inner, ok := strings.CutPrefix(control, "["); ok {
		return pamAction(strings.TrimSuffix(inner, "]"), got)
	}
	passed := map[string]string{"required": "ok", "requisite": "ok", "sufficient": "done", "optional": "ok", "substack": "ok"}[control]
	switch {
	case passed == "" || got == pamPasses:
		return passed
	case got == pamIgnored || control == "optional" || control == "sufficient":
		return "ignore"
	case control == "requisite":
		return "die"
	}
	return "bad"
}

// pamAction is what a control in brackets does about a result.
func pamAction(control string, got pamResult) string {
	name := map[pamResult]string{pamPasses: "success", pamIgnored: "ignore"}[got]
	otherwise := "bad"
	if got == pamIgnored {
		otherwise = "ignore"
	}
	for pair := range strings.FieldsSeq(control) {
		value, action, ok := strings.Cut(pair, "=")
		known := slices.Contains([]string{"ignore", "bad", "die", "ok", "done", "reset"}, action) || len(action) == 1 && action[0] >= '1' && action[0] <= '9'
		switch {
		case !ok || !known:
			return ""
		case value == name:
			return action
		case value == "default":
			otherwise = action
		}
	}
	return otherwise
}
