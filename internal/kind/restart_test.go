package kind_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/kind/kindtest"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

var errStart = errors.New("job failed (exit-code, status 1)")

// pickyHost has a daemon that does not come up with a text in its configuration,
// or comes up with a file that is not what was written.
type pickyHost struct {
	host.Host
	unit, config, bad string
	spoil             bool // somebody changes the file once the daemon runs
	acts              []string
	loaded            string // the configuration with which it came up
}

func (p *pickyHost) Do(ctx context.Context, s host.Step) error {
	act := false
	switch s := s.(type) {
	case host.ActOnUnit:
		u, err := p.Unit(ctx, s.Name)
		if err != nil {
			return err
		}
		act = s.Name == p.unit && u.Running()
	case host.StartUnit:
		u, err := p.Unit(ctx, s.Name)
		if err != nil {
			return err
		}
		act = s.Name == p.unit && !u.Running()
	default:
	}
	if !act {
		return p.Host.Do(ctx, s)
	}
	have, err := p.ReadFile(p.config)
	if err != nil {
		return err
	}
	if strings.Contains(string(have), p.bad) && !p.spoil {
		p.acts = append(p.acts, "fails")
		return errors.Join(p.Host.Do(ctx, host.StopUnit{Name: p.unit}), errStart)
	}
	p.loaded = string(have)
	p.acts = append(p.acts, "comes up")
	if err := p.Host.Do(ctx, s); err != nil || !p.spoil || !strings.Contains(string(have), p.bad) {
		return err
	}
	return p.Host.Do(ctx, host.WriteFile{
		Path: p.config, Content: host.NewContent([]byte("spoilt")), Owner: "root", Group: "root", Access: host.AccessOf(0o644),
	})
}

const pickyDocker = `-- backend.yaml --
docker:
  daemon: {log-driver: bad}
-- host.yaml --
packages: {docker.io: installed 20.10.24 hold}
docker: {version: 20.10.24, api: "1.41"}
files:
  /lib/systemd/system/docker.service: {content: "[Service]\n[Install]\nWantedBy=multi-user.target\n"}
  /etc/docker/daemon.json: {content: "{}", mode: "0666"}
units:
  docker.service: {active: active, file: enabled, links: [/etc/systemd/system/multi-user.target.wants/docker.service]}
`

const pickyChrony = `-- backend.yaml --
packages: {samba: installed}
chrony: {config: [bad], stop_around: [smbd.service]}
-- host.yaml --
packages: {chrony: installed 4.3-2, samba: installed}
files:
  /etc/chrony/chrony.conf: {content: "confdir /etc/chrony/conf.d\n"}
  /etc/chrony/conf.d/opsafe.conf: {content: "old\n"}
  /lib/systemd/system/chrony.service: {content: "[Service]\n[Install]\nAlias=chronyd.service\nWantedBy=multi-user.target\n"}
units:
  smbd.service: {active: active, file: enabled}
  chrony.service: {active: active, file: enabled, links: [/etc/systemd/system/chronyd.service, /etc/systemd/system/multi-user.target.wants/chrony.service]}
`

// TestRestartFails: a daemon that does not come up with its new configuration, or
// is found wrong afterwards, runs with the old one in the end.
func TestRestartFails(t *testing.T) {
	for _, tt := range []struct {
		name, archive, unit, config, id, old string
		spoil                                bool
		acts                                 []string
	}{
		{"docker", pickyDocker, "docker.service", "/etc/docker/daemon.json", "docker/daemon.json", "{}", false, []string{"fails", "comes up"}},
		{"docker, found wrong", pickyDocker, "docker.service", "/etc/docker/daemon.json", "docker/daemon.json", "{}", true, []string{"comes up", "comes up"}},
		{"chrony", pickyChrony, "chrony.service", "/etc/chrony/conf.d/opsafe.conf", "chrony/config", "old\n", false, []string{"fails", "comes up"}},
		{"chrony, found wrong", pickyChrony, "chrony.service", "/etc/chrony/conf.d/opsafe.conf", "chrony/config", "old\n", true, []string{"comes up", "comes up"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, base := kindtest.SetUp(t, txtar.Parse([]byte(tt.archive)))
			h := &pickyHost{Host: base, unit: tt.unit, config: tt.config, bad: "bad", spoil: tt.spoil}
			ctx := context.Background()
			failed := false
			for _, r := range kindtest.Converge(ctx, in, h) {
				if r.ID.String() == tt.id {
					failed = r.Status == change.Failed && strings.Contains(r.Err.Error(), "what was there before has been put back")
				}
			}
			u, err := h.Unit(ctx, tt.unit)
			if !failed || err != nil || !u.Running() {
				t.Errorf("failed: %v; the unit: %+v, %v", failed, u, err)
			}
			have, err := h.ReadFile(tt.config)
			if err != nil || string(have) != tt.old || h.loaded != tt.old {
				t.Errorf("the file holds %q, the daemon has read %q; %v", have, h.loaded, err)
			}
			if n, err := h.Stat(tt.config); err != nil || n.Access.Mode() != 0o644 {
				t.Errorf("the file is %+v, %v", n, err)
			}
			if !slices.Equal(h.acts, tt.acts) {
				t.Errorf("the daemon %q, want %q", h.acts, tt.acts)
			}
			if owed, err := h.Pending(); err != nil || len(owed) > 0 {
				t.Errorf("still owed: %v, %v", owed, err)
			}
		})
	}
}
