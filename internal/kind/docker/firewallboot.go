package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// atBoot is the change after which the firewall is loaded whenever docker starts.
func (l firewallLook) atBoot(ctx context.Context, r host.Reader, want host.Firewall) (change.Change, error) {
	var c change.Change
	text, unit := l.unitText(), firewallUnit(l.network)
	if err := l.writeList(r, &c, want); err != nil {
		return c, err
	}
	if err := kind.WriteUnitFile(ctx, r, l.in, &c, unit, path.Join(debian.UnitDir, unit), spec.Text{Content: &text}, false); err != nil {
		return c, err
	}
	again := l.flushText()
	if err := kind.WriteUnitFile(ctx, r, l.in, &c, nftablesUnit, firewallFlush(l.network), spec.Text{Content: &again}, false); err != nil {
		return c, err
	}
	u, err := r.Unit(ctx, unit)
	if err != nil {
		return c, err
	}
	if c.Diff != nil || u != nil && u.NeedReload {
		c.Steps = append(c.Steps, host.ReloadManager{})
	}
	c.Diff, c.Attrs = nil, nil
	if err := kind.EnableByText(&c, unit, u, []byte(text)); err != nil {
		return c, err
	}
	if c.Attrs = nil; len(c.Steps) > 0 {
		c.Action = change.Modify
		c.Differ("loaded when docker starts", "not as declared", "yes")
	}
	program, err := kind.Followed(r, notes.Program)
	if err == nil && program == nil {
		c.Open = fmt.Errorf("%s is not there, which loads it before docker starts: without it docker does not start any more: run opsafe bootstrap, which puts it there", notes.Program)
	}
	return c, err
}

// writeList has the list in the file that is loaded.
func (l firewallLook) writeList(r host.Reader, c *change.Change, want host.Firewall) error {
	at := firewallFile(l.network)
	was, err := kind.Regular(r, at)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", at, err)
	}
	data = append(data, '\n')
	like := kind.OwnNode()
	like.Access = host.AccessOf(0o600)
	// Of a list that is not known, nobody can tell whether the file has it.
	if was != nil && (want.Listed != nil || kind.Holds(was, data)) {
		c.Steps = append(c.Steps, kind.Correct(at, was.Node, like).Steps...)
		return nil
	}
	if err := kind.NeedDir(r, c, notes.Firewalls); err != nil {
		return err
	}
	write := kind.WriteOwn(at, nil, like)
	write.Content = host.NewSecret(data)
	c.Steps = append(c.Steps, write)
	return nil
}

// unitText is the unit that loads it. It is done anew each time that docker starts, so
// that a restart of docker mends what somebody has flushed; and docker does not start
// without it.
func (l firewallLook) unitText() string {
	return `# Managed by opsafe: changes made here are undone.
[Unit]
Description=Firewall of docker network ` + l.network + `
# After what may flush nftables when it starts.
After=nftables.service netfilter-persistent.service firewalld.service ufw.service
Before=docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=` + notes.Program + ` firewall load ` + l.network + `

[Install]
RequiredBy=docker.service
`
}

// flushText is the drop-in of nftables' own unit. Whatever that does, it flushes all rules:
// Debian's /etc/nftables.conf begins with it, and so does its stop.
func (l firewallLook) flushText() string {
	load := "-" + notes.Program + " firewall load " + l.network
	return `# Managed by opsafe: changes made here are undone.
[Service]
ExecStartPost=` + load + `
ExecReload=` + load + `
ExecStopPost=` + load + `
`
}

// LoadFirewall is the step that puts the firewall of a network in force as it was
// declared last.
func LoadFirewall(r host.Reader, network string) (host.SetFirewall, error) {
	if path.Base(network) != network {
		return host.SetFirewall{}, fmt.Errorf("%q is no name of a network", network)
	}
	at := firewallFile(network)
	was, err := kind.Regular(r, at)
	if err != nil {
		return host.SetFirewall{}, err
	}
	if was == nil {
		return host.SetFirewall{}, fmt.Errorf("there is no %s: run opsafe manage, which writes it", at)
	}
	var f host.Firewall
	if err := json.Unmarshal(was.Content.Bytes(), &f); err != nil || f.Network != network || f.Interface == "" {
		return host.SetFirewall{}, fmt.Errorf("%s is damaged: run opsafe manage, which writes it anew", at)
	}
	return host.SetFirewall{Firewall: f}, nil
}
