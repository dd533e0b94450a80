package e2e

import "fmt"

// linkIs has a link at a path.
func linkIs(path, to string) string { return fmt.Sprintf("files: {%s: {link: %s}}\n", path, to) }

// programIs has a program at a path.
func programIs(path, content string) string {
	return fmt.Sprintf("files: {%s: {content: %q, mode: \"0755\"}}\n", path, content)
}

// unitIs has a service that starts with the host and does not run yet.
func unitIs(content string) string {
	return fmt.Sprintf("units: {x.service: {content: %q, enabled: true}}\n", content)
}

// Lines of units.
const (
	oneshot = "[Service]\nType=oneshot\nExecStart=/bin/false\n"
	byHost  = "[Install]\nWantedBy=multi-user.target\n"
)

// waysOfPrograms put something else in the place of what a login makes use of.
func waysOfPrograms() []way {
	return []way{
		{name: "sudo is a link to another program", want: refused, spec: linkIs("/usr/bin/sudo", "/usr/bin/true")},
		{name: "sudo is another program", want: refused, spec: "files: {/usr/bin/sudo: {content: \"#!/bin/sh\\n\", mode: \"4755\"}}\n"},
		{name: "sudo is found elsewhere first", want: refused, spec: programIs("/usr/local/bin/sudo", "#!/bin/sh\n")},
		{name: "sudo is found elsewhere first, by a link", want: refused, spec: linkIs("/usr/local/sbin/sudo", "/usr/bin/true")},
		{name: "sudo's rules are read by nothing", want: refused, spec: "files: {/usr/libexec/sudo/sudoers.so: {state: absent}}\n"},
		{name: "sshd is another program", want: refused, spec: programIs("/usr/sbin/sshd", "#!/bin/false\n")},
		{name: "sshd is a link", want: refused, spec: linkIs("/usr/sbin/sshd", "/usr/bin/false")},
		{name: "the shell is a link to another program", want: refused, spec: linkIs("/usr/bin/bash", "/usr/bin/true")},
		{name: "the shell is another program", want: refused, spec: programIs("/usr/bin/bash", "#!/bin/false\n")},
		{name: "the shell is another program, to be confirmed", want: refused, args: "--confirm 10m", spec: programIs("/usr/bin/bash", "#!/bin/false\n")},
		{name: "a library is gone", want: refused, spec: "files: {/usr/lib/x86_64-linux-gnu/libcrypto.so.3: {state: absent}}\n"},
		{name: "a library is a link to nowhere", want: refused, spec: linkIs("/usr/lib/x86_64-linux-gnu/libtinfo.so.6", "/nonexistent")},
		{name: "where programs are is another directory", want: refused, spec: linkIs("/bin", "/srv")},
		{name: "programs lose their bits", want: refused, spec: "directories: {/usr/bin: {recurse: {files: \"0755\"}}}\n"},
		{name: "directories of libraries are closed", want: refused, spec: "directories: {/usr/lib: {recurse: {directories: \"0700\"}}}\n"},
		{name: "an archive's link in the place of sshd", want: refused, setup: archiveOfTool, spec: archiveIs("/usr/sbin/sshd"), after: "rm -rf /srv/tool.tar"},
		{name: "an archive's link in the place of sudo", want: refused, setup: archiveOfTool, spec: archiveIs("/usr/bin/sudo"), after: "rm -rf /srv/tool.tar"},
		{name: "an archive's link", want: through, setup: archiveOfTool, spec: archiveIs("/usr/local/bin/tool"), after: "rm -rf /srv/tool.tar"},
		{name: "a program of one's own", want: through, spec: programIs("/usr/local/bin/tool", "#!/bin/sh\n")},
		{name: "the host's keys are none", want: undone, spec: "files: {/etc/ssh/ssh_host_ed25519_key: {content: x}, /etc/ssh/ssh_host_rsa_key: {content: x}, /etc/ssh/ssh_host_ecdsa_key: {content: x}}\n"},
		{name: "what sshd separates itself in can be written", want: refused, spec: dirMode("/run/sshd", "0777")},
		{name: "what sshd separates itself in is gone", want: refused, spec: "directories: {/run/sshd: {state: absent}}\n"},
	}
}

// archiveOfTool makes an archive of one program, whose SHA-256 is archiveSum.
const (
	archiveOfTool = `cd /tmp; umask 022; mkdir -p t; printf '#!/bin/sh\n' >t/tool; chmod 0755 t/tool; tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf /srv/tool.tar t`
	archiveSum    = "7250fa7eb9d848863492691d1013308227b5ce625efb8c3db964fbd17d237cb1"
)

