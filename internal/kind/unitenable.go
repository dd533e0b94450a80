package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// enable compares the links of [Install] with those that are there, so that a
// changed section is noticed. To enable a template is to enable the instance that
// it says.
func (l UnitLook) enable(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	switch {
	case l.Decl.Enabled == nil:
		return nil
	case u != nil && u.File == "generated" && !l.own():
		if spec.Is(l.Decl.Masked) {
			return nil
		}
		return generated(r, u, *l.Decl.Enabled)
	case debian.IsTemplate(l.Name):
		return l.enableTemplate(ctx, r, u, c)
	case !*l.Decl.Enabled:
		l.disable(u, c)
		return nil
	}
	want, err := l.links(ctx, r, u)
	if err != nil {
		return err
	}
	return enableAs(c, l.Name, u, want)
}

func (l UnitLook) disable(u *host.Unit, c *change.Change) {
	switch {
	case u == nil:
	case len(u.Links) > 0 || strings.HasPrefix(u.File, "enabled") && u.File != "enabled-runtime":
		c.Differ("enabled", "yes", "no")
		c.Action = cmp.Or(c.Action, change.Modify)
		c.Steps = append(c.Steps, host.DisableUnit{Name: u.Name})
	case u.File == "static" && len(u.WantedBy) > 0 && !spec.Is(l.Decl.Masked):
		c.Notes = append(c.Notes, "it starts all the same, since other units want it ("+strings.Join(u.WantedBy, ", ")+"): masked: true keeps it from starting")
	}
}

func (l UnitLook) enableTemplate(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	data, err := l.text(ctx, r, u)
	if host.AfterApply(err) {
		return nil
	}
	if err != nil {
		return err
	}
	name := defaultInstance(l.Name, data)
	if name == "" {
		if *l.Decl.Enabled {
			return fmt.Errorf("it is a template whose [Install] section says no DefaultInstance=: declare an instance of it instead, %s", strings.Replace(l.Name, "@.", "@NAME.", 1))
		}
		return nil
	}
	instance, err := r.Unit(ctx, name)
	if err != nil {
		return err
	}
	if !*l.Decl.Enabled {
		l.disable(instance, c)
		return nil
	}
	return EnableByText(c, name, instance, data)
}

// EnableByText has a unit enabled by the links that the text of its file asks for.
func EnableByText(c *change.Change, name string, u *host.Unit, text []byte) error {
	return enableAs(c, name, u, installLinks(name, text))
}

// enableAs has a unit enabled by exactly these links.
func enableAs(c *change.Change, name string, u *host.Unit, want []string) error {
	if len(want) == 0 {
		return fmt.Errorf("it cannot be enabled: its unit file has no [Install] section that says where")
	}
	var have []string
	if u != nil {
		have = u.Links
	}
	if u != nil && strings.HasPrefix(u.File, "enabled") && slices.Equal(have, want) {
		return nil
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	if !c.Differ("enabled", YesNo(len(have) > 0), "yes") {
		c.Differ("enabled by", strings.Join(have, ", "), strings.Join(want, ", "))
	} else if u == nil {
		c.Attrs[len(c.Attrs)-1].Before = change.Text("")
	}
	c.Steps = append(c.Steps, host.EnableUnit{Name: name, Links: want})
	return nil
}

// generated compares whether a unit starts at boot that systemd has made from
// something else, which links do not change.
func generated(r host.Reader, u *host.Unit, want bool) error {
	script := strings.TrimSuffix(u.Name, ".service")
	n, err := r.Stat("/etc/init.d/" + script)
	if err != nil {
		return err
	}
	if n == nil || !strings.HasSuffix(u.Name, ".service") {
		if on := len(u.WantedBy) > 0; on != want {
			return fmt.Errorf("systemd makes it from something else, such as /etc/fstab, at each boot: change it there, or say masked: true to keep it from starting")
		}
		return nil
	}
	on, err := startsAtBoot(r, script)
	switch {
	case err != nil || on == want:
		return err
	case want:
		return fmt.Errorf("it is the SysV script /etc/init.d/%s, which does not start at boot: have it do so with \"update-rc.d %s enable\", or declare a unit of your own", script, script)
	}
	return fmt.Errorf("it is the SysV script /etc/init.d/%s, which starts at boot whatever systemd's links say: say masked: true instead", script)
}

// startsAtBoot reports whether a script has a start link in a runlevel with users.
func startsAtBoot(r host.Reader, script string) (bool, error) {
	const prefix = len("S01")
	for _, dir := range []string{"/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"} {
		names, err := r.ReadDir(dir)
		if err != nil {
			return false, err
		}
		for _, name := range names {
			if strings.HasPrefix(name, "S") && len(name) > prefix && name[prefix:] == script {
				return true, nil
			}
		}
	}
	return false, nil
}

// links are those that [Install] asks for. What a package will bring is taken as it
// is known.
func (l UnitLook) links(ctx context.Context, r host.Reader, u *host.Unit) ([]string, error) {
	data, err := l.text(ctx, r, u)
	if host.AfterApply(err) && u != nil {
		return u.Links, nil
	}
	if err != nil {
		return nil, err
	}
	return installLinks(l.Name, data), nil
}

// text is the unit's file: the declared one, else that of the host.
func (l UnitLook) text(ctx context.Context, r host.Reader, u *host.Unit) ([]byte, error) {
	if l.own() || u == nil {
		return l.In.text(l.Decl.Text).render(ctx, r)
	}
	at, err := fragment(r, u)
	if err != nil {
		return nil, err
	}
	return r.ReadFile(at)
}

// fragment is the unit's file: of a masked unit the one that counts once the mask
// is off.
func fragment(r host.Reader, u *host.Unit) (string, error) {
	switch {
	case u.File == "masked" || u.Load == "masked":
	case u.Fragment == "":
		return "", errors.New("it has no unit file: systemd has made it of what there is; leave enabled out, or declare its text")
	default:
		return linked(r, u.Fragment)
	}
	for _, dir := range []string{debian.LocalUnitDir, debian.PackageUnitDir, debian.ShownUnitDir} {
		n, err := r.Stat(path.Join(dir, u.Name))
		if err != nil {
			return "", err
		}
		if n != nil {
			return path.Join(dir, u.Name), nil
		}
	}
	return "", fmt.Errorf("it is masked, and there is no unit file behind the mask")
}

// linked is where a unit file is that a link in its place brings from elsewhere
// (systemctl link).
func linked(r host.Reader, at string) (string, error) {
	const most = 8
	for range most {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != host.TypeSymlink {
			return at, err
		}
		if !path.IsAbs(n.Target) {
			n.Target = path.Join(path.Dir(at), n.Target)
		}
		at = path.Clean(n.Target)
	}
	return "", fmt.Errorf("its unit file is behind more than %d links", most)
}
