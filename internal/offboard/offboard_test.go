package offboard_test

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/kind/kindtest"
	"opsafe/internal/offboard"
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
    traces: {processes: 3, sessions: [c1], linger: true, cron: [/var/spool/cron/crontabs/eve]}
    units: [/home/eve/.config/systemd/user/x.timer]
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
		resources, err := offboard.Offboard(h, offboard.Offboarding{Name: "eve", Backend: "b", By: "root", Now: time.Unix(0, 0)})
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
remove linger/eve
  linger: yes → no
  step: SetLinger
remove cron/eve
  /var/spool/cron/crontabs/eve: there → -
  step: MakeDir
  step: MakeDir
  step: WriteFile
  step: RemovePath
  note: a copy of /var/spool/cron/crontabs/eve is kept in /var/lib/opsafe/kept/eve/var_spool_cron_crontabs_eve
remove session/eve
  running: 1 session, 3 processes → ended
  step: EndSessions
  irreversible: what ran is gone
remove unit/eve
  /home/eve/.config/systemd/user/x.timer: there → -
  step: WriteFile
  step: RemovePath
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
	resources, err := offboard.Onboard(h, disabled["eve"])
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

// hindered is a host on which somebody does what they can to keep their access:
// files that cannot be read, and units that cannot be listed.
type hindered struct {
	host.Host
	units  error
	unread map[string]error
	part   host.TracePart
}

func (h hindered) ReadFile(at string) ([]byte, error) {
	if err := h.unread[at]; err != nil {
		return nil, err
	}
	return h.Host.ReadFile(at)
}

func (h hindered) UserUnits(name string) ([]string, error) {
	units, err := h.Host.UserUnits(name)
	return units, errors.Join(err, h.units)
}

func (h hindered) Traces(name string) (host.Traces, error) {
	t, err := h.Host.Traces(name)
	if h.part != "" {
		t.Unread = map[host.TracePart]string{h.part: "broken"}
	}
	return t, err
}

const hinderedHost = `
users:
  - name: eve
    uid: 1300
    gid: 500
    home: /home/eve
    shell: /bin/sh
    traces: {processes: 3, linger: true, cron: [/var/spool/cron/crontabs/eve]}
    units: [/home/eve/.config/systemd/user/big.service, /home/eve/.config/systemd/user/x.timer, /home/eve/.config/systemd/user/LONG.service]
  - {name: adam, uid: 1301, home: /home/adam}
groups:
  - {name: developers, gid: 500, members: [adam]}
  - {name: taken, gid: 1300}
files:
  /home/eve: {type: directory, owner: eve, group: developers}
  /home/eve/.ssh/authorized_keys: {owner: eve, content: "junk\n"}
  /home/eve/.ssh/authorized_keys2: {owner: eve, content: "junk\n"}
  /var/spool/cron/crontabs/eve: {owner: eve, mode: "0600", content: "@reboot /bin/true\n"}
  /home/eve/.config/systemd/user/big.service: {owner: eve, content: BIG}
  /home/eve/.config/systemd/user/LONG.service: {owner: eve, content: "[Service]\n"}
  /home/eve/.config/systemd/user/x.timer: {type: symlink, target: /home/eve/y.timer, owner: eve}
`