func archiveIs(link string) string {
	return fmt.Sprintf("archives: {tool: {source: /srv/tool.tar, sha256: %s, path: /opt/tool-1, strip: 1, commands: {%s: tool}}}\n", archiveSum, link)
}

// waysAtBoot decide whether the host starts again, and sshd with it.
func waysAtBoot() []way {
	const inRequires = "directories: {/etc/systemd/system/ssh.service.requires: {}}\nfiles: {/etc/systemd/system/ssh.service.requires/x.service: {link: /etc/systemd/system/x.service}}\n"
	return []way{
		{name: "a mount without which the host does not start", want: refused, spec: fileIs("/etc/fstab", "none /srv nosuchfs defaults 0 0\n")},
		{name: "a mount that may be missing", want: through, spec: fileIs("/etc/fstab", "none /srv nosuchfs nofail 0 0\n")},
		{name: "sshd is masked", want: refused, spec: "units: {ssh.service: {masked: true}}\n"},
		{name: "sshd is masked by a link", want: refused, spec: linkIs("/etc/systemd/system/ssh.service", "/dev/null")},
		{name: "sshd is another unit", want: refused, spec: fileIs("/etc/systemd/system/ssh.service", "[Service]\nExecStart=/bin/sleep inf\n"+byHost)},
		{name: "what lets people in after a start is masked", want: refused, spec: "units: {systemd-user-sessions.service: {masked: true}}\n"},
		{name: "what lets people in after a start is masked by a link", want: refused, spec: linkIs("/etc/systemd/system/systemd-user-sessions.service", "/dev/null")},
		{name: "what lets people in after a start does something else", want: refused, spec: dropInIs("/etc/systemd/system/systemd-user-sessions.service.d", "[Service]\nExecStart=\nExecStart=/bin/false\n")},
		{name: "an early target is masked", want: refused, spec: "units: {sysinit.target: {masked: true}}\n"},
		{name: "an early target requires what is not there", want: refused, spec: dropInIs("/etc/systemd/system/basic.target.d", "[Unit]\nRequires=nosuch.service\n")},
		{name: "the host's target stops sshd", want: refused, spec: dropInIs("/etc/systemd/system/multi-user.target.d", "[Unit]\nConflicts=ssh.service\n")},
		{name: "sshd requires a unit that fails, by a link", want: refused, setup: "printf '" + `[Service]\nType=oneshot\nExecStart=/bin/false\n` + "' >/etc/systemd/system/x.service; systemctl daemon-reload", spec: inRequires, after: "rm /etc/systemd/system/x.service"},
		{name: "sshd requires a unit that fails", want: refused, spec: unitIs("[Unit]\nBefore=ssh.service\n" + oneshot + "[Install]\nRequiredBy=ssh.service\n")},
		{name: "a unit before sshd does not end", want: refused, spec: unitIs("[Unit]\nBefore=ssh.service\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep inf\n" + byHost)},
		{name: "a unit conflicts with sshd at the start", want: refused, spec: unitIs("[Unit]\nConflicts=ssh.service\n[Service]\nExecStart=/bin/sleep inf\n" + byHost)},
		{name: "a unit ends the host", want: refused, spec: unitIs("[Unit]\nSuccessAction=poweroff\n" + oneshot + byHost)},
		{name: "a unit stops sshd", want: refused, spec: unitIs("[Service]\nType=oneshot\nExecStart=/bin/systemctl stop ssh\n" + byHost)},
		{name: "a unit filters packets", want: refused, spec: unitIs("[Service]\nType=oneshot\nExecStart=/bin/sh -c 'iptables -P INPUT DROP'\n" + byHost)},
		{name: "a generator masks sshd", want: refused, spec: "directories: {/etc/systemd/system-generators: {}}\n" + programIs("/etc/systemd/system-generators/x", "#!/bin/sh\nln -s /dev/null $1/ssh.service\n")},
		{name: "rc.local stops sshd", want: refused, spec: programIs("/etc/rc.local", "#!/bin/sh\nsystemctl stop ssh\n")},
		{name: "the host goes into rescue by another target", want: refused, spec: linkIs("/etc/systemd/system/multi-user.target.wants/rescue.target", "/lib/systemd/system/rescue.target")},
		{name: "the service manager cannot be run", want: refused, spec: fileMode("/lib/systemd/systemd", "0644")},
		{name: "the host's init is something else", want: refused, spec: linkIs("/sbin/init", "/bin/false")},
		{name: "the host has no init", want: refused, spec: "packages: {systemd-sysv: absent, libpam-systemd: absent}\n"},
		{name: "the service manager goes", want: failed, spec: "packages: {systemd: absent}\n"},
		{name: "the id of the host is none", want: refused, spec: fileIs("/etc/machine-id", "x\n")},
		{name: "the network's memory is none, from the next start on", want: refused, spec: fileIs("/etc/sysctl.d/x.conf", "net.ipv4.tcp_mem = 0 0 0\n")},
		{name: "no address is answered for", want: refused, spec: "sysctl: {net.ipv4.conf.all.arp_ignore: {value: \"8\"}}\n"},
		{name: "values of the kernel", want: through, spec: "sysctl: {net.ipv4.ip_forward: {value: \"1\"}, net.ipv4.tcp_rmem: {value: \"4096 131072 6291456\"}}\n"},
		{name: "the network's module is kept out", want: refused, spec: "directories: {/etc/modprobe.d: {}}\n" + fileIs("/etc/modprobe.d/x.conf", "blacklist virtio_net\n")},
		{name: "a module is kept out", want: through, spec: "directories: {/etc/modprobe.d: {}}\n" + fileIs("/etc/modprobe.d/x.conf", "blacklist usb_storage\n")},
		{name: "what a packet filter includes", want: refused, setup: "echo 'include \"/etc/fw.nft\"' >/etc/nftables.conf; echo >/etc/fw.nft", spec: fileIs("/etc/fw.nft", "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n"), after: "rm /etc/nftables.conf /etc/fw.nft"},
		{name: "a service that starts with the host", want: through, spec: unitIs("[Unit]\nAfter=network-online.target\nWants=network-online.target\nBefore=docker.service\n[Service]\nExecStart=/bin/sleep inf\n" + byHost)},
		{name: "a service without a meaning for the start is masked", want: through, spec: "units: {systemd-timesyncd.service: {masked: true}}\n"},
	}
}

