package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// How many lines are made up, and from which number on: make soak tries more.
var (
	chances    = flag.Int("ways", 12, "how many specs that could shut the way in are made up")
	chanceSeed = flag.Uint64("ways-seed", 1, "from which number on they are made up")
)

// TestWaysByChance makes up specs that change settings of sshd and sudo, PAM's lines,
// modes, owners and what is there along the way, and units of the start: in none of them
// the way is shut at the end.
func TestWaysByChance(t *testing.T) {
	t.Parallel()
	var lines []way
	for i := range *chances {
		seed := *chanceSeed + uint64(i)                                                                                            //nolint:gosec // it counts
		lines = append(lines, way{name: fmt.Sprint("seed ", seed), want: unsaid, spec: madeUpWay(rand.New(rand.NewPCG(seed, 0)))}) //nolint:gosec // repeatable on purpose
	}
	newWaysHost(t, "").tryWays(t, lines)
}

// madeUpWay is a spec with one to three edits.
func madeUpWay(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	var sshd, sudo, files, directories, units []string
	for range 1 + r.IntN(3) {
		switch r.IntN(8) {
		case 0:
			sshd = append(sshd, pick(
				"PermitRootLogin no", "PubkeyAuthentication no", "AllowUsers alice", "AllowUsers bob", "AllowGroups sudo", "DenyGroups users alice", "MaxAuthTries 1",
				"MaxSessions 1", "MaxSessions 0", "ForceCommand /bin/true", "AuthenticationMethods publickey", "AuthenticationMethods publickey,password", "StrictModes no",
				"PermitTTY no", "UsePAM no", "X11Forwarding no", "Ciphers aes128-ctr", "MACs hmac-sha2-512", "KexAlgorithms ecdh-sha2-nistp256", "HostKeyAlgorithms ssh-ed25519",
				"PubkeyAcceptedAlgorithms ssh-ed25519", "PubkeyAcceptedAlgorithms rsa-sha2-512", "AuthorizedKeysFile .ssh/authorized_keys", "AuthorizedKeysFile .ssh/other",
				"LogLevel DEBUG", "ListenAddress 0.0.0.0", "RevokedKeys /dev/null", "TrustedUserCAKeys /etc/none", "Banner /etc/none", "ChrootDirectory %h", "LoginGraceTime 2"))
		case 1:
			sudo = append(sudo, "Defaults "+pick(
				"rootpw", "!rootpw", "targetpw", "noexec", "requiretty", "use_pty", "insults", "passwd_tries=1", "timestamp_timeout=0", "secure_path=/usr/bin:/bin", "secure_path=/srv",
				"umask=0077", "logfile=/var/log/sudo.log", "log_output", "runas_default=root", "runas_default=games", "env_reset", "!env_reset", "lecture=never", "fqdn", "mail_always", "pam_service=none"))
		case 2:
			sudo = append(sudo, pick("alice ALL=(ALL) /bin/ls", "alice ALL=(ALL) NOPASSWD: ALL", "alice ALL=(ALL) !ALL", "%sudo ALL=(games) ALL", "ALL ALL=(ALL) NOEXEC: ALL", "games ALL=(ALL) ALL"))
		case 3:
			at := pick(
				"/usr/bin/sudo", "/bin/bash", "/etc/sudoers", "/etc/ssh/sshd_config", "/etc/pam.d/sshd", "/etc/shadow", "/etc/passwd", "/usr/sbin/sshd",
				"/usr/libexec/sudo/sudoers.so", "/usr/sbin/unix_chkpwd", "/etc/pam.d/common-auth", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/dev/null", "/dev/tty", "/dev/ptmx",
				"/etc/profile", "/etc/ssh/ssh_host_ed25519_key", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/security/pam_unix.so", "/lib/systemd/systemd")
			files = append(files, fmt.Sprintf("%s: {%s}", at, pick(
				`mode: "0000"`, `mode: "0400"`, `mode: "0440"`, `mode: "0600"`, `mode: "0644"`, `mode: "0666"`, `mode: "0755"`, `mode: "0700"`, `mode: "4755"`, `mode: "4750"`,
				"owner: alice", "owner: games", "owner: root", "group: nogroup", "group: sudo", "owner: alice, group: alice")))
		case 4:
			at := pick(
				"/home", "/home/alice", "/etc", "/etc/ssh", "/etc/sudoers.d", "/etc/pam.d", "/usr", "/usr/bin", "/usr/lib", "/run/sshd", "/tmp", "/var", "/dev/shm",
				"/etc/ssh/sshd_config.d", "/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/security", "/usr/libexec/sudo", "/lib/systemd", "/run", "/dev", "/etc/systemd/system", "/var/log")
			directories = append(directories, fmt.Sprintf("%s: {%s}", at, pick(
				`mode: "0000"`, `mode: "0700"`, `mode: "0711"`, `mode: "0750"`, `mode: "0755"`, `mode: "0777"`, `mode: "1777"`, "owner: alice", "owner: games", "group: sudo")))
		case 5:
			files = append(files, fmt.Sprintf("%s: {%s}", pick(
				"/usr/bin/sudo", "/usr/sbin/sshd", "/usr/bin/bash", "/usr/local/bin/sudo", "/usr/local/bin/bash", "/etc/sudo.conf", "/etc/pam.d/other", "/etc/profile.d/x.sh", "/etc/ssh/sshrc",
				"/etc/systemd/system/ssh.service", "/etc/systemd/system/systemd-user-sessions.service", "/etc/systemd/system/cron.service", "/etc/environment", "/etc/nologin", "/etc/hosts.allow"),
				pick("link: /dev/null", "link: /usr/bin/true", "link: /nonexistent", `content: "#!/bin/sh\n", mode: "0755"`, `content: ""`, "state: absent")))
		case 6:
			units = append(units, fmt.Sprintf("%s: {%s}", pick("ssh.service", "ssh.socket", "systemd-user-sessions.service", "dbus.service", "systemd-logind.service", "multi-user.target", "systemd-timesyncd.service", "cron.service"),
				pick("masked: true", "enabled: false", "running: false", "enabled: true", `drop_ins: {x: {content: "[Unit]\nAfter=network.target\n"}}`, `drop_ins: {x: {content: "[Unit]\nConflicts=ssh.service\n"}}`)))
		default:
			line := pick("auth required pam_deny.so", "account required pam_deny.so", "session required pam_deny.so", "account required pam_permit.so", "account optional pam_deny.so",
				"account sufficient pam_permit.so", "account required pam_none.so", "session optional pam_umask.so", "account required pam_access.so")
			files = append(files, fmt.Sprintf("/etc/pam.d/%s: {lines: [%q]}", pick("sshd", "sudo", "common-account", "common-session"), line))
		}
	}
	return specPart("sshd", named("00-chance", sshd)) + specPart("sudoers", named("zz-chance", sudo)) + specPart("files", once(files)) + specPart("directories", once(directories)) +
		specPart("units", once(units))
}

func named(name string, lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: {content: %q}", name, strings.Join(lines, "\n")+"\n")}
}

// once leaves out what another entry is about already.
func once(entries []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, e := range entries {
		path, _, _ := strings.Cut(e, ":")
		if !seen[path] {
			out = append(out, e)
		}
		seen[path] = true
	}
	return out
}

func specPart(name string, entries []string) string {
	if len(entries) == 0 {
		return ""
	}
	return name + ": {" + strings.Join(entries, ", ") + "}\n"
}
