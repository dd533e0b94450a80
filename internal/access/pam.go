package access

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// pamDir is where each service has the stack of modules that it asks, see pam.d(5).
const pamDir = "/etc/pam.d"

// pamRule is a line of a stack that is asked for one type: auth, account or session.
type pamRule struct {
	control string
	module  string
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
	rules, err := j.pamRules(path.Join(pamDir, service), typ, 0)
	if err != nil {
		return "", "", err
	}
	if len(rules) == 0 {
		if rules, err = j.pamRules(path.Join(pamDir, "other"), typ, 0); err != nil {
			return "", "", err
		}
	}
	result, at := pamRun(rules)
	switch result {
	case pamFails:
		return fmt.Sprintf("PAM lets nobody through (%s, %s): %s", service, typ, at), "", nil
	case pamUnknown:
		return "", fmt.Sprintf("whom PAM lets through (%s, %s) is not known: %s", service, typ, at), nil
	}
	return "", "", nil
}

// pamRules reads the lines of a file for a type, with what it includes.
func (j *judge) pamRules(file, typ string, depth int) ([]pamRule, error) {
	const deepest = 16
	data, err := host.ReadThrough(j.Reader, file)
	if err != nil || depth > deepest {
		return nil, err
	}
	var out []pamRule
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\\\n", " ")) {
		line, _, _ = strings.Cut(line, "#")
		f := pamFields(line)
		if len(f) >= 2 && f[0] == "@include" {
			rules, err := j.pamRules(path.Join(pamDir, f[1]), typ, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, rules...)
			continue
		}
		if len(f) < 3 || strings.TrimPrefix(strings.ToLower(f[0]), "-") != typ {
			continue
		}
		r := pamRule{control: f[1], module: f[2], args: f[3:], line: file + ": " + strings.Join(f, " ")}
		if r.control == "include" || r.control == "substack" {
			if r.sub, err = j.pamRules(path.Join(pamDir, f[2]), typ, depth+1); err != nil {
				return nil, err
			}
			if r.control == "include" {
				out = append(out, r.sub...)
				continue
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// pamFields splits a line at blanks, but for those between brackets.
func pamFields(line string) []string {
	var out []string
	inside, fresh := false, true
	for _, c := range line {
		switch {
		case !inside && (c == ' ' || c == '\t' || c == '\n'):
			fresh = true
			continue
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		}
		if fresh {
			out, fresh = append(out, ""), false
		}
		out[len(out)-1] += string(c)
	}
	return out
}

// pamRun goes through a stack as pam.conf(5) says of controls. At is the line that
// decides for a failure, or that is not understood.
func pamRun(rules []pamRule) (result pamResult, at string) {
	result = pamIgnored
	for i := 0; i < len(rules); i++ {
		r := rules[i]
		got, line := r.asks()
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

// asks is what the module of a rule answers for somebody who is let in else.
func (r pamRule) asks() (result pamResult, at string) {
	if r.control == "substack" {
		if result, at = pamRun(r.sub); at == "" {
			at = r.line
		}
		return result, at
	}
	switch r.module {
	case "pam_deny.so":
		return pamFails, r.line
	case "pam_keyinit.so", "pam_selinux.so", "pam_cap.so", "pam_rootok.so":
		return pamIgnored, r.line
	case "pam_env.so":
		if slices.ContainsFunc(r.args, func(a string) bool {
			return strings.Contains(a, "file=") && a != "envfile=/etc/default/locale" && a != "envfile=/etc/environment"
		}) {
			return pamUnknown, r.line
		}
		return pamPasses, r.line
	case "pam_unix.so", "pam_permit.so", "pam_limits.so", "pam_loginuid.so", "pam_motd.so", "pam_mail.so", "pam_systemd.so",
		"pam_umask.so", "pam_lastlog.so", "pam_lastlog2.so", "pam_faildelay.so", "pam_nologin.so", "pam_issue.so", "pam_warn.so", "pam_mkhomedir.so":
		// That nobody may log in, and how old a password is, is judged by itself.
		return pamPasses, r.line
	}
	return pamUnknown, r.line
}

// limits looks for limits of pam_limits(8) that may keep somebody out.
func (j *judge) limits() error {
	const dir = "/etc/security/limits.d"
	names, err := j.ReadDir(dir)
	if err != nil {
		return err
	}
	files := []string{"/etc/security/limits.conf"}
	for _, n := range names {
		if path.Ext(n) == ".conf" {
			files = append(files, path.Join(dir, n))
		}
	}
	harmless := []string{"core", "memlock", "nice", "priority", "rtprio", "sigpending", "msgqueue", "locks"}
	for _, file := range files {
		data, err := host.ReadThrough(j.Reader, file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			f := strings.Fields(line)
			const fields = 4
			if len(f) == 0 || len(f) == fields && (slices.Contains(harmless, f[2]) || !j.limited(f[0]) || roomy(f[2], f[3])) {
				continue
			}
			j.doubt(fmt.Sprintf("what a limit makes of a login is not known: %s: %s", file, strings.Join(f, " ")))
		}
	}
	return nil
}

// limited reports whether the first field of a limit may mean the user.
func (j *judge) limited(domain string) bool {
	name, group := strings.CutPrefix(domain, "@")
	switch {
	case strings.ContainsAny(name, ":%*"):
		return true
	case group:
		return slices.Contains(j.groups, name)
	}
	return name == j.user.Name
}

// roomy reports whether a limit leaves room for a login.
func roomy(item, value string) bool {
	least := map[string]int{"nofile": 256, "nproc": 64, "maxlogins": 2, "maxsyslogins": 10}[item]
	n, err := strconv.Atoi(value)
	return value == "unlimited" || value == "-1" || value == "infinity" || least > 0 && err == nil && n >= least
}
