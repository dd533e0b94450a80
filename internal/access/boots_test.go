package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// prompted is a start-up file with a prompt that many have.
const prompted = "branch() { git branch 2>/dev/null | sed -n 's/^* //p'; }\nPS1='\\w $(branch)\\$ '\n"

// TestNextStart holds what the next start of sshd, or of the host, makes of the way.
func TestNextStart(t *testing.T) {
	t.Parallel()
	const wants = "/etc/systemd/system/multi-user.target.wants/ssh.service"
	enabled := func(links ...string) func(w *world) {
		return func(w *world) {
			w.Units["ssh.service"] = host.Unit{Name: "ssh.service", Active: "active", File: "enabled", Fragment: "/usr/lib/systemd/system/ssh.service", Links: links}
			w.Units["sshd.service"] = host.Unit{Name: "sshd.service", Active: "active", File: "enabled", Fragment: "/usr/lib/systemd/system/ssh.service"}
		}
	}
	file := func(at, text string) func(w *world) { return func(w *world) { w.file(at, text) } }
	link := func(to string) func(w *world) {
		return func(w *world) {
			w.Files["/etc/systemd/system/default.target"] = snapshot.File{Node: host.Node{Type: host.TypeSymlink, Owner: "root", Target: to}}
		}
	}
	dirLink := func(dir, name, to string) func(w *world) {
		return func(w *world) {
			w.file(dir+"/"+name, "")
			w.Files[dir+"/"+name] = snapshot.File{Node: host.Node{Type: host.TypeSymlink, Owner: "root", Target: to}}
		}
	}
	for _, tt := range []struct {
		name string
		make func(w *world)
		why  string // in what the judgement says that it did not before; empty: nothing
	}{
		{"nothing", func(*world) {}, ""},
		{"wanted alone", enabled(wants), ""},
		{"another name alone", enabled("/etc/systemd/system/sshd.service"), "does not start with the host"},
		{"masked target", func(w *world) {
			w.Units["multi-user.target"] = host.Unit{Name: "multi-user.target", Load: "masked", File: "masked"}
		}, "multi-user.target is masked"},
		{"into rescue", link("/lib/systemd/system/rescue.target"), "boots into something else"},
		{"without a desktop", link("/lib/systemd/system/multi-user.target"), ""},
		{"every service", file("/etc/systemd/system/service.d/x.conf", "[Service]\nPrivateNetwork=yes\n"), "ssh.service changes"},
		{"other name", file("/run/systemd/system/sshd.service.d/x.conf", "[Service]\nPrivateNetwork=yes\n"), "ssh.service changes"},
		{"packages", file("/usr/lib/systemd/system/ssh.service.d/x.conf", "[Service]\nPrivateNetwork=yes\n"), "ssh.service changes"},
		{"control", file("/etc/systemd/system.control/ssh.service.d/x.conf", "[Service]\nPrivateNetwork=yes\n"), "ssh.service changes"},
		{"slice", file("/etc/systemd/system/system.slice.d/x.conf", "x"), "system.slice changes"},
		{"no drop-in", file("/etc/systemd/system/ssh.service.d/x.conf.bak", "x"), ""},
		{"another unit's", file("/etc/systemd/system/ssh-.service.d/x.conf", "x"), ""},
		{"over the homes", file("/etc/fstab", "tmpfs /home tmpfs defaults 0 0\n"), "/etc/fstab changes"},
		{"beside", file("/etc/fstab", "# /home\ntmpfs /srv tmpfs defaults 0 0\nUUID=1 none swap sw 0 0\n"), ""},
		{"by a unit", file("/etc/systemd/system/home.mount", "x"), "home.mount changes"},
		{"by a unit beside", file("/etc/systemd/system/srv.mount", "x"), ""},
		{"one without which the host does not start", file("/etc/fstab", "UUID=1 /srv ext4 defaults 0 2\n"), "/etc/fstab changes"},
		{"one that may be missing", file("/etc/fstab", "UUID=1 /srv ext4 defaults,nofail 0 2\nnfs:/x /mnt nfs defaults 0 0\n"), ""},
		{"a unit of the start, masked", dirLink("/etc/systemd/system", "systemd-user-sessions.service", "/dev/null"), "systemd-user-sessions.service"},
		{"a unit of the start, by another name", dirLink("/etc/systemd/system", "sshd.service", "/lib/systemd/system/ssh.service"), ""},
		{"another unit, masked", dirLink("/etc/systemd/system", "cron.service", "/dev/null"), ""},
		{"a unit of the start, another", file("/etc/systemd/system/basic.target", "x"), "basic.target"},
		{"a drop-in of the start", file("/etc/systemd/system/sysinit.target.d/x.conf", "[Unit]\nRequires=no.service\n"), "x.conf"},
		{"a drop-in of all targets", file("/etc/systemd/system/target.d/x.conf", "[Unit]\nRequires=no.service\n"), "x.conf"},
		{"required by sshd", dirLink("/etc/systemd/system/ssh.service.requires", "x.service", "/etc/systemd/system/x.service"), "ssh.service.requires/x.service"},
		{"wanted by the host", dirLink("/etc/systemd/system/multi-user.target.wants", "x.service", "/etc/systemd/system/x.service"), ""},
		{"rescue is wanted by the host", dirLink("/etc/systemd/system/multi-user.target.wants", "rescue.target", "/lib/systemd/system/rescue.target"), "rescue.target"},
		{"before sshd", file("/etc/systemd/system/x.service", "[Unit]\nBefore=ssh.service\n"), "x.service"},
		{"before sshd, by a drop-in", file("/etc/systemd/system/cron.service.d/x.conf", "[Unit]\nBefore=a.service \\\n ssh.service\n"), "x.conf"},
		{"against sshd", file("/etc/systemd/system/x.service", "[Unit]\nConflicts=sshd.service\n"), "x.service"},
		{"ends the host", file("/etc/systemd/system/x.service", "[Unit]\nSuccessAction=poweroff\n"), "x.service"},
		{"stops sshd", file("/etc/systemd/system/x.service", "[Service]\nExecStart=-/bin/sh -c 'sleep 1; systemctl stop ssh'\n"), "x.service"},
		{"sets a packet filter", file("/etc/systemd/system/x.service", "[Service]\nExecStart=/usr/sbin/iptables-restore /srv/x\n"), "x.service"},
		{"a mount that the host wants", file("/etc/systemd/system/srv.mount", "[Unit]\nBefore=local-fs.target\n[Install]\nWantedBy=local-fs.target\n"), ""},
		{"a mount that the host requires", file("/etc/systemd/system/srv.mount", "[Install]\nRequiredBy=local-fs.target\n"), "srv.mount"},
		{"shuts down something else", file("/etc/systemd/system/x.service", "[Service]\nExecStop=/usr/bin/redis-cli shutdown\nExecReload=/usr/bin/systemctl restart app.service ssh-app\n"), ""},
		{"shuts down", file("/etc/systemd/system/x.service", "[Service]\nExecStart=!/usr/bin/env shutdown now\n"), "x.service:2: shutdown reaches for the way in"},
		{"restarts another", file("/etc/systemd/system/x.service", "[Unit]\nAfter=network.target\nBefore=docker.service\n[Service]\nExecStart=/srv/ssh/nft-exporter\nExecStartPost=/bin/systemctl restart app\n[Install]\nWantedBy=multi-user.target\n"), ""},
		{"a generator of units", file("/etc/systemd/system-generators/x", "x"), "generators/x"},
		{"memory of the network", file("/etc/sysctl.d/x.conf", "net/ipv4/tcp_mem = 0 0 0\n"), "x.conf"},
		{"too few processes", file("/etc/sysctl.conf", "kernel.pid_max=301\n"), "sysctl.conf"},
		{"packets by another way, in one network", file("/etc/sysctl.d/x.conf", "net.ipv4.conf.all.rp_filter = 1\nnet/ipv4/conf/eth0/rp_filter=1\n"), ""},
		{"packets by another way, in several", func(w *world) {
			w.Facts.Multihomed = true
			w.file("/etc/sysctl.d/x.conf", "net.ipv4.conf.all.rp_filter = 1\n")
		}, "x.conf"},
		{"values that do not matter", file("/etc/sysctl.d/x.conf", "# net.x = 1\n; y = 2\n-vm.swappiness = 1\nnet.ipv4.conf.all.send_redirects=0\nnet.ipv4.tcp_rmem = 4096 87380 6291456\nkernel.pid_max = 4194304\n"), ""},
		{"a module", file("/etc/modprobe.d/x.conf", "blacklist virtio_net\n"), "x.conf"},
		{"modules that do not matter", file("/etc/modprobe.d/x.conf", "# x\nblacklist usb_storage\ninstall dccp /bin/true\n"), ""},
		{"tmpfiles", file("/etc/tmpfiles.d/x.conf", "f /run/nologin\n"), "x.conf"},
		{"tmpfiles by a pattern", file("/etc/tmpfiles.d/x.conf", "z /h* 0700\n"), "x.conf"},
		{"tmpfiles beside", file("/etc/tmpfiles.d/x.conf", "d /run/app 0755\n"), ""},
		{"a start-up file that ends the shell", file("/home/alice/.profile", "[ -t 0 ] && exit\n"), ".profile"},
		{"a start-up file that is understood", file("/home/alice/.profile", "alias ll='ls -l'\nPATH=$PATH:/opt/x\n"), ""},
		{"a start-up file that another one hides", func(w *world) {
			w.Files["/bin/bash"] = w.Files["/bin/sh"]
			w.Users[len(w.Users)-1].Shell = "/bin/bash"
			w.file("/home/alice/.bash_profile", "umask 027\n")
			w.file("/home/alice/.profile", "exit\n")
		}, ""},
		{"a prompt by a function", file("/home/alice/.profile", prompted), ""},
		{"a prompt by a function that is another elsewhere", func(w *world) {
			w.file("/home/alice/.profile", prompted)
			w.file("/etc/profile", "\nbranch() { kill $$; }\n")
		}, "/etc/profile:2: it gives branch, which start-up files run, another meaning"},
		{"a prompt by a function that runs an alias", func(w *world) {
			w.file("/home/alice/.profile", prompted)
			w.file("/etc/profile", "alias git='kill 1'\n")
		}, "/etc/profile:1: it gives git,"},
		{"a prompt by a program that is found elsewhere", func(w *world) {
			w.file("/home/alice/.profile", "PATH=~/bin:$PATH\n"+prompted)
			w.file("/home/alice/bin/sed", "")
		}, "/home/alice/bin/sed is found first"},
		{"a prompt by a program that is found first", func(w *world) {
			w.file("/home/alice/.profile", prompted)
			w.file("/usr/local/bin/git", "")
		}, "/usr/local/bin/git"},
		{"a program that no prompt runs", file("/usr/local/bin/git", ""), ""},
		{"a start-up file of another shell", file("/home/alice/.zshrc", "exit\n"), ""},
		{"a start-up file that is read by another", func(w *world) {
			w.file("/home/alice/.profile", "if [ -f ~/.more ]; then . ~/.more; fi\n")
			w.file("/home/alice/.more", "sudo() { :; }\n")
		}, ".more"},
		{"a start-up file that reads itself", file("/home/alice/.profile", ". ~/.profile\n"), ""},
		{"a start-up file that reads what is not there", file("/home/alice/.profile", ". ~/.more\n"), ".more"},
		{"sudo where nobody looks", func(w *world) {
			w.file("/opt/x/sudo", "")
			w.file("/home/alice/.profile", "PATH=$PATH:/opt/x\n")
		}, ""},
		{"another sudo", func(w *world) {
			w.file("/home/alice/bin/sudo", "")
			w.file("/home/alice/.profile", "PATH=$HOME/bin:$PATH\n")
		}, ".profile"},
		{"a script that a unit runs", func(w *world) {
			w.file("/etc/systemd/system/x.service", "[Service]\nExecStart=/srv/x.sh\n")
			w.file("/srv/x.sh", "#!/bin/sh\n. /srv/y.sh\n")
			w.file("/srv/y.sh", "systemctl stop ssh\n")
		}, "/srv/y.sh"},
		{"a script that a unit runs, of something else", func(w *world) {
			w.file("/etc/systemd/system/x.service", "[Service]\nExecStart=/srv/x.sh\n")
			w.file("/srv/x.sh", "#!/bin/sh\nsystemctl restart app\n")
		}, ""},
		{"a script that somebody else's job runs", func(w *world) {
			w.file("/var/spool/cron/crontabs/bob", "@reboot /srv/x.sh\n")
			job := w.Files["/var/spool/cron/crontabs/bob"]
			job.Node.Owner = "bob"
			w.Files["/var/spool/cron/crontabs/bob"] = job
			w.file("/srv/x.sh", "systemctl stop ssh\n")
		}, ""},
		{"a start-up file that reads others without end", func(w *world) {
			var text strings.Builder
			for i := range 2 * mostScripts {
				fmt.Fprintf(&text, ". ~/m%03d\n", i)
				w.file(fmt.Sprintf("/home/alice/m%03d", i), "A=1\n")
			}
			w.file("/home/alice/.profile", text.String())
		}, "/home/alice/m100: a start-up file reads it"},
		{"a script that nobody runs", file("/srv/x.sh", "systemctl stop ssh\n"), ""},
		{"a job", file("/etc/cron.d/x", "@reboot root pkill sshd\n"), "cron.d/x"},
		{"a job of something else", file("/etc/cron.d/x", "MAILTO=root\n0 3 * * * app /srv/app/bin/clean >/dev/null\n"), ""},
		{"a job of apt's", file("/etc/apt/apt.conf.d/x", "DPkg::Post-Invoke {\"chmod 0755 /usr/bin/sudo\";};\n"), "apt.conf.d/x"},
		{"a profile of AppArmor", file("/etc/apparmor.d/x", "profile x /usr/sbin/sshd {\n}\n"), "apparmor.d/x"},
		{"a profile of AppArmor by its path alone", file("/etc/apparmor.d/x", "/usr/sbin/sshd {\n}\n"), "apparmor.d/x"},
		{"a profile of AppArmor, of another", file("/etc/apparmor.d/x", "/usr/bin/app {\n /bin/bash ix,\n /etc/passwd r,\n}\n"), ""},
		{"no room for sessions", file("/etc/systemd/system/user-.slice.d/x.conf", "[Slice]\nTasksMax=1\n"), "x.conf"},
		{"no memory for sessions", file("/etc/systemd/system/user.slice.d/x.conf", "[Slice]\nMemoryMax=1M\n"), "x.conf"},
		{"room for sessions", file("/etc/systemd/system/user-.slice.d/x.conf", "[Slice]\nTasksMax=33%\nMemoryMax=4G\nCPUQuota=200%\nMemoryHigh=80%\n"), ""},
		{"sessions end", file("/etc/systemd/logind.conf.d/x.conf", "[Login]\nStopIdleSessionSec=1\n"), "x.conf"},
		{"the host ends", file("/etc/systemd/logind.conf", "[Login]\nIdleAction=poweroff\n"), "logind.conf"},
		{"processes of sessions end", file("/etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\nIdleAction=ignore\n"), ""},
		{"tmpfiles that are hidden", func(w *world) {
			w.file("/usr/lib/tmpfiles.d/sshd.conf", "d /run/sshd 0755 root root\n")
			w.file("/etc/tmpfiles.d/sshd.conf", "")
		}, "sshd.conf"},
		{"tmpfiles that are the same", func(w *world) {
			w.file("/usr/lib/tmpfiles.d/x11.conf", "D! /tmp/.X11-unix 1777 root root 10d\n")
			w.file("/etc/tmpfiles.d/x11.conf", "")
		}, ""},
		{"settings of sshd's service", file("/etc/systemd/system/ssh.service.d/x.conf", "[Unit]\nAfter=network-online.target\nWants=network-online.target\n[Service]\nRestart=always\nRestartSec=5\nNice=-5\nLimitNOFILE=65536\nOOMScoreAdjust=-1000\n"), ""},
		{"sshd after a unit of one's own", file("/etc/systemd/system/ssh.service.d/x.conf", "[Unit]\nAfter=x.service\n"), "ssh.service changes"},
		{"few files for sshd", file("/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nLimitNOFILE=3\n"), "ssh.service changes"},
		{"before remote file systems", file("/etc/systemd/system/x.service", "[Unit]\nBefore=remote-fs.target\n"), "x.service:2: Before=remote-fs.target"},
		{"a socket", file("/etc/systemd/system/x.socket", "[Install]\nWantedBy=sockets.target\n"), ""},
		{"a service among the sockets", file("/etc/systemd/system/x.service", "[Install]\nWantedBy=sockets.target\n"), "WantedBy=sockets.target"},
		{"a service that sshd comes after", file("/etc/systemd/system/auditd.service", "[Service]\nExecStart=/bin/sleep inf\n"), "auditd.service"},
		{"formats of programs", file("/etc/binfmt.d/x.conf", ":x:M::\\x7fELF::/bin/false:\n"), "binfmt.d/x.conf"},
		{"a library in the place of another", func(w *world) {
			w.file("/usr/lib/x86_64-linux-gnu/libc.so.6", "")
			w.file("/opt/x/libc.so.6", "")
			w.file("/etc/ld.so.conf.d/x.conf", "# ours\n/opt/x\n")
		}, "x.conf:2: by /opt/x, a library of that name is found in the place of Debian's libc.so.6"},
		{"libraries besides", func(w *world) {
			w.file("/usr/lib/x86_64-linux-gnu/libc.so.6", "")
			w.file("/opt/x/libcuda.so.1", "")
			w.file("/etc/ld.so.conf.d/x.conf", "/opt/x\n/usr/lib/x86_64-linux-gnu\n")
		}, ""},
		{"rights of a device", file("/etc/udev/rules.d/x.rules", "# ours\nSUBSYSTEM==\"usb\", ATTR{idVendor}==\"1234\", MODE=\"0666\", GROUP=\"plugdev\"\nKERNEL==\"ptp0\", SUBSYSTEM==\"ptp\", \\\n SYMLINK+=\"ptp_hw\"\n"), ""},
		{"the name of a network's device", file("/etc/udev/rules.d/x.rules", "SUBSYSTEM==\"net\", ATTR{address}==\"x\", NAME=\"lan0\"\n"), "x.rules"},
		{"a program for a device", file("/etc/udev/rules.d/x.rules", "SUBSYSTEM==\"usb\", RUN+=\"/srv/x\"\n"), "x.rules"},
		{"a unit for a device", file("/etc/udev/rules.d/x.rules", "SUBSYSTEM==\"usb\", TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"poweroff.target\"\n"), "x.rules"},
		{"a command for a module", file("/etc/modprobe.d/x.conf", "install pcspkr /srv/x\n"), "install pcspkr"},
		{"sshd after the clock", file("/etc/systemd/system/ssh.service.d/x.conf", "[Unit]\nAfter=time-sync.target\n"), "ssh.service changes"},
		{"a device of any sort", file("/etc/udev/rules.d/x.rules", "KERNEL==\"null\", MODE=\"0600\"\n"), "x.rules"},
		{"options of a module", file("/etc/modprobe.d/x.conf", "options nf_conntrack hashsize=32768\nblacklist nouveau\n"), ""},
		{"options of a network's module", file("/etc/modprobe.d/x.conf", "options ipv6 disable=1\n"), "options ipv6"},
		{"it starts again each week", file("/etc/cron.d/x", "# ours\n0 3 * * sun root /sbin/shutdown -r +5 >/dev/null 2>&1\n30 4 1 * * root systemctl reboot\n"), ""},
		{"it starts again all the time", file("/etc/cron.d/x", "*/5 3 * * * root reboot\n"), "cron.d/x"},
		{"it starts again each hour", file("/etc/cron.d/x", "0 * * * * root reboot\n"), "cron.d/x"},
		{"it starts again whenever it has", file("/etc/cron.d/x", "@reboot root reboot\n"), "cron.d/x"},
		{"it starts again, and more", file("/etc/cron.d/x", "0 3 * * * root reboot; pkill sshd\n"), "cron.d/x"},
		{"it ends each week", file("/etc/cron.d/x", "0 3 * * 0 root /sbin/shutdown -h now\n"), "cron.d/x"},
		{"comments of apt's", file("/etc/apt/apt.conf.d/x", "// then reboot\nUnattended-Upgrade::Automatic-Reboot \"false\";\n"), ""},
		{"databases of names of hosts", file("/etc/nsswitch.conf", "# ours\nhosts: files dns\n"), ""},
		{"databases of people", file("/etc/nsswitch.conf", "passwd: nosuch\n"), "/etc/nsswitch.conf changes"},
		{"settings of new accounts", file("/etc/login.defs", "# ours\nUMASK 027\nPASS_MAX_DAYS 90\n"), ""},
		{"settings of all", file("/etc/login.defs", "CHROOT /srv\n"), "/etc/login.defs changes"},
		{"a language", file("/etc/default/locale", "LANG=C.UTF-8\n"), ""},
		{"a language, and the linker", file("/etc/default/locale", "LD_PRELOAD=/x\n"), "/etc/default/locale changes"},
		{"a packet filter", file("/etc/nftables.conf", "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n"), "/etc/nftables.conf changes"},
		{"keys are rotated", file("/etc/logrotate.d/x", "/home/*/.ssh/authorized_keys {\n  daily\n  rotate 0\n}\n"), "/etc/logrotate.d/x"},
		{"logs are rotated", file("/etc/logrotate.d/x", "# /etc/shadow\n/var/log/app/*.log /srv/x.log {\n  daily\n  su root adm\n  create 0640 root adm\n  postrotate\n    systemctl reload nginx >/dev/null 2>&1 || true\n  endscript\n}\n"), ""},
		{"a start-up file without end", func(w *world) {
			w.Files["/dev/zero"] = snapshot.File{Node: host.Node{Type: host.TypeOther, Owner: "root"}}
			dirLink("/home/alice", ".profile", "/dev/zero")(w)
		}, "/home/alice/.profile: no file"},
		{"a start-up file that is empty", func(w *world) {
			w.Files["/dev/null"] = snapshot.File{Node: host.Node{Type: host.TypeOther, Owner: "root"}}
			dirLink("/home/alice", ".profile", "/dev/null")(w)
		}, ""},
		{"commands at a login", file("/home/alice/.ssh/rc", "exit\n"), ".ssh/rc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			judged := func(change func(w *world)) Way {
				w := newWorld()
				w.person("alice", 1000, aliceKey)
				w.Units["multi-user.target"] = host.Unit{Name: "multi-user.target", Load: "loaded", File: "static"}
				enabled(wants, "/etc/systemd/system/sshd.service")(w)
				change(w)
				way, err := Judge(t.Context(), w.reader(), "alice", time.Unix(1e9, 0))
				if err != nil {
					t.Fatal(err)
				}
				return way
			}
			before := judged(func(*world) {})
			after := judged(tt.make).since(before)
			var said []string
			for _, why := range slices.Concat(after.Login, after.Unknown) {
				if !slices.Contains(slices.Concat(before.Login, before.Unknown), why) {
					said = append(said, why)
				}
			}
			if got := strings.Join(said, "; "); (got != "") != (tt.why != "") || !strings.Contains(got, tt.why) {
				t.Errorf("got %q, want %q", got, tt.why)
			}
		})
	}
}

// TestDropInNames reads the names as systemd.unit(5) has them.
func TestDropInNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ssh.service":      "ssh.service sshd.service service",
		"ssh@1.service":    "ssh@.service ssh@1.service service",
		"my-own-d.service": "my-.service my-own-.service my-own-d.service service",
		"ssh.socket":       "ssh.socket socket",
	} {
		if got := strings.Join(dropInNames(&host.Unit{Name: name}), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	u := &host.Unit{Name: "ssh.socket", Links: []string{"/etc/systemd/system/other.socket", "/etc/systemd/system/sockets.target.wants/ssh.socket"}}
	if got := strings.Join(dropInNames(u), " "); got != "other.socket ssh.socket socket" {
		t.Error(got)
	}
}
