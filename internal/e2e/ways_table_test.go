package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// Lines of files that let people in, as Debian has them but for the marked one.
const (
	pamDenies = "auth required pam_permit.so\naccount required pam_deny.so\nsession required pam_permit.so\n"
	pamPlain  = "@include common-auth\naccount required pam_nologin.so\n@include common-account\n@include common-session\n@include common-password\n"
	pamSudo   = "@include common-auth\n@include common-account\n@include common-session-noninteractive\n"
)

// dropInIs has a directory with one drop-in.
func dropInIs(dir, content string) string {
	return fmt.Sprintf("directories: {%s: {}}\n", dir) + fileIs(dir+"/x.conf", content)
}

const noNetwork = "[Service]\nPrivateNetwork=yes\n"

// manyAddresses are blocks of Match that differ by where somebody comes from.
func manyAddresses() []string {
	var out []string
	for i := range 9 {
		out = append(out, fmt.Sprintf("Match Address 10.0.%d.0/24", i), "  PasswordAuthentication yes")
	}
	return out
}

// waysTable is what specs may do to the way in.
func waysTable() []way {
	return slices.Concat(waysOfSettings(), waysOfCommonSettings(), waysOfPrograms(), waysOfStartUp(), waysOfJobs(), waysAtBoot(), waysByCommand())
}

