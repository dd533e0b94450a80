package run

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// doors are files by which programs of root's let somebody in, or have somebody do what root
// may, and that are not read for who that is; a directory ends in a slash.
func doors() map[string]string {
	return map[string]string{
		"/etc/nsswitch.conf":    "it says where accounts come from",
		"/etc/ld.so.preload":    "each program loads what it names, root's among them",
		"/etc/polkit-1/":        "polkit asks it who may do what only root may",
		"/etc/dbus-1/system.d/": "D-Bus asks it who may speak to services of root's",
		"/etc/doas.conf":        "doas asks it who becomes root",
		"/etc/exports":          "NFS shares files by it", "/etc/exports.d/": "NFS shares files by it",
		"/etc/hosts.equiv": "rlogin and rsh let in by it",
	}
}

// unjudgedDoors says which changes of a plan may let somebody in, or make somebody root, by
// what is not read for it.
func unjudgedDoors(plan *Plan) []string {
	var out []string
	for _, r := range plan.Results {
		at := r.ID.Name
		if r.Status != change.Changed || r.ID.Kind != "file" {
			continue
		}
		why := ""
		for door, is := range doors() {
			if at == door || strings.HasSuffix(door, "/") && strings.HasPrefix(at, door) {
				why = is
			}
		}
		if strings.HasPrefix(at, "/etc/pam.d/") && takesAnybody(plan.After, at) {
			why = "PAM takes anybody there for who they say they are (pam_permit.so)"
		}
		if why != "" && changesContent(r.Change) {
			out = append(out, "who gets in, or becomes root, by "+at+": "+why)
		}
		if whose := runsAs(plan.After, at); whose != "" {
			out = append(out, "what whoever runs "+at+" can do as "+whose+", by its set-id bit")
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// permits is a line of pam.conf(5) by which whoever comes is let in there and then.
var permits = words.Pattern(`(?m)^[ \t]*-?auth[ \t]+(sufficient|\[[^\]]*success=(done|[0-9]+)[^\]]*\])[ \t]+(/\S*/)?pam_permit\.so`)

// takesAnybody reports whether a file of PAM asks nobody for anything.
func takesAnybody(r host.Reader, at string) bool {
	data, err := r.ReadFile(at)
	return err == nil && permits().Match(data)
}

// changesContent reports whether a change is of more than a file's owner and mode.
func changesContent(c change.Change) bool {
	return c.Action != change.Modify || c.Diff != nil || slices.ContainsFunc(c.Attrs, func(a change.Attr) bool {
		return !slices.Contains([]string{"owner", "group", "mode"}, a.Name)
	})
}

// runsAs is the account, or the group, as which a program runs whoever starts it; empty: as
// who starts it.
func runsAs(r host.Reader, at string) string {
	n, err := r.Stat(path.Clean(at))
	if err != nil || n == nil || n.Type != host.TypeFile {
		return ""
	}
	const setUser, setGroup, execute = 0o4000, 0o2000, 0o111
	switch mode := n.Access.Mode(); {
	case mode&execute == 0:
		return ""
	case mode&setUser != 0:
		return n.Owner
	case mode&setGroup != 0:
		return "the group " + n.Group
	}
	return ""
}