// waysByCommand are runs of other commands than manage.
func waysByCommand() []way {
	const (
		byHand  = "echo 'alice ALL=(ALL) ALL' >/etc/sudoers.d/hand; chmod 0440 /etc/sudoers.d/hand; gpasswd -d alice sudo"
		another = "mkdir -p /srv/opsafe/backends/other; printf 'description: other\\n' >/srv/opsafe/backends/other/backend.yaml; opsafe bootstrap lab"
		forget  = "rm -rf /etc/opsafe/backend /etc/profile.d/opsafe.sh /srv/opsafe/backends/other"
		keep    = "cp -a /home/alice/.ssh/authorized_keys /root/keys; "
		back    = "cp -a /root/keys /home/alice/.ssh/authorized_keys"
		more    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzskN/9ok6uFmOJTW6f79Gre4MNFa56bO1CKc8xgqiA more' >>/home/alice/.ssh/authorized_keys"
	)
	return []way{
		{name: "prune takes the only rule", want: refused, cmd: "prune --backend lab sudoers/hand", setup: byHand, after: "rm /etc/sudoers.d/hand"},
		{name: "prune takes a rule besides", want: through, cmd: "prune --backend lab sudoers/hand", setup: "echo 'games ALL=(ALL) /bin/ls' >/etc/sudoers.d/hand; chmod 0440 /etc/sudoers.d/hand", after: "rm -f /etc/sudoers.d/hand"},
		{name: "prune takes sshd's unit", want: refused, cmd: "prune --backend lab unit/mysshd.service", setup: anotherUnit, after: "systemctl disable --now mysshd; rm /etc/systemd/system/mysshd.service; systemctl daemon-reload; systemctl enable ssh"},
		{name: "another backend's host", want: through, cmd: "bootstrap other --switch", setup: another, after: forget},
		{name: "another backend's host, without what was the former's", want: refused, cmd: "bootstrap other --switch --prune", setup: another, after: forget},
		{name: "the only key is revoked", want: refused, cmd: "revoke-key KEY"},
		{name: "the only key is revoked, but for one that has expired", want: refused, cmd: "revoke-key KEY", setup: keep + "echo 'expiry-time=\"20200101\" " + more, after: back},
		{name: "the only key is revoked, but for one of one command", want: refused, cmd: "revoke-key KEY", setup: keep + "echo 'command=\"/bin/true\" " + more, after: back},
		{name: "the only key is revoked, but for one from elsewhere", want: refused, cmd: "revoke-key KEY", setup: keep + "echo 'from=\"203.0.113.9\" " + more, after: back},
		{name: "another key is revoked", want: through, cmd: "revoke-key SHA256:SKAEG1sYpQh+WTLZhNvgV6QWD2eHJY6/O0TdOSHhGC4", setup: keep + "echo '" + more, after: back},
		{name: "what made the admin is undone", want: refused, cmd: "undo 1"},
		{name: "what made the admin is undone, to be confirmed", want: refused, cmd: "undo 1", args: "--confirm 10m"},
	}
}
