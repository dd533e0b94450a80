package e2e

import "fmt"

// hidden is a program of which no look tells what it does: it puts the words together.
func hidden(program, unit string) string {
	return fmt.Sprintf("#!/bin/sh\np=%s; q=%s; %s\n", program[:2], unit[:2], "${p}"+program[2:]+" ${q}"+unit[2:])
}

// runIs has a service run a program of the spec's own at once.
func runIs(program, settings string) string {
	return programIs("/usr/local/bin/x", program) +
		fmt.Sprintf("units: {x.service: {content: %q, running: true}}\n", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/x\n"+settings)
}

// waysOfJobs are about what a host does by itself, at once, at its next start or each day.
func waysOfJobs() []way {
	return []way{
		{name: "a job kills sshd", want: undone, spec: runIs(hidden("pkill", "sshd"), "")},
		{name: "a job stops sshd", want: undone, spec: runIs(hidden("systemctl stop", "ssh.service"), "")},
		{name: "a job stops sshd, to be confirmed", want: undone, args: "--confirm 10m", spec: runIs(hidden("systemctl stop", "ssh.service"), "")},
		{name: "a timer's job kills sshd", want: undone, spec: programIs("/usr/local/bin/x", hidden("pkill", "sshd")) +
			"units: {x.service: {content: \"[Service]\\nType=oneshot\\nExecStart=/usr/local/bin/x\\n\"}, x.timer: {content: \"[Timer]\\nOnActiveSec=0\\nAccuracySec=1ms\\n[Install]\\nWantedBy=timers.target\\n\", running: true}}\n"},
		{name: "a service kills sshd", want: refused, spec: unitIs("[Service]\nType=oneshot\nExecStart=/usr/bin/pkill sshd\n" + byHost)},
		{name: "a service runs a script that stops sshd", want: refused, spec: runIs("#!/bin/sh\nsleep 3600\nsystemctl stop ssh\n", "")},
		{name: "a script of a service runs another", want: refused, setup: "printf '#!/bin/sh\\n' >/usr/local/bin/y; chmod 0755 /usr/local/bin/y", after: "rm /usr/local/bin/y", spec: "units: {x.service: {content: \"[Service]\\nExecStart=/usr/local/bin/x\\n\", enabled: false}}\nfiles: {/usr/local/bin/x: {content: \"#!/bin/sh\\nexec /usr/local/bin/y\\n\", mode: \"0755\"}, /usr/local/bin/y: {content: \"#!/bin/sh\\nchmod 0755 /usr/bin/sudo\\n\", mode: \"0755\"}}\n"},
		{name: "a job of each day locks the account", want: refused, spec: programIs("/etc/cron.daily/x", "#!/bin/sh\nusermod -L alice\n")},
		{name: "a job at the start filters packets", want: refused, spec: fileIs("/etc/cron.d/x", "@reboot root nft add table inet x\n")},
		{name: "a job of apt's takes sudo's bit", want: refused, spec: fileIs("/etc/apt/apt.conf.d/x", "DPkg::Post-Invoke {\"chmod 0755 /usr/bin/sudo\";};\n")},
		{name: "the message of the day takes the way", want: refused, spec: programIs("/etc/update-motd.d/99-x", "#!/bin/sh\n[ -n \"$SSH_TTY\" ] && touch /run/nologin\n")},
		{name: "no process in a session", want: refused, spec: dropInIs("/etc/systemd/system/user-.slice.d", "[Slice]\nTasksMax=1\n")},
		{name: "no memory in a session", want: refused, spec: dropInIs("/etc/systemd/system/user@.service.d", "[Service]\nMemoryMax=1K\n")},
		{name: "sessions end by themselves", want: refused, spec: "directories: {/etc/systemd/logind.conf.d: {}}\n" + fileIs("/etc/systemd/logind.conf.d/x.conf", "[Login]\nStopIdleSessionSec=1\n")},
		{name: "the idle host powers off", want: refused, spec: fileIs("/etc/systemd/logind.conf", "[Login]\nIdleAction=poweroff\nIdleActionSec=1min\n")},
		{name: "nobody may log in, from the next start on", want: refused, spec: fileIs("/etc/tmpfiles.d/x.conf", "f /etc/nologin 0644 root root - closed\n")},
		{name: "tmpfiles of homes are hidden", want: refused, spec: linkIs("/etc/tmpfiles.d/home.conf", "/dev/null")},
		{name: "no process for anybody", want: refused, spec: fileIs("/etc/security/limits.conf", "* hard nproc 0\n")},
		{name: "no process for anybody, by a drop-in", want: refused, spec: fileIs("/etc/security/limits.d/x.conf", "@sudo - nproc 1\n")},
		{name: "sshd is confined at the next start", want: refused, spec: "directories: {/etc/apparmor.d: {}}\n" + fileIs("/etc/apparmor.d/usr.sbin.sshd", "/usr/sbin/sshd {\n}\n")},
		{name: "a unit where packages have them", want: refused, spec: fileIs("/usr/lib/systemd/system/x.service", "[Service]\nExecStart=/srv/x\n")},
		{name: "a generator where packages have them", want: refused, spec: programIs("/usr/lib/systemd/system-generators/x", "#!/bin/sh\n")},
		{name: "tmpfiles where packages have them", want: refused, spec: fileIs("/usr/lib/tmpfiles.d/x.conf", "z /home 0700\n")},
		{name: "values of the kernel where packages have them", want: refused, spec: fileIs("/usr/lib/sysctl.d/x.conf", "net.ipv4.tcp_mem = 0 0 0\n")},
		{name: "modules where packages have them", want: refused, spec: fileIs("/usr/lib/modprobe.d/x.conf", "blacklist virtio_net\n")},
		{name: "a job of anacron's", want: refused, spec: fileIs("/etc/anacrontab", "1 5 x pkill sshd\n")},
		{name: "a unit of each user's ends the session", want: refused, spec: fileIs("/etc/systemd/user/x.service", "[Service]\nExecStart=/bin/sh -c 'sleep 1; kill -9 -1'\n")},
		{name: "a unit of the user's ends the session", want: refused, spec: "directories: {/home/alice/.config: {owner: alice}, /home/alice/.config/systemd: {owner: alice}, /home/alice/.config/systemd/user: {owner: alice}}\n" + homeIs(".config/systemd/user/x.service", "[Service]\nExecStart=/usr/bin/loginctl terminate-user alice\n")},
		{name: "a unit of each user's", want: through, spec: fileIs("/etc/systemd/user/x.service", "[Service]\nExecStart=/usr/bin/ssh-agent -D\n")},
		{name: "a package with a service", want: through, setup: "true", after: "apt-get -qq purge -y nginx-light nginx-common >/dev/null 2>&1 || true", spec: "packages: {nginx-light: installed}\n"},
		{name: "a service of one's own, with a script", want: through, spec: runIs("#!/bin/sh\nmkdir -p /srv/app\nchown -R alice: /srv/app\n", "MemoryMax=1G\n")},
		{name: "a job of each day", want: through, spec: programIs("/etc/cron.daily/x", "#!/bin/sh\nset -e\nfind /var/tmp -mtime +30 -delete\nsystemctl reload nginx || true\n")},
		{name: "a job that looks after sshd", want: through, spec: programIs("/etc/cron.daily/x", "#!/bin/sh\n# pkill sshd\nsystemctl is-active --quiet ssh || { echo \"sshd is down\"; systemctl start ssh; }\nnft list ruleset >/var/backups/x\ngrep \"sshd\" /etc/group\nusermod -aG adm daemon\n")},
		{name: "a job in the night", want: through, spec: fileIs("/etc/cron.d/x", "MAILTO=root\n15 3 * * * root cd /srv && tar czf /var/backups/etc.tgz /etc >/dev/null 2>&1\n")},
		{name: "settings of apt's", want: through, spec: fileIs("/etc/apt/apt.conf.d/x", "APT::Periodic::Update-Package-Lists \"1\";\nDPkg::Post-Invoke {\"rm -f /var/cache/apt/*.bin\";};\n")},
		{name: "room in a session", want: through, spec: dropInIs("/etc/systemd/system/user-.slice.d", "[Slice]\nTasksMax=4096\nMemoryMax=80%\nCPUQuota=400%\n")},
		{name: "processes end with their session", want: through, spec: fileIs("/etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\nHandlePowerKey=ignore\n")},
		{name: "a directory that is made at the start", want: through, spec: fileIs("/etc/tmpfiles.d/tmp.conf", "D /tmp 1777 root root 7d\n")},
		{name: "a word of welcome by the message of the day", want: through, spec: programIs("/etc/update-motd.d/99-x", "#!/bin/sh\nuptime\ndf -h /\n")},
	}
}