// waysOfSettings are about what sudo, sshd, PAM and the account go by.
func waysOfSettings() []way {
	return []way{
		// sudo
		{name: "sudo purged", want: refused, spec: "packages: {sudo: purged}\n"},
		{name: "sudo purged, root has a password", want: refused, spec: "packages: {sudo: purged}\n", setup: "echo root:" + goodPassword + " | chpasswd"},
		{name: "sudo without its set-uid bit", want: refused, spec: fileMode("/usr/bin/sudo", "0755")},
		{name: "sudo for its owner alone", want: refused, spec: fileMode("/usr/bin/sudo", "4700")},
		{name: "sudo is somebody else's", want: refused, spec: "files: {/usr/bin/sudo: {owner: nobody, mode: \"4755\"}}\n"},
		{name: "sudo.conf names a plugin that is not there", want: refused, spec: fileIs("/etc/sudo.conf", "Plugin sudoers_policy nonexist.so\n")},
		{name: "sudo.conf names another plugin", want: refused, spec: fileIs("/etc/sudo.conf", "Plugin sudoers_policy sudoers.so sudoers_file=/etc/none\n")},
		{name: "sudo.conf is plain", want: through, spec: fileIs("/etc/sudo.conf", "# nothing\nSet disable_coredump true\n")},
		{name: "rootpw", want: refused, spec: sudoIs("Defaults rootpw")},
		{name: "targetpw", want: refused, spec: sudoIs("Defaults targetpw")},
		{name: "runaspw", want: refused, spec: sudoIs("Defaults runaspw")},
		{name: "rootpw for a user", want: refused, spec: sudoIs("Defaults:alice rootpw")},
		{name: "rootpw for another", want: through, spec: sudoIs("Defaults:games rootpw")},
		{name: "runas_default", want: refused, spec: sudoIs("Defaults runas_default=nobody")},
		{name: "noexec", want: refused, spec: sudoIs("Defaults noexec")},
		{name: "requiretty", want: refused, spec: sudoIs("Defaults requiretty")},
		{name: "passwd_tries 0", want: refused, spec: sudoIs("Defaults passwd_tries=0")},
		{name: "an unknown root directory", want: refused, spec: sudoIs("Defaults runchroot=/srv")},
		{name: "secure_path leads nowhere", want: refused, spec: sudoIs("Defaults secure_path=/nonexistent")},
		{name: "a rule that is over", want: refused, spec: ruleIs("alice ALL=(ALL:ALL) NOTAFTER=20200101000000Z ALL")},
		{name: "a rule that is to come", want: refused, spec: ruleIs("alice ALL=(ALL:ALL) NOTBEFORE=20990101000000Z ALL")},
		{name: "a rule as a group", want: refused, spec: ruleIs("alice ALL=(:adm) ALL")},
		{name: "a rule as somebody", want: refused, spec: ruleIs("alice ALL=(nobody) ALL")},
		{name: "a rule with NOEXEC", want: refused, spec: ruleIs("alice ALL=(ALL) NOEXEC: ALL")},
		{name: "a rule with CWD", want: refused, spec: ruleIs("alice ALL=(ALL) CWD=/nonexistent ALL")},
		{name: "a rule with TIMEOUT", want: refused, spec: ruleIs("alice ALL=(ALL) TIMEOUT=1s ALL")},
		{name: "a rule with CHROOT", want: refused, spec: ruleIs("alice ALL=(ALL) CHROOT=/srv ALL")},
		{name: "a rule for another host", want: refused, spec: ruleIs("alice elsewhere=(ALL) ALL")},
		{name: "a rule for some commands", want: refused, spec: ruleIs("alice ALL=(ALL) /bin/ls, /usr/bin/id")},
		{name: "a rule by a number of a group that changes", want: refused, setup: "groupadd -g 4711 ops; gpasswd -a alice ops; printf 'Defaults env_reset\\n%%#4711 ALL=(ALL:ALL) ALL\\n' >/etc/sudoers", spec: "groups: {ops: {gid: 4712}}\n"},
		{name: "a rule by a netgroup", want: refused, spec: ruleIs("+admins ALL=(ALL:ALL) ALL")},
		{name: "a rule for all but them", want: refused, spec: ruleIs("ALL, !alice ALL=(ALL:ALL) ALL")},
		{name: "a rule with a hole", want: refused, spec: ruleIs("alice ALL=(ALL) ALL, !/bin/su")},
		{name: "a rule of its own", want: through, spec: ruleIs("alice ALL=(ALL:ALL) ALL")},
		{name: "a rule without runas", want: through, spec: ruleIs("alice ALL = ALL")},
		{name: "a rule with SETENV", want: through, spec: ruleIs("alice ALL=(ALL) SETENV: ALL")},
		{name: "an include elsewhere", want: refused, setup: "echo '@include /etc/sudoers.local' >>/etc/sudoers; : >/etc/sudoers.local", spec: "files: {/etc/sudoers.local: {content: \"alice ALL=(ALL) !ALL\\n\", mode: \"0440\"}}\n"},
		{name: "a directory elsewhere", want: refused, setup: "mkdir -p /etc/sudoers.more; echo '@includedir /etc/sudoers.more' >>/etc/sudoers", spec: "files: {/etc/sudoers.more/x: {content: \"alice ALL=(ALL) !ALL\\n\", mode: \"0440\"}}\n"},
		{name: "rules that everybody can write", want: refused, spec: fileMode("/etc/sudoers", "0666")},
		{name: "rules are somebody's", want: refused, spec: "files: {/etc/sudoers: {owner: alice}}\n"},
		{name: "rules are gone", want: refused, spec: "files: {/etc/sudoers: {state: absent}}\n"},
		{name: "sudo with harmless settings", want: through, spec: sudoIs("# a comment", "Defaults use_pty, logfile=/var/log/sudo.log", "Defaults timestamp_timeout=5, !insults", "Defaults:games lecture=always", "Defaults env_keep += \"LC_ALL\"")},
		{name: "sudo that has to log, and cannot", want: refused, spec: sudoIs("Defaults !ignore_logfile_errors, logfile=/dev/null/x")},
		{name: "sudo that has to be audited", want: refused, spec: sudoIs("Defaults !ignore_audit_errors")},
		{name: "sudo logs output", want: through, setup: "rm -rf /var/log/sudo-io", spec: sudoIs("Defaults log_output")},
		{name: "sudo logs output, to a file", want: refused, setup: "rm -rf /var/log/sudo-io", spec: sudoIs("Defaults log_output") + fileIs("/var/log/sudo-io", "x\n")},
		{name: "sudo logs output, and loses where", want: refused, setup: "rm -rf /var/log/sudo-io; echo 'Defaults log_output' >>/etc/sudoers", spec: fileIs("/var/log/sudo-io", "x\n")},
		{name: "a rule that logs to a file", want: refused, setup: "rm -rf /var/log/sudo-io", spec: strings.Replace(ruleIs("alice ALL=(ALL) LOG_OUTPUT: ALL"), "files: {", "files: {/var/log/sudo-io: {content: x}, ", 1)},
		{name: "a rule for another", want: through, spec: sudoIs("games ALL=(root) NOPASSWD: /bin/true")},

		// sshd
		{name: "listens on loopback alone", want: refused, spec: sshdIs("ListenAddress 127.0.0.2")},
		{name: "listens on another port", want: refused, spec: sshdIs("Port 2222")},
		{name: "listens on two ports", want: through, spec: sshdIs("Port 22", "Port 2222")},
		{name: "listens to IPv4 alone", want: through, spec: sshdIs("AddressFamily inet")},
		{name: "listens on each address", want: through, spec: sshdIs("ListenAddress 0.0.0.0", "ListenAddress ::")},
		{name: "listens on one address of many", want: refused, spec: sshdIs("ListenAddress 192.0.2.2")},
		{name: "listens to IPv6 alone", want: refused, spec: sshdIs("AddressFamily inet6")},
		{name: "an address, to be confirmed", want: through, args: "--confirm 10m", spec: sshdIs("ListenAddress 192.0.2.2")},
		{name: "another port, to be confirmed", want: through, args: "--confirm 10m", setup: "true", over: "opsafe revert", after: "rm -f /etc/ssh/sshd_config.d/00-x.conf", spec: sshdIs("Port 2222")},
		{name: "one of two ports goes, to be confirmed", want: through, args: "--confirm 10m", setup: "printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/zz-x.conf; systemctl restart ssh", over: "opsafe revert", after: "rm -f /etc/ssh/sshd_config.d/zz-x.conf", spec: "sshd: {zz-x: {content: \"Port 2222\\n\"}}\n"},
		{name: "one connection from an address at a time", want: through, spec: sshdIs("PerSourceMaxStartups 1")},
		{name: "listens on some addresses", want: refused, spec: sshdIs("ListenAddress 127.0.0.1", "ListenAddress "+wayAddress)},
		{name: "ForceCommand", want: refused, spec: sshdIs("ForceCommand /bin/false")},
		{name: "ForceCommand for another", want: through, spec: sshdIs("Match User games", "  ForceCommand /bin/false")},
		{name: "ForceCommand by address", want: refused, spec: sshdIs("Match Address 192.0.2.0/24", "  ForceCommand /bin/false")},
		{name: "a key is taken from the host itself alone", want: refused, spec: sshdIs("PubkeyAuthentication no", "Match Address 127.0.0.0/8", "  PubkeyAuthentication yes")},
		{name: "RevokedKeys is not there", want: refused, spec: sshdIs("RevokedKeys /etc/ssh/revoked")},
		{name: "two keys", want: refused, spec: sshdIs("AuthenticationMethods publickey,publickey")},
		{name: "a key and a password", want: through, spec: sshdIs("AuthenticationMethods publickey,password")},
		{name: "a key and a password, which sshd does not take", want: failed, spec: sshdIs("AuthenticationMethods publickey,password", "PasswordAuthentication no")},
		{name: "a key and a password, which PAM does not take", want: refused, spec: sshdIs("AuthenticationMethods publickey,password") + "files: {/etc/pam.d/sshd: {content: \"auth required pam_deny.so\\n" + strings.ReplaceAll(pamPlain, "\n", "\\n") + "\"}}\n"},
		{name: "one method", want: through, spec: sshdIs("AuthenticationMethods publickey")},
		{name: "MaxSessions 0", want: refused, spec: sshdIs("MaxSessions 0")},
		{name: "one connection at a time", want: refused, spec: sshdIs("MaxStartups 1:100:1")},
		{name: "MaxSessions 1", want: through, spec: sshdIs("MaxSessions 1")},
		{name: "MaxAuthTries 0", want: refused, spec: sshdIs("MaxAuthTries 0")},
		{name: "ChrootDirectory", want: refused, spec: sshdIs("ChrootDirectory /srv")},
		{name: "AllowUsers", want: refused, spec: sshdIs("AllowUsers nobody")},
		{name: "AllowUsers from elsewhere", want: refused, spec: sshdIs("AllowUsers alice@10.0.0.1")},
		{name: "AllowGroups", want: refused, spec: sshdIs("AllowGroups wheel")},
		{name: "AllowGroups, and the group goes", want: refused, setup: "groupadd wheelx; gpasswd -a alice wheelx; echo 'AllowGroups wheelx' >>/etc/ssh/sshd_config; systemctl restart ssh", spec: "groups: {wheelx: {state: absent}}\n"},
		{name: "AllowUsers within a block of addresses", want: refused, spec: sshdIs("Match Address 10.0.0.0/8", "  AllowUsers nobody")},
		{name: "no PAM, and the account is locked", want: refused, setup: "echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz; passwd -l alice", over: "passwd -u alice", after: "rm /etc/sudoers.d/zz", spec: sshdIs("UsePAM no")},
		{name: "AllowGroups with them", want: through, spec: sshdIs("AllowGroups sudo")},
		{name: "DenyUsers", want: refused, spec: sshdIs("DenyUsers a*")},
		{name: "no keys", want: refused, spec: sshdIs("PubkeyAuthentication no")},
		{name: "keys of another type", want: refused, spec: sshdIs("PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256")},
		{name: "ciphers that nobody has", want: refused, spec: sshdIs("Ciphers 3des-cbc")},
		{name: "ciphers", want: through, spec: sshdIs("Ciphers aes256-gcm@openssh.com,aes256-ctr", "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512", "KexAlgorithms curve25519-sha256")},
		{name: "a host key that is not there", want: failed, spec: sshdIs("HostKey /etc/ssh/none")},
		{name: "a unit that sshd conflicts with", want: refused, spec: "units: {rival.service: {content: \"[Unit]\\nConflicts=ssh.service\\n[Service]\\nExecStart=/bin/sleep inf\\n[Install]\\nWantedBy=multi-user.target\\n\", running: true}}\n"},
		{name: "the key is taken from elsewhere", want: refused, setup: "mkdir -p /etc/ssh/keys; { printf 'from=\"203.0.113.9\" '; cat /home/alice/.ssh/authorized_keys; } >/etc/ssh/keys/alice; chmod 0644 /etc/ssh/keys/alice", spec: sshdIs("AuthorizedKeysFile /etc/ssh/keys/%u") + dirMode("/etc/ssh/keys", "0711")},
		{name: "keys are read elsewhere", want: refused, spec: sshdIs("AuthorizedKeysFile /etc/ssh/keys/%u") + "directories: {/etc/ssh/keys: {mode: \"0700\"}}\nfiles: {/etc/ssh/keys/alice: {content: \"\"}}\n"},
		{name: "a directory of keys that they cannot search", want: refused, setup: "mkdir -p /etc/ssh/keys; cp /home/alice/.ssh/authorized_keys /etc/ssh/keys/alice; chmod 0644 /etc/ssh/keys/alice", spec: sshdIs("AuthorizedKeysFile /etc/ssh/keys/%u") + dirMode("/etc/ssh/keys", "0700")},
		{name: "a directory of keys that they can search", want: through, setup: "mkdir -p /etc/ssh/keys; cp /home/alice/.ssh/authorized_keys /etc/ssh/keys/alice; chmod 0644 /etc/ssh/keys/alice", spec: sshdIs("AuthorizedKeysFile /etc/ssh/keys/%u") + dirMode("/etc/ssh/keys", "0711")},
		{name: "an include elsewhere names nobody", want: refused, setup: "sed -i '1i Include /etc/ssh/extra.conf' /etc/ssh/sshd_config", spec: fileIs("/etc/ssh/extra.conf", "AllowUsers nobody\n")},
		{name: "an include elsewhere is harmless", want: through, setup: "sed -i '1i Include /etc/ssh/extra.conf' /etc/ssh/sshd_config", spec: fileIs("/etc/ssh/extra.conf", "# nothing\nX11Forwarding no\n")},
		{name: "the main file names nobody", want: refused, spec: fileIs("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nAllowUsers nobody\n")},
		{name: "openssh-server purged", want: refused, spec: "packages: {openssh-server: purged}\n"},
		{name: "sshd is stopped", want: refused, spec: "units: {ssh.service: {running: false}, ssh.socket: {running: false}}\n"},
		{name: "sshd does not start any more", want: refused, spec: "units: {ssh.service: {enabled: false}}\n"},
		{name: "options of the unit", want: refused, spec: fileIs("/etc/default/ssh", "SSHD_OPTS=\"-o AllowUsers=nobody\"\n")},
		{name: "SetEnv", want: refused, spec: sshdIs("SetEnv LD_PRELOAD=/none.so")},
		{name: "SetEnv of a language", want: through, spec: sshdIs("SetEnv LANG=C.UTF-8")},
		{name: "LoginGraceTime", want: refused, spec: sshdIs("LoginGraceTime 1")},
		{name: "Match for others", want: through, spec: sshdIs("Match User games", "  PubkeyAuthentication no", "Match Group nogroup", "  X11Forwarding no")},
		{name: "Match for an address", want: through, spec: sshdIs("Match Address 10.0.0.0/8", "  PasswordAuthentication yes")},
		{name: "ForceCommand but from one address", want: refused, spec: sshdIs("Match Address !192.0.2.1,*", "  ForceCommand /bin/false")},
		{name: "ForceCommand but to one address", want: refused, spec: sshdIs("Match LocalAddress !127.0.0.1,*", "  ForceCommand /bin/false")},
		{name: "ForceCommand after many addresses", want: refused, spec: sshdIs(append(manyAddresses(), "Match Address "+wayAddress, "  ForceCommand /bin/false")...)},
		{name: "Match for many addresses", want: through, spec: sshdIs(manyAddresses()...)},
		{name: "a banner", want: through, spec: sshdIs("Banner /etc/issue.net") + fileIs("/etc/issue.net", "private\n")},
		{name: "a comment", want: through, spec: sshdIs("# PubkeyAuthentication no")},
		{name: "hardening", want: through, spec: sshdIs("PermitRootLogin no", "PasswordAuthentication no", "MaxAuthTries 4", "X11Forwarding no", "ClientAliveInterval 300", "MaxStartups 10:30:60", "LogLevel VERBOSE", "AllowTcpForwarding no", "LoginGraceTime 30", "PermitUserEnvironment no", "UseDNS no")},

		// the way to the key and the shell
		{name: "/home is closed", want: refused, spec: dirMode("/home", "0700")},
		{name: "/home is tighter", want: through, spec: dirMode("/home", "0711")},
		{name: "the home is root's", want: failed, spec: "directories: {/home: {recurse: {owner: root, group: root}}}\n"},
		{name: "the home is root's, taken from them", want: refused, spec: "directories: {/home: {recurse: {owner: root, group: root, from: [alice]}}}\n"},
		{name: "/usr is closed", want: refused, spec: dirMode("/usr", "0700")},
		{name: "/usr/lib is closed", want: refused, spec: dirMode("/usr/lib", "0700")},
		{name: "/etc is closed", want: refused, spec: dirMode("/etc", "0700")},
		{name: "/etc/passwd is closed", want: refused, spec: fileMode("/etc/passwd", "0600")},
		{name: "/dev is closed", want: refused, spec: dirMode("/dev", "0700")},
		{name: "/dev/pts is closed", want: refused, spec: dirMode("/dev/pts", "0700")},
		{name: "/dev/null is gone", want: refused, spec: "files: {/dev/null: {state: absent}}\n"},
		{name: "/proc is closed", want: refused, spec: dirMode("/proc", "0700")},
		{name: "/run is closed", want: refused, spec: dirMode("/run", "0700")},
		{name: "/tmp is closed", want: refused, spec: dirMode("/tmp", "0700")},
		{name: "/run is tighter", want: through, spec: dirMode("/run", "0711")},
		{name: "an ACL shuts them out of /home", want: refused, spec: "directories: {/home: {mode: \"0755\", acl: [\"user:alice:---\"]}}\n"},
		{name: "the home can be written by their own group", want: through, spec: dirMode("/home/alice", "0775")},
		{name: "their own group, which can write the home, gets another", want: refused, setup: "chmod 0775 /home/alice", over: "chmod 0755 /home/alice", spec: "users: {helper: {groups: [alice]}}\n"},
		{name: "the home can be written by all", want: refused, spec: dirMode("/home/alice", "0777")},
		{name: "the shell is root's alone", want: refused, spec: fileMode("/bin/bash", "0700")},
		{name: "the shell is no shell", want: undone, spec: "people: [admins]\nroles: {admins: {groups: [sudo], shell: /usr/local/bin/sh2, keys: [repository]}}\nfiles: {/usr/local/bin/sh2: {content: \"#!/bin/false\\n\", mode: \"0755\"}}\n"},
		{name: "the shell does not end", want: undone, spec: "people: [admins]\nroles: {admins: {groups: [sudo], shell: /usr/local/bin/sh2, keys: [repository]}}\nfiles: {/usr/local/bin/sh2: {content: \"#!/bin/sh\\nsleep 98765\\n\", mode: \"0755\"}}\n", setup: "true", over: "! pgrep -f 'sleep 9876[5]'"},
		{name: "a system's directory of its own", want: through, spec: dirMode("/srv/x", "0700")},

		{name: "the host's keys can be read", want: undone, spec: "files: {/etc/ssh/ssh_host_ed25519_key: {mode: \"0644\"}, /etc/ssh/ssh_host_rsa_key: {mode: \"0644\"}, /etc/ssh/ssh_host_ecdsa_key: {mode: \"0644\"}}\n"},
		{name: "a module of PAM is gone", want: refused, spec: "files: {/lib/x86_64-linux-gnu/security/pam_loginuid.so: {state: absent}}\n"},
		{name: "the shell's start-up ends it", want: refused, spec: fileIs("/etc/bash.bashrc", "exit 1\n")},

		// and the rest
		{name: "hosts.deny", want: refused, spec: fileIs("/etc/hosts.deny", "ALL: ALL\n")},
		{name: "hosts.deny of another", want: through, spec: fileIs("/etc/hosts.deny", "# a comment\nvsftpd: ALL\n")},
		{name: "PAM denies sshd", want: refused, spec: fileIs("/etc/pam.d/sshd", pamDenies)},
		{name: "PAM denies sudo", want: refused, spec: fileIs("/etc/pam.d/sudo", pamDenies)},
		{name: "PAM asks an unknown module", want: refused, spec: fileIs("/etc/pam.d/sshd", pamPlain+"account required pam_nosuch.so\n")},
		{name: "PAM asks for a group", want: refused, spec: fileIs("/etc/pam.d/sshd", pamPlain+"account required pam_succeed_if.so user ingroup wheel\n")},
		{name: "PAM as Debian has it", want: through, spec: fileIs("/etc/pam.d/sshd", "# mine\n"+pamPlain)},
		{name: "PAM denies all", want: refused, spec: fileIs("/etc/pam.d/common-account", "account requisite pam_deny.so\n")},
		{name: "PAM takes sudo's password from elsewhere", want: refused, spec: fileIs("/etc/pam.d/sudo", "auth required pam_unix.so use_first_pass\n@include common-account\n@include common-session-noninteractive\n")},
		{name: "a module of PAM has no session", want: refused, spec: fileIs("/etc/pam.d/sudo", "@include common-auth\n@include common-account\nsession required pam_faildelay.so\n@include common-session-noninteractive\n")},
		{name: "PAM includes what is not there", want: refused, spec: fileIs("/etc/pam.d/sudo", pamSudo+"@include nosuch\n")},
		{name: "a line of PAM is of no type", want: refused, spec: fileIs("/etc/pam.d/sudo", pamSudo+"acount required pam_unix.so\n")},
		{name: "PAM as Debian has it, for sudo", want: through, spec: fileIs("/etc/pam.d/sudo", "# mine\nsession required pam_limits.so\n"+pamSudo)},
		{name: "PAM's list of who may come", want: refused, setup: "echo 'account required pam_access.so' >>/etc/pam.d/sshd", spec: fileIs("/etc/security/access.conf", "-:ALL:ALL\n")},
		{name: "PAM's list of shells", want: refused, setup: "sed -i '1i account required pam_shells.so' /etc/pam.d/sshd", spec: fileIs("/etc/shells", "/bin/sh\n")},
		{name: "PAM's list, and another file", want: through, setup: "echo 'account required pam_access.so' >>/etc/pam.d/sshd", spec: fileIs("/etc/motd", "welcome\n")},
		{name: "a limit of root's", want: refused, spec: fileIs("/etc/security/limits.d/x.conf", "root hard as 1000\n")},
		{name: "nobody may log in", want: refused, spec: fileIs("/etc/nologin", "")},
		{name: "a limit of logins", want: refused, spec: fileIs("/etc/security/limits.d/x.conf", "alice hard maxlogins 0\n")},
		{name: "a limit of files", want: through, spec: fileIs("/etc/security/limits.d/x.conf", "* soft nofile 4096\n")},
		{name: "a packet filter", want: refused, spec: fileIs("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\ntable inet f { chain i { type filter hook input priority 0; policy drop; } }\n")},
		{name: "another network comes", want: refused, spec: "units: {systemd-networkd.service: {running: true}}\n"},
		{name: "where sudo logs input to", want: refused, spec: sudoIs("Defaults log_output, iolog_dir=/dev/null/x")},
		{name: "the message of the day", want: through, spec: fileIs("/etc/motd", "welcome\n")},
		{name: "the profile ends the shell", want: refused, spec: fileIs("/etc/profile.d/x.sh", "exit 1\n")},
		{name: "a profile", want: through, spec: fileIs("/etc/profile.d/x.sh", "export EDITOR=vi\n")},

		// at the next start of sshd, or of the host
		{name: "a drop-in of every service", want: refused, spec: dropInIs("/etc/systemd/system/service.d", noNetwork)},
		{name: "a drop-in by the other name", want: refused, spec: dropInIs("/etc/systemd/system/sshd.service.d", noNetwork)},
		{name: "a drop-in where packages have them", want: refused, spec: dropInIs("/usr/lib/systemd/system/ssh.service.d", noNetwork)},
		{name: "a drop-in of another service", want: through, spec: dropInIs("/etc/systemd/system/cron.service.d", "[Service]\nNice=1\n")},
		{name: "limits of every service", want: refused, spec: "directories: {/etc/systemd/system.conf.d: {}}\n" + fileIs("/etc/systemd/system.conf.d/x.conf", "[Manager]\nDefaultLimitAS=1M\n")},
		{name: "limits of every service, in the main file", want: refused, spec: fileIs("/etc/systemd/system.conf", "[Manager]\nDefaultTasksMax=1\n")},
		{name: "a comment for the service manager", want: through, spec: fileIs("/etc/systemd/system.conf", "[Manager]\n# DefaultTasksMax=1\n")},
		{name: "a mount over the homes", want: refused, spec: fileIs("/etc/fstab", "tmpfs /home tmpfs defaults 0 0\n")},
		{name: "a mount beside", want: through, spec: fileIs("/etc/fstab", "tmpfs /srv tmpfs defaults 0 0\n")},
		{name: "a unit that mounts over the homes", want: refused, spec: fileIs("/etc/systemd/system/home.mount", "[Mount]\nWhat=tmpfs\nWhere=/home\nType=tmpfs\n")},
		{name: "the homes are closed at boot", want: refused, spec: fileIs("/etc/tmpfiles.d/x.conf", "z /h* 0700\n")},
		{name: "a directory made at boot", want: through, spec: fileIs("/etc/tmpfiles.d/x.conf", "d /run/app 0755\n")},
		{name: "no target wants sshd", want: refused, spec: "files: {/etc/systemd/system/multi-user.target.wants/ssh.service: {state: absent}}\n"},
		{name: "the target that wants sshd is masked", want: refused, spec: "units: {multi-user.target: {masked: true}}\n"},
		{name: "sshd is not to be run", want: refused, spec: "files: {/etc/ssh/sshd_not_to_be_run: {content: \"\"}}\n"},
		{name: "the host boots into rescue", want: refused, spec: "files: {/etc/systemd/system/default.target: {link: /usr/lib/systemd/system/rescue.target}}\n"},
		{name: "the host boots without a desktop", want: through, spec: "files: {/etc/systemd/system/default.target: {link: /usr/lib/systemd/system/multi-user.target}}\n"},

		// for the moment
		{name: "sshd is stopped for the moment", want: through, setup: "systemctl stop ssh", over: "systemctl start ssh", spec: fileIs("/etc/motd", "welcome\n")},
		{name: "nobody may log in for the moment", want: through, setup: "touch /run/nologin", over: "rm /run/nologin", spec: fileIs("/etc/motd", "welcome\n")},
		{name: "sshd is stopped, and the way shut", want: refused, setup: "systemctl stop ssh", over: "systemctl start ssh", spec: fileMode("/usr/bin/sudo", "0755")},
		{name: "sshd is stopped, and is not to let them in", want: refused, setup: "systemctl stop ssh", over: "systemctl reset-failed ssh; systemctl start ssh", spec: "sshd: {00-x: {content: \"AllowUsers nobody\\n\"}}\n"},
		{name: "sshd is stopped, and gets what is harmless", want: through, setup: "systemctl stop ssh", over: "systemctl reset-failed ssh; systemctl start ssh", spec: "sshd: {00-x: {content: \"Banner none\\n\"}}\n"},

		// with --confirm
		{name: "cannot be told, to be confirmed", want: through, args: "--confirm 10m", spec: fileIs("/etc/nftables.conf", "#!/usr/sbin/nft -f\n# other rules\n")},
		{name: "to be confirmed in no time", want: failed, args: "--confirm 0s", spec: fileIs("/etc/motd", "welcome\n")},
		{name: "/home is closed, to be confirmed", want: refused, args: "--confirm 10m", spec: dirMode("/home", "0700")},
	}
}
