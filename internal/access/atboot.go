package access

import (
	"fmt"
	"path"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// Units on which it rests that sshd answers once the host has started: early ones come
// before it, later ones bring it.
const (
	earlyUnits = `
	ssh.service sshd.service ssh.socket ssh@.service sysinit.target basic.target local-fs.target local-fs-pre.target
	network.target network-pre.target nss-user-lookup.target systemd-user-sessions.service dbus.service dbus.socket
	systemd-logind.service user@.service user-runtime-dir@.service systemd-journald.service systemd-journald.socket
	systemd-remount-fs.service systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service
	systemd-sysusers.service systemd-udevd.service systemd-udev-trigger.service systemd-modules-load.service
	systemd-sysctl.service kmod-static-nodes.service`
	laterUnits = "multi-user.target graphical.target sockets.target timers.target paths.target slices.target"
)

// awaited are others for which a start waits before it lets somebody in: who comes before
// one of them, or is one of that name, may hold it up.
const awaited = `
	remote-fs.target remote-fs-pre.target sockets.target paths.target slices.target swap.target cryptsetup.target
	cryptsetup-pre.target veritysetup.target integritysetup.target systemd-journal-flush.service
	systemd-random-seed.service systemd-machine-id-commit.service systemd-binfmt.service systemd-update-utmp.service
	systemd-update-done.service keyboard-setup.service apparmor.service auditd.service home.mount tmp.mount`

// endingTargets are those that take the host down, or into a state without sshd.
const endingTargets = "poweroff.target reboot.target halt.target kexec.target exit.target soft-reboot.target shutdown.target rescue.target emergency.target"

// atBoot trusts what decides whether the host starts, and sshd with it, and is not
// judged. It is the same for everybody.
func (j *judge) atBoot() error {
	return j.trustAll("at boot", func(t *traced) (trusts, error) {
		b := &bootFiles{Reader: untraced(t), found: strangeFiles{}, seen: map[string]bool{}}
		if err := b.read(); err != nil {
			return nil, err
		}
		t.note("at boot", b.found.texts(), nil)
		out := trusts{}
		for what, f := range b.found {
			out[what] = f.trust()
		}
		return out, nil
	})
}

// bootFiles collects, by what it is about, the text of what is trusted. What facts do
// not hold is left out: a change of it shows all the same.
type bootFiles struct {
	host.Reader
	found strangeFiles
	seen  map[string]bool // scripts that have been read
}

func (b *bootFiles) read() error {
	for _, read := range []func() error{b.units, b.kernelValues, b.modules, b.others, b.linker, b.jobs, b.logins} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bootFiles) list(dir string) ([]string, error) {
	names, err := b.ReadDir(dir)
	if host.IsUnknown(err) {
		return nil, nil
	}
	return names, err
}

func (b *bootFiles) text(at string) (string, error) {
	data, err := host.ReadThrough(b.Reader, at)
	if host.IsUnknown(err) {
		return "", nil
	}
	return string(data), err
}

// whole has a text counted for what is at a path, and lines of it named.
func (b *bootFiles) whole(at, text string, lines ...shellrc.Line) {
	if text != "" {
		b.found.at(at).add(text+"\n", lines...)
	}
}

// add has lines alone counted for what is at a path.
func (b *bootFiles) add(at string, lines ...shellrc.Line) {
	for _, l := range lines {
		b.whole(at, l.Text, l)
	}
}

// isAmong reports whether a word is one of a list with spaces between them. It is asked
// for each word of each script, mostly for what is nowhere in the list.
func isAmong(word, list string) bool {
	if !strings.Contains(list, word) {
		return false
	}
	for one := range strings.FieldsSeq(list) {
		if one == word {
			return true
		}
	}
	return false
}

// others are files that programs at the start go by, whole.
func (b *bootFiles) others() error {
	files := []string{
		"/etc/crypttab", "/etc/machine-id", "/etc/rc.local", "/etc/default/grub", "/boot/grub/grub.cfg", "/etc/default/networking",
		"/etc/dhcp/dhclient.conf", "/etc/dhcpcd.conf", "/etc/default/ufw",
	}
	for _, dir := range []string{
		"/etc/udev/rules.d", "/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators", "/etc/default/grub.d",
		"/etc/binfmt.d", "/etc/NetworkManager/conf.d", "/etc/NetworkManager/system-connections", "/etc/ufw", "/etc/firewalld/zones",
	} {
		names, err := b.list(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			files = append(files, path.Join(dir, n))
		}
	}
	for _, at := range files {
		text, err := b.text(at)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", at, err)
		}
		if path.Ext(at) == ".rules" && path.Dir(at) == "/etc/udev/rules.d" {
			text = rulesOfDevices(text)
		}
		if text != "" {
			b.whole(at, text)
		}
	}
	return nil
}
