package kind_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/roster"
)

// TestOffboard takes away everything that somebody can have, and brings the
// account back.
func TestOffboard(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - name: eve
    uid: 1300
    home: /home/eve
    shell: /bin/zsh
    password: locked hash expires=20000
    traces: {processes: 3, sessions: [c1], linger: true, cron: [/var/spool/cron/crontabs/eve], units: [/home/eve/.config/systemd/user/x.timer]}
  - {name: adam, uid: 1301, home: /home/adam}
groups:
  - {name: sudo, gid: 27, members: [adam, eve]}
  - {name: docker, gid: 110, members: [eve, ghost]}
files:
  /home/eve: {type: directory, owner: eve, group: eve}
  /home/eve/.ssh/authorized_keys: {owner: eve, content: "junk\n"}
  /var/spool/cron/crontabs/eve: {owner: eve, mode: "0600", content: "@reboot /bin/true\n"}
  /home/eve/.config/systemd/user/x.timer: {owner: eve, content: "[Timer]\n"}
`))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	off := func() string {
		t.Helper()
		resources, err := kind.Offboard(h, kind.Offboarding{Name: "eve", Backend: "b", By: "root", Now: time.Unix(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return people(h, resources)
	}
	want := `add record/eve
  record: - → /var/lib/opsafe/disabled/eve
  step: MakeDir
  step: MakeDir
  step: WriteFile
change user/eve
  expires: 2024-10-04 → 1970-01-02
  password: locked, kept behind the lock → removed and locked
  shell: /bin/zsh → /usr/sbin/nologin
  step: SetExpiry
  step: SetPassword
  step: SetUser
remove key/eve
  /home/eve/.ssh/authorized_keys: file → -
  step: RemovePath
change group/sudo
  member: eve → -
  step: SetMembers
change group/docker
  member: eve → -
  step: SetMembers
remove trace/eve
  linger: yes → no
  /var/spool/cron/crontabs/eve: there → -
  /home/eve/.config/systemd/user/x.timer: there → -
  running: 1 session, 3 processes → ended
  step: SetLinger
  step: MakeDir
  step: MakeDir
  step: WriteFile
  step: RemovePath
  step: WriteFile
  step: RemovePath
  step: EndSessions
  irreversible: what ran is gone
  note: a copy of /var/spool/cron/crontabs/eve is kept in /var/lib/opsafe/kept/eve/var_spool_cron_crontabs_eve
  note: a copy of /home/eve/.config/systemd/user/x.timer is kept in /var/lib/opsafe/kept/eve/home_eve_.config_systemd_user_x.timer
`
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(off(), "\n")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if again := off(); again != "" {
		t.Errorf("the second time it changes %s", again)
	}
	disabled, err := roster.ReadTombstones(h)
	if err != nil || disabled["eve"].Shell != "/bin/zsh" || disabled["eve"].Expires != 20000 || cmp.Diff([]string{"docker", "sudo"}, disabled["eve"].Groups) != "" {
		t.Fatalf("%+v, %v", disabled["eve"], err)
	}
	resources, err := kind.Onboard(h, disabled["eve"])
	if err != nil {
		t.Fatal(err)
	}
	want = `change user/eve
  expires: 1970-01-02 → 2024-10-04
  shell: /usr/sbin/nologin → /bin/zsh
  step: SetExpiry
  step: SetUser
remove record/eve
  record: /var/lib/opsafe/disabled/eve → -
  step: RemovePath
`
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(people(h, resources), "\n")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func people(h *overlay.Host, resources []kind.Resource) string {
	kinds := []converge.Kind{{Kind: kind.Kind{Name: "people", Stage: kind.StageAccounts}, Resources: resources}}
	return dump(converge.Run(context.Background(), converge.Options{Host: h, Kinds: kinds, Now: time.Now}).Results)
}
