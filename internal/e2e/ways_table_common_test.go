package e2e

import "fmt"

// filterIs has nftables load rules at once and at the start, by which hosts come to a port.
func filterIs(port string) string {
	const rules = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iif lo accept
    tcp dport { 80, %s } accept
  }
}
`
	return fileIs("/etc/nftables.conf", fmt.Sprintf(rules, port)) + "units: {nftables.service: {enabled: true, running: true, when: unit nftables.service exists}}\n"
}

// timerIs has a service run a command each day.
func timerIs(command string) string {
	return fmt.Sprintf("units: {x.service: {content: %q}, x.timer: {content: %q, enabled: true, running: true}}\n",
		"[Service]\nType=oneshot\nExecStart="+command+"\n", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n")
}

// waysOfCommonSettings are those that many hosts have, and what differs little from them
// and shuts the way.
func waysOfCommonSettings() []way {
	const (
		withFilter = "apt-get -qq install --yes --no-install-recommends nftables >/dev/null"
		noFilter   = "systemctl disable --now nftables; rm -f /etc/nftables.conf"
		forever    = "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep inf\n"
	)
	return []way{
		{name: "nftables, with sshd's port", want: through, setup: withFilter, after: noFilter, spec: filterIs("22")},
		{name: "nftables, without sshd's port", want: refused, setup: withFilter, after: noFilter, spec: filterIs("443")},
		{name: "nftables starts, whose rules are shut", want: refused, setup: withFilter + "; echo 'table inet f { chain i { type filter hook input priority 0; policy drop; } }' >/etc/nftables.conf", after: noFilter, spec: "units: {nftables.service: {enabled: true, running: true, when: unit nftables.service exists}}\n"},
		{name: "settings of sshd's service", want: through, spec: "units: {ssh.service: {drop_ins: {x: {content: \"[Unit]\\nAfter=network-online.target\\nWants=network-online.target\\n[Service]\\nRestart=always\\nRestartSec=5\\nLimitNOFILE=65536\\nOOMScoreAdjust=-1000\\n\"}}}}\n"},
		{name: "settings of new accounts", want: through, spec: "files: {/etc/login.defs: {lines: [\"# ours\", \"UMASK 027\", \"PASS_MAX_DAYS 90\"]}}\n"},
		{name: "where names of hosts come from", want: through, spec: fileIs("/etc/nsswitch.conf", "passwd: files systemd\ngroup:  files systemd\nshadow: files\ngshadow: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns\nnetworks: files\n")},
		{name: "people come from nowhere", want: refused, spec: fileIs("/etc/nsswitch.conf", "passwd: nosuch\n")},
		{name: "a language for all", want: through, spec: fileIs("/etc/default/locale", "LANG=C.UTF-8\n")},
		{name: "values of the kernel, as auditors want them", want: through, spec: fileIs("/etc/sysctl.d/60-x.conf", "net.ipv4.conf.all.send_redirects = 0\nnet.ipv4.conf.all.log_martians = 1\nnet.ipv4.tcp_syncookies = 1\nnet.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 1\nnet.ipv4.icmp_echo_ignore_broadcasts = 1\nkernel.dmesg_restrict = 1\nkernel.panic_on_oops = 1\nfs.suid_dumpable = 0\nvm.overcommit_memory = 1\n")},
		{name: "no memory but what is there", want: refused, spec: fileIs("/etc/sysctl.d/60-x.conf", "vm.overcommit_memory = 2\n")},
		{name: "rights of a device", want: through, spec: "directories: {/etc/udev/rules.d: {}}\n" + fileIs("/etc/udev/rules.d/60-x.rules", "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"1234\", MODE=\"0660\", GROUP=\"plugdev\"\n")},
		{name: "a name of the network's device", want: refused, spec: "directories: {/etc/udev/rules.d: {}}\n" + fileIs("/etc/udev/rules.d/60-x.rules", "SUBSYSTEM==\"net\", NAME=\"lan0\"\n")},
		{name: "a unit for a device", want: refused, spec: "directories: {/etc/udev/rules.d: {}}\n" + fileIs("/etc/udev/rules.d/60-x.rules", "SUBSYSTEM==\"usb\", TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"poweroff.target\"\n")},
		{name: "a command in the place of a module", want: refused, spec: "directories: {/etc/modprobe.d: {}}\n" + fileIs("/etc/modprobe.d/y.conf", "install pcspkr /sbin/poweroff\n")},
		{name: "sshd waits for the clock", want: refused, spec: dropInIs("/etc/systemd/system/ssh.service.d", "[Unit]\nAfter=time-sync.target\nWants=time-sync.target\n")},
		{name: "options of modules", want: through, spec: "directories: {/etc/modprobe.d: {}}\n" + fileIs("/etc/modprobe.d/y.conf", "options nf_conntrack hashsize=32768\noptions kvm_intel nested=1\nblacklist nouveau\n")},
		{name: "upgrades by themselves", want: through, spec: fileIs("/etc/apt/apt.conf.d/50unattended-upgrades", "// With \"true\", reboot\nUnattended-Upgrade::Origins-Pattern {\n  \"origin=Debian,codename=${distro_codename},label=Debian-Security\";\n};\nUnattended-Upgrade::Automatic-Reboot \"true\";\n")},
		{name: "settings of sudo for some commands", want: through, spec: sudoIs("Cmnd_Alias PAGERS = /usr/bin/less, /usr/bin/more", "Defaults!PAGERS noexec", "Defaults!/usr/bin/apt requiretty", "Defaults insults, timestamp_timeout=30, log_input", "Defaults passprompt=\"[sudo] %p: \"")},
		{name: "settings of sudo for shells", want: refused, spec: sudoIs("Defaults!/bin/bash noexec")},
		{name: "who was here, and a path of Java's", want: through, spec: fileIs("/etc/profile.d/x.sh", "last -n 3 $USER\nexport JAVA_HOME=$(dirname $(dirname $(readlink -f /usr/bin/java)))\nexport PATH=$PATH:$JAVA_HOME/bin\n")},
		{name: "a service account with sudo", want: through, spec: "users: {deploy: {shell: /bin/bash}}\n" + sudoIs("deploy ALL=(root) NOPASSWD: /bin/systemctl restart app")},
		{name: "a role that has people chrooted", want: through, spec: "groups: {sftponly: {}}\n" + sshdIs("Match Group sftponly", "  ChrootDirectory /srv/sftp/%u", "  ForceCommand internal-sftp", "  AllowTcpForwarding no", "  PasswordAuthentication no")},
		{name: "they join a group that sshd denies", want: refused, setup: "groupadd blocked; echo 'DenyGroups blocked' >>/etc/ssh/sshd_config; systemctl restart ssh", spec: "people: [admins]\nroles: {admins: {groups: [sudo, blocked], shell: /bin/bash, keys: [repository]}}\ngroups: {blocked: {}}\n"},
		{name: "they join a group that sudo asks for another password", want: refused, spec: "people: [admins]\nroles: {admins: {groups: [sudo, low], shell: /bin/bash, keys: [repository]}}\ngroups: {low: {}}\n" + sudoIs("Defaults:%low rootpw")},

		{name: "AllowUsers from anywhere", want: through, spec: sshdIs("AllowUsers alice@*")},
		{name: "a start-up file is no file", want: refused, spec: "files: {/home/alice/.bash_profile: {link: /dev/tty}}\n"},
		{name: "a history over the keys", want: refused, spec: homeIs(".bashrc", "HISTFILE=~/.ssh/authorized_keys\n")},
		{name: "a variable has a prompt end the shell", want: refused, spec: homeIs(".bashrc", "x='$(kill -9 $$)'\nPS1=\"\\u$x\\$ \"\n")},

		{name: "a unit that people wait for does not end", want: refused, spec: unitIs("[Unit]\nBefore=remote-fs.target\n" + forever + byHost)},
		{name: "a unit among the remote file systems does not end", want: refused, spec: unitIs(forever + "[Install]\nWantedBy=remote-fs.target\n")},
		{name: "a service among the sockets", want: refused, spec: unitIs("[Service]\nExecStart=/bin/sleep inf\n[Install]\nWantedBy=sockets.target\n")},
		{name: "a unit before memory is swapped", want: refused, spec: unitIs("[Unit]\nDefaultDependencies=no\nBefore=swap.target\n" + forever + byHost)},
		{name: "a unit after which sshd starts does not end", want: refused, spec: "units: {auditd.service: {content: " + fmt.Sprintf("%q", forever+byHost) + ", enabled: true}}\n"},
		{name: "programs are run by another", want: refused, spec: "directories: {/etc/binfmt.d: {}}\n" + fileIs("/etc/binfmt.d/x.conf", `:x:M::\x7fELF::/bin/false:`+"\n")},
		{name: "a library is found elsewhere first", want: refused, setup: "mkdir -p /opt/x; cp /bin/false /opt/x/libcrypto.so.3", after: "rm -r /opt/x", spec: fileIs("/etc/ld.so.conf.d/000.conf", "/opt/x\n")},
		{name: "libraries of one's own", want: through, spec: fileIs("/etc/ld.so.conf.d/cuda.conf", "/usr/local/cuda/lib64\n")},
		{name: "a job takes the bits of all programs", want: refused, spec: timerIs("/usr/bin/find / -xdev -perm -4000 -exec chmod u-s {} +")},
		{name: "a job stops sshd by its script", want: refused, spec: timerIs("/etc/init.d/ssh stop")},
		{name: "a job stops all services", want: refused, spec: timerIs("/bin/systemctl stop system.slice")},
		{name: "a job removes the home", want: refused, spec: timerIs("/bin/rm -rf /home/alice")},
		{name: "a job opens the home to all", want: refused, spec: timerIs("/bin/chmod -R 0777 /home/alice")},
		{name: "a job takes the network's memory", want: refused, spec: timerIs("/sbin/sysctl -w net.ipv4.tcp_mem=0")},
		{name: "a job takes sshd's address", want: refused, spec: timerIs("/sbin/ifconfig lo 0.0.0.0")},
		{name: "a job takes the keys for logs", want: refused, spec: fileIs("/etc/logrotate.d/x", "/home/alice/.ssh/authorized_keys {\n  daily\n  rotate 0\n}\n")},
		{name: "a job closes homes to others", want: through, spec: timerIs("/bin/chmod 0750 /home/alice")},
		{name: "a job looks for programs with bits", want: through, spec: timerIs("/usr/bin/find / -xdev -perm -4000")},
	}
}
