package access

import "testing"

// TestConcerns holds which commands of a job reach for the way in. All others are what
// jobs do every day.
func TestConcerns(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"pkill sshd", "pkill -x 'ssh.*'", "pkill -u alice", "killall -9 sshd", "kill -9 -1", "loginctl terminate-user alice", "kill $(pidof sshd)", "kill `cat /run/sshd.pid`; service ssh stop",
		"systemctl stop ssh", "/bin/systemctl mask --now ssh.socket", "systemctl isolate rescue.target", "systemctl stop networking", "systemctl disable systemd-logind",
		"iptables -P INPUT DROP", "/usr/sbin/nft flush ruleset", "ip link set eth0 down", "sleep 60 && ip route del default", "ifconfig eth0 down",
		"passwd -l alice", "echo alice:x | chpasswd", "usermod -L alice", "gpasswd -d alice sudo", "chage -E 0 alice", "sudo usermod -s /bin/false alice",
		"rm /etc/sudoers.d/alice", "chmod 0 /usr/bin/sudo", "chmod 700 /home", "chown root /home/alice/.ssh/authorized_keys", "rm -rf ~/.ssh/", "mv /etc/pam.d/sshd /tmp",
		"touch /run/nologin", "echo no >/etc/nologin", "cp /srv/x /etc/ssh/sshd_config", "apt-get -y purge openssh-server", "dpkg -P sudo",
		"[ -f /x ] && reboot", "if true; then shutdown -h now; fi", "DEBIAN_FRONTEND=noninteractive apt-get remove sudo",
		`subprocess.run(["pkill", "sshd"])`, `os.system('systemctl stop ssh.service')`, `DPkg::Post-Invoke {"pkill sshd";};`, "* * * * * root pkill sshd", "@reboot root nft -f /srv/x", "@reboot reboot", "-@/sbin/reboot reboot", "*/5 0,12 * * 1-5 iptables -F",
		`echo "systemctl stop ssh" | at now`, `echo "* * * * * root pkill sshd" >/etc/cron.d/x`, "echo alice:x | /usr/sbin/chpasswd", "cat /x > /etc/nologin", "echo no > /run/nologin", `echo "$(systemctl stop ssh)"`,
		`X="systemctl stop ssh"; $X`, "sh -c 'systemctl kill ssh'", "systemctl start poweroff.target", "systemctl set-property ssh.service MemoryMax=1", "systemctl enable --now nftables", "systemctl restart dbus",
		"systemctl --now disable ssh", "service ssh stop", "update-rc.d ssh remove", "nft -f /x", "nft delete table inet x", "iptables -L -F", "usermod -G docker alice", "usermod -aG x -s /bin/false alice", "gpasswd -d alice sudo",
		"0 3 * * Sun root pkill sshd", "-@/usr/bin/pkill -x pkill sshd", "pgrep sshd | xargs kill", "grep -q x /y && pkill sshd", "[ -f /etc/nologin ] || touch /etc/nologin", "start-stop-daemon --stop --exec /usr/sbin/sshd", `["systemctl", "mask", "ssh.service"]`, "systemctl \\\n  stop ssh",
		"ln -sf /dev/null /etc/systemd/system/x", "mount -o bind /srv /home",
		"find / -xdev -perm -4000 -exec chmod u-s {} +", "find / -perm -4000 -type f | xargs -r chmod u-s", "/usr/bin/find /usr -perm /6000 -print0 | xargs -0 -n 10 /bin/chmod a-s", "find /etc -type d -exec chmod 700 {} \\;", "sh -c 'find / -nouser -exec chown root {} +'",
		"/etc/init.d/ssh stop", "/etc/init.d/networking stop", "systemctl stop system.slice", "ifconfig eth0 0.0.0.0", "sysctl -w net.ipv4.tcp_mem='0 0 0'", "sysctl net/ipv4/conf/all/arp_ignore=8", "kexec -e", "pam-auth-update --remove unix",
		"rm -rf /home/alice", "rm -rf /home/*", "rm -rf /*", "mv /home/alice /srv", "chown -R root:root /home/alice", "chmod 0777 /home/alice", "chmod -R 600 /home/alice", "chmod -R a-x /home/*", "chmod -rwx /home/alice", "chmod g+w /home/alice",
		"echo 0 >/proc/sys/net/ipv4/tcp_mem", "echo b > /proc/sysrq-trigger", "dd if=/dev/zero of=/etc/shadow", "umount -l /home/alice",
	} {
		if concerns("#!/bin/sh\n"+line+"\n") == nil {
			t.Errorf("%s: is taken for harmless", line)
		}
	}
	for _, line := range []string{
		"# pkill sshd", "pg_dump app | gzip >/backup/app.gz", "sudo -u postgres pg_dump app", "rsync -a -e ssh /srv backup@example.org:", "ssh backup@example.org true",
		"systemctl restart app", "systemctl reload nginx", "pkill -HUP nginx", "kill -HUP 123", "find /var/log -name '*.gz' -mtime +30 -delete", "docker system prune -f",
		"getent passwd alice", "awk -F: '{print $1}' /etc/passwd", "chown -R app:app /srv/app", "chmod 755 /usr/local/bin/tool", "rm -rf /var/tmp/cache", "tar czf /backup/etc.tgz /etc",
		"cp /etc/ssh/sshd_config /backup/", "certbot renew -q --post-hook 'systemctl reload nginx'", "apt-get update -q", "apt-get autoremove -y", "ip addr show", "ip -br link",
		"echo done >/dev/null 2>&1", "curl -s https://example.org/ping", "mount /srv/data", "ls /home", "loginctl list-sessions", "@reboot root /srv/app/start", "@reboot /srv/app/start --now", "@daily root run-parts /srv/daily", "cd /srv/app && ./run.sh", "17 * * * * root cd / && run-parts --report /etc/cron.hourly",
		"echo restarting sshd", "echo ${X} restart sshd", "{ echo sshd; }", `echo "to undo: systemctl stop ssh; reboot"`, `logger -t x "sshd is down; reboot now"`, "printf 'passwd alice\\n' >&2", `log "usermod -L alice" 2>/dev/null`,
		"grep sshd /var/log/auth.log", `grep -q "sshd" /var/log/auth.log | wc -l`, "journalctl -u ssh -u sshd.service --since today", "ps aux | grep 'sshd'", "pgrep -x sshd >/dev/null || systemctl restart ssh",
		"systemctl status ssh", "systemctl is-active --quiet ssh || systemctl start ssh", "systemctl show -p ActiveState ssh.service", "systemctl reload ssh", "systemctl enable --now ssh.service", "systemctl unmask ssh",
		"service ssh status", "service ssh restart", "systemctl daemon-reload", "/usr/sbin/sshd -t && systemctl reload ssh", "nft list ruleset >/var/backups/nft", "nft -j list ruleset | gzip >/x.gz",
		"iptables -nvL INPUT", "iptables -S", "ufw status verbose", "nmcli -t device status", "passwd -S alice", "chage -l alice", "usermod -aG docker app", "gpasswd -a app docker", "shutdown -c",
		"[ -f /etc/nologin ] && exit 0", "if [ -x /usr/sbin/sshd ]; then echo yes; fi", "test -e /etc/ssh/sshd_config || exit 1", `[[ "$1" = "reboot" ]] && echo no`, "cat /etc/passwd > /srv/x", "pkill -0 sshd",
		"firewall-cmd --zone=public --list-all", `echo "$HOST has $(uptime -p) of sshd" | mail -s "sshd of $(hostname)" root`, "@reboot app /srv/app/run", "@reboot root /usr/local/bin/x", "0 3 * * sun root /srv/x", "# systemctl stop ssh",
		"find /home -name core -delete", "find /srv/www -type f -exec chmod 644 {} +", "find /var/www -print0 | xargs -0 chown www-data", "find / -xdev -perm -4000 >/var/log/suid.txt", "find /etc -name '*.bak' -exec rm {} +", "find /tmp /var/tmp -mtime +7 -delete", "find / -name '*.log' -exec gzip {} +",
		"/etc/init.d/ssh status", "/etc/init.d/nginx stop", "systemctl stop app.slice", "ifconfig eth0", "ifconfig -a", "sysctl -p /etc/sysctl.d/x.conf", "sysctl -w vm.swappiness=10", "sysctl -n net.ipv4.ip_forward", "sysctl --system", "echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 3 > /proc/sys/vm/drop_caches",
		"chmod 700 /home/*", "chmod 0750 /home/alice", "chmod -R go-rwx /home/alice", "chmod o-rx /home/alice", "chown -R alice:alice /home/alice", "chown alice: /home/alice", "rm -rf /home/alice/.cache", "chmod a+rx /home/alice", "rm -rf /tmp/*", "dd if=/dev/sda of=/srv/backup.img",
		`APT::Periodic::Update-Package-Lists "1";`, `Unattended-Upgrade::Automatic-Reboot "false";`, "test -x /usr/sbin/anacron || run-parts /etc/cron.daily",
	} {
		if found := concerns("#!/bin/sh\n" + line + "\n"); found != nil {
			t.Errorf("%s: is taken for a danger: %+v", line, found)
		}
	}
}
