package access

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// limits looks for limits of pam_limits(8) that may keep somebody out: of the user
// whom sshd starts a session for, or of root, for whom sudo starts one.
func (j *judge) limits(name string, groups []string) error {
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
			if len(f) == 0 || len(f) == fields && (slices.Contains(harmless, f[2]) || !limited(f[0], name, groups) || roomy(f[2], f[3])) {
				continue
			}
			j.doubt(fmt.Sprintf("what a limit makes of a session is not known: %s: %s", file, strings.Join(f, " ")))
		}
	}
	return nil
}

// limited reports whether the first field of a limit may mean a user.
func limited(domain, user string, groups []string) bool {
	name, group := strings.CutPrefix(domain, "@")
	switch {
	case strings.ContainsAny(name, ":%*"):
		return true
	case group:
		return slices.Contains(groups, name)
	}
	return name == user
}

// rootsLimits looks for those of the session that sudo starts.
func (j *judge) rootsLimits() error {
	all, err := j.Groups()
	if err != nil {
		return err
	}
	var groups []string
	for _, g := range all {
		if g.GID == 0 || slices.Contains(g.Members, root) {
			groups = append(groups, g.Name)
		}
	}
	return j.limits(root, groups)
}

// roomy reports whether a limit leaves room for a login.
func roomy(item, value string) bool {
	least := map[string]int{"nofile": 256, "nproc": 64, "maxlogins": 2, "maxsyslogins": 10}[item]
	n, err := strconv.Atoi(value)
	return value == "unlimited" || value == "-1" || value == "infinity" || least > 0 && err == nil && n >= least
}
