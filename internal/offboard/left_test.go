package offboard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/offboard"
)

const leftHost = `
users:
  - {name: eve, uid: 1300, gid: 1300, home: /home/eve}
  - {name: adam, uid: 1301, gid: 1301, home: /home/adam}
groups: [{name: eve, gid: 1300}, {name: adam, gid: 1301}]
units:
  work@eve.service: {active: active, sub: running, fragment: /etc/systemd/system/work@.service}
files:
  /home/eve: {type: directory, owner: eve}
  /home/adam/.ssh/authorized_keys:
    owner: adam
    content: |
      cert-authority,principals="lucy,eve" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM7C7xN1de08erlqPGUQSvuJKr6X0YxvOx/1ugjK15+ ca
      cert-authority,principals="evelyn" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM7C7xN1de08erlqPGUQSvuJKr6X0YxvOx/1ugjK15+ eve
  /opt/app/work.service: {content: "[Service]\nUser=eve\n"}
  /etc/systemd/system/work.service: {type: symlink, target: /opt/app/work.service}
  /etc/systemd/system/work@.service: {content: "[Service]\nUser=%i\n"}
  /etc/systemd/system/idle@.service: {content: "[Service]\nUser=%i\n"}
  /etc/systemd/system/su.service: {content: "[Unit]\nDescription=of eve\n[Service]\nExecStart=runuser -u eve -- true\n"}
  /etc/systemd/system/uid.service: {content: "[Service]\nExecStart=setpriv --reuid=1300 true\nExecStartPost=sleep 1300\n"}
  /etc/systemd/system/getty@tty1.service.d/auto.conf: {content: "[Service]\nExecStart=agetty --autologin eve tty1\n"}
  /etc/sudoers: {content: "@includedir /etc/sudoers.d\n"}
  /etc/sudoers.d/group: {content: "%eve ALL=(ALL) ALL\n"}
  /etc/sudoers.d/number: {content: "%#1300 ALL=(ALL) ALL\n%adam ALL=(ALL) ALL\n"}
  /etc/cron.d/su: {content: "* * * * * root su eve -c true\n"}
  /var/spool/cron/crontabs/root: {content: "# for eve\n* * * * * su eve -c true\n"}
  /etc/init.d/work: {content: "#!/bin/sh\n# of eve\nstart-stop-daemon --start \\\n  --chuid eve\n"}
`

// TestOffboardLeft: units, commands, rules and authorities that go on working for
// somebody are named, and nothing that only looks like them; a rule for their own
// group goes.
func TestOffboardLeft(t *testing.T) {
	state, err := snapshot.Parse([]byte(leftHost))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	o := offboard.Offboarding{Name: "eve", Backend: "b", By: "root", Now: time.Unix(0, 0)}
	resources, err := offboard.Offboard(h, o)
	if err != nil {
		t.Fatal(err)
	}
	people(h, resources)
	if n, err := h.Stat("/etc/sudoers.d/group"); err != nil || n != nil {
		t.Errorf("the rules for the group that is only theirs: %+v, %v", n, err)
	}
	left, err := o.Remains(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range left {
		text := l.What + ": " + l.Way
		if l.Doubt {
			text = "perhaps " + text
		}
		got = append(got, text)
	}
	slices.Sort(got)
	want := []string{
		"/etc/sudoers.d/number:1 is a rule of sudo that names eve: visudo -f /etc/sudoers.d/number",
		"/home/adam/.ssh/authorized_keys has an authority whose certificates for the principal eve let in: take the line out, or the name",
		"perhaps /etc/cron.d/su:1 names eve: look at the line",
		"perhaps /etc/init.d/work:4 names eve: look at the line",
		"perhaps /etc/systemd/system/getty@tty1.service.d/auto.conf:2 names eve: look at the line",
		"perhaps /etc/systemd/system/su.service:4 names eve: look at the line",
		"perhaps /etc/systemd/system/uid.service:2 names eve: look at the line",
		"perhaps /var/spool/cron/crontabs/root:2 names eve: look at the line",
		"work.service runs as eve (/opt/app/work.service): systemctl disable --now work.service",
		"work@eve.service runs as eve (/etc/systemd/system/work@.service): systemctl disable --now work@eve.service",
	}
	if !slices.Equal(got, want) {
		t.Errorf("what remains is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