// TestOffboardHindered takes the access of somebody away who stands in the way.
func TestOffboardHindered(t *testing.T) {
	text := strings.NewReplacer("BIG", strings.Repeat("x", 2<<20), "LONG", strings.Repeat("l", 240)).Replace(hinderedHost)
	state, err := snapshot.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tooLarge := errors.New("it is larger than 64 MiB")
	h := hindered{
		Host:  overlay.New(snapshot.New(state)),
		units: errors.New("there are too many"), part: host.TraceCron,
		unread: map[string]error{
			"/home/eve/.ssh/authorized_keys":  tooLarge,
			"/home/eve/.ssh/authorized_keys2": tooLarge,
			"/var/spool/cron/crontabs/eve":    errors.New("input/output error"),
		},
	}
	off := func(h host.Host) string {
		t.Helper()
		resources, err := offboard.Offboard(h, offboard.Offboarding{Name: "eve", Backend: "b", By: "root", Now: time.Unix(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		return people(h, resources)
	}
	got := off(h)
	for _, want := range []string{
		`remove key/eve
  /home/eve/.ssh/authorized_keys: file → -
  /home/eve/.ssh/authorized_keys2: file → -
  step: RemovePath
  step: RemovePath
  irreversible: not everything that is removed is kept
  note: what was in /home/eve/.ssh/authorized_keys is not kept: it is larger than 64 MiB
  note: what was in /home/eve/.ssh/authorized_keys2 is not kept: it is larger than 64 MiB
`,
		`change primary-group/eve
  primary group: developers → eve
  step: AddGroup
  step: SetUser
`,
		`remove linger/eve
  linger: yes → no
  step: SetLinger
`,
		// What could be found is removed, and that there may be more is said.
		`failed cron/eve
  /var/spool/cron/crontabs/eve: there → -
  step: RemovePath
  irreversible: not everything that is removed is kept
  note: what was in /var/spool/cron/crontabs/eve is not kept: input/output error
  error: cannot verify the change: cron and at jobs of eve is unknown: broken
`,
		`remove session/eve
  running: 3 processes → ended
  step: EndSessions
`,
		`failed unit/eve
  /home/eve/.config/systemd/user/big.service: there → -
  /home/eve/.config/systemd/user/x.timer: a link to /home/eve/y.timer → -
`,
		"  note: what was in /home/eve/.config/systemd/user/big.service is not kept: it is larger than 1 MiB\n",
		"  error: cannot verify the change: there are too many\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no\n%s", want)
		}
	}
	for line := range strings.Lines(got) {
		if _, at, ok := strings.Cut(line, " is kept in "); ok && len(path.Base(at)) > 200 {
			t.Errorf("the name of the copy is too long for a file system: %s", at)
		}
	}
	if t.Failed() {
		t.Logf("got\n%s", got)
	}
	if g, err := h.Group("eve"); err != nil || g == nil || g.GID != 1302 {
		t.Errorf("the own group: %+v, %v", g, err)
	}
	if again := off(h.Host); again != "" {
		t.Errorf("something is left: %s", again)
	}
	// While the home cannot be listed, that is all that fails.
	h.part = ""
	if again := off(h); again != "failed unit/eve\n  error: there are too many\n" {
		t.Errorf("the second time: %s", again)
	}
	disabled, err := roster.ReadTombstones(h)
	if err != nil || cmp.Diff([]string{"developers"}, disabled["eve"].Groups) != "" {
		t.Errorf("%+v, %v", disabled["eve"], err)
	}
}

// TestOffboardDirectoryOfKeys: a full directory in the place of one key file does
// not keep the other.
func TestOffboardDirectoryOfKeys(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users: [{name: eve, uid: 1300, home: /home/eve}]
files:
  /home/eve: {type: directory, owner: eve}
  /home/eve/.ssh/authorized_keys/x: {owner: eve, content: ""}
  /home/eve/.ssh/authorized_keys2: {owner: eve, content: "junk\n"}
`))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	resources, err := offboard.Offboard(h, offboard.Offboarding{Name: "eve", Backend: "b", By: "root", Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got := people(h, resources); strings.Contains(got, "failed") {
		t.Error(got)
	}
	if n, err := h.Stat("/home/eve/.ssh/authorized_keys2"); err != nil || n != nil {
		t.Errorf("%+v, %v", n, err)
	}
}

func people(h host.Host, resources []kind.Resource) string {
	kinds := []converge.Kind{{Kind: kind.Bare("people", kind.StageAccounts), Resources: resources}}
	return kindtest.Dump(converge.Run(context.Background(), converge.Options{Host: h, Kinds: kinds, Now: time.Now}).Results)
}

// TestOffboardShared: of a file of keys that is read for everybody nobody's key goes but
// the person's, though some account has / for its home; and rules of sudo that are
// included from elsewhere are named.
func TestOffboardShared(t *testing.T) {
	const (
		eves  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHQoyeB7Kx5E7Y8+sQ0sQ6pVAgy+mNNHpGvTQ2r1eUFz eve"
		roots = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM7C7xN1de08erlqPGUQSvuJKr6X0YxvOx/1ugjK15+ root"
	)
	state, err := snapshot.Parse([]byte(`
users: [{name: eve, uid: 1300, home: /home/eve}, {name: nowhere, uid: 900, home: /}]
files:
  /home/eve: {type: directory, owner: eve}
  /home/eve/.ssh/authorized_keys: {owner: eve, content: "` + eves + `\n"}
  /etc/ssh/sshd_config: {content: "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/shared\n"}
  /etc/ssh/shared: {content: "` + roots + `\n` + eves + `\n"}
  /etc/sudoers: {content: "@includedir /etc/sudoers.d\n@include sudoers.more\n"}
  /etc/sudoers.more: {content: "#includedir /etc/sudoers.e\n"}
  /etc/sudoers.e/x: {content: "eve ALL=(ALL) NOPASSWD: ALL\n"}
  /etc/sudoers.e/x.bak: {content: "eve ALL=(ALL) ALL\n"}
`))
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
	if data, err := h.ReadFile("/etc/ssh/shared"); err != nil || string(data) != roots+"\n" {
		t.Errorf("of the shared file there is %q, %v", data, err)
	}
	left, err := o.Remains(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, l := range left {
		if strings.Contains(l.What, "rule of sudo") {
			rules = append(rules, l.What+": "+l.Way)
		}
	}
	if want := []string{"/etc/sudoers.e/x:1 is a rule of sudo that names eve: visudo -f /etc/sudoers.e/x"}; !slices.Equal(rules, want) {
		t.Errorf("what remains is %q, want %q", rules, want)
	}
}

// TestOffboardManager: who has been tried a moment ago has not been at work.
func TestOffboardManager(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: bob, uid: 1300, home: /home/bob, traces: {processes: 2, managers: 2}}
`))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	resources, err := offboard.Offboard(h, offboard.Offboarding{Name: "bob", Backend: "b", By: "root", Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got := people(h, resources); !strings.Contains(got, "remove session/bob\n  running: systemd's manager → ended\n  step: EndSessions\n") || strings.Contains(got, "what ran is gone") {
		t.Error(got)
	}
}
