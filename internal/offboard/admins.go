package offboard

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// adminsLeft are groups of which the person is an administrator, who can take
// anybody in, and those with a password, which the person may know.
func adminsLeft(r host.Reader, u host.User) []Left {
	groups, err := r.Groups()
	if err != nil {
		return []Left{unseen("the groups", err)}
	}
	var out []Left
	for _, g := range groups {
		s, err := r.GroupShadow(g.Name)
		if err != nil {
			out = append(out, unseen("gshadow's line of "+g.Name, err))
			break
		}
		if s == nil {
			continue
		}
		if s.Password == host.PasswordSet {
			out = append(out, Left{What: "the group " + g.Name + " has a password: whoever knows it gets in with newgrp", Way: "gpasswd -r " + g.Name, Doubt: true})
		}
		if slices.Contains(s.Admins, u.Name) {
			left := slices.DeleteFunc(slices.Clone(s.Admins), func(n string) bool { return n == u.Name })
			out = append(out, Left{
				What: fmt.Sprintf("%s is an administrator of the group %s", u.Name, g.Name),
				Way:  fmt.Sprintf("gpasswd -A '%s' %s", strings.Join(left, ","), g.Name),
			})
		}
	}
	return append(out, gshadowLeft(r, u, groups)...)
}

// gshadowLeft are lines of gshadow for groups that /etc/group does not have: who is
// named there is in as soon as somebody makes the group. No account tool changes them.
func gshadowLeft(r host.Reader, u host.User, groups []host.Group) []Left {
	const gshadow = "/etc/gshadow"
	data, err := r.ReadFile(gshadow)
	if err != nil {
		return []Left{unseen(gshadow, err)}
	}
	var out []Left
	for line := range strings.Lines(string(data)) {
		const fields = 4 // name, password, administrators, members: gshadow(5)
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != fields || strings.HasPrefix(f[0], "#") || slices.ContainsFunc(groups, func(g host.Group) bool { return g.Name == f[0] }) {
			continue
		}
		for i, role := range map[int]string{2: "an administrator", 3: "a member"} {
			if slices.Contains(strings.Split(f[i], ","), u.Name) {
				out = append(out, Left{
					What: fmt.Sprintf("%s has %s as %s of the group %s, which /etc/group does not have", gshadow, u.Name, role, f[0]),
					Way:  kind.EditorOf(gshadow) + ", and take the line out",
				})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Left) int { return strings.Compare(a.What, b.What) })
	return out
}
