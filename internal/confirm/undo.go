package confirm

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/image"
)

// Collect takes images of what a plan is about to change and what could cut
// somebody off who is on the host from far away: sshd and sudo, PAM, keys,
// groups, accounts and passwords. Lost names what cannot be brought back.
func Collect(ctx context.Context, r host.Reader, plan []change.Result) (undo []image.Image, lost []string, err error) {
	c := image.NewCollector(r, nil)
	for _, res := range plan {
		if res.Status != change.Changed || !cutsOff(res) {
			continue
		}
		for _, s := range res.Change.Steps {
			if gone := loses(s); gone != "" {
				lost = append(lost, gone)
			} else if takesAway(s) {
				c.Step(ctx, s)
			}
		}
	}
	for _, i := range c.Taken {
		if why := i.Lost(); why != "" {
			return nil, nil, fmt.Errorf("cannot keep what is replaced: %s", why)
		}
	}
	return c.Taken, lost, nil
}

// takesAway reports whether a step can take somebody's way in: what is added
// takes nobody's.
func takesAway(s host.Step) bool {
	switch s.(type) {
	case host.WriteFile, host.MakeLink, host.SetOwner, host.SetAccess, host.RemovePath,
		host.SetUser, host.SetMembers, host.SetPassword, host.SetExpiry,
		host.StartUnit, host.StopUnit, host.EnableUnit, host.DisableUnit, host.MaskUnit, host.UnmaskUnit:
		return true
	}
	return false
}

// loses names what a step takes away and what does not come back by itself.
func loses(s host.Step) string {
	switch s := s.(type) {
	case host.DeleteUser:
		return "account " + s.Name
	case host.DeleteGroup:
		return "group " + s.Name
	case host.FixTree:
		return "owners and rights below " + s.Rule.Root
	}
	return ""
}

// cutsOff reports whether a change is of the sort after which somebody may not
// get in again, or not become root.
func cutsOff(res change.Result) bool {
	switch res.ID.Kind {
	case "group", "user", "key", "sudoers", "sshd", "password":
		return true
	case "unit":
		return isSSH(res.ID.Name)
	case "file", "directory", "acl":
		at := strings.TrimSuffix(res.ID.Name, "/**")
		return slices.ContainsFunc(waysIn(), func(p string) bool { return at == p || strings.HasPrefix(at, p+"/") })
	}
	return false
}

func waysIn() []string {
	return []string{
		"/etc/ssh", "/etc/sudoers", "/etc/sudoers.d", "/etc/sudo.conf", "/etc/pam.d", "/etc/security", "/etc/nologin",
		"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/login.defs", "/etc/nsswitch.conf", "/etc/shells", "/etc/hosts.allow", "/etc/hosts.deny",
	}
}

func isSSH(unit string) bool {
	return unit == sshUnit || unit == "ssh.socket" || unit == "sshd.service"
}

// underSSH reports whether sshd reads a path when it is told to reload.
func underSSH(at string) bool { return strings.HasPrefix(path.Clean(at), "/etc/ssh/") }
