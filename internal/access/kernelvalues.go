package access

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// valuesHarmless are values of the kernel, see sysctl(8), none of which keeps somebody
// from a host; a star stands for the rest of a name.
const valuesHarmless = `
	dev.* fs.aio-max-nr fs.epoll.* fs.inotify.* fs.pipe-max-size fs.protected_* fs.suid_dumpable
	kernel.core_pattern kernel.core_uses_pid kernel.dmesg_restrict kernel.hung_task_* kernel.kexec_load_disabled
	kernel.ftrace_* kernel.io_uring_disabled kernel.keys.* kernel.kptr_restrict kernel.msg* kernel.nmi_watchdog kernel.numa_balancing kernel.panic
	kernel.panic_on_oops kernel.perf_* kernel.printk* kernel.randomize_va_space kernel.sched_* kernel.sem kernel.shm* kernel.sysrq
	kernel.unprivileged_* kernel.watchdog* kernel.yama.*
	net.bridge.* net.core.bpf_jit_* net.core.busy_* net.core.default_qdisc net.core.netdev_*
	net.ipv4.conf.*.accept_redirects net.ipv4.conf.*.accept_source_route net.ipv4.conf.*.forwarding
	net.ipv4.conf.*.log_martians net.ipv4.conf.*.bootp_relay net.ipv4.conf.*.proxy_arp net.ipv4.conf.*.shared_media
	net.ipv4.conf.*.secure_redirects net.ipv4.conf.*.send_redirects
	net.ipv4.icmp_* net.ipv4.ip_default_ttl net.ipv4.ip_forward net.ipv4.ip_local_* net.ipv4.ip_nonlocal_bind
	net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_congestion_control net.ipv4.tcp_fastopen net.ipv4.tcp_fin_timeout
	net.ipv4.tcp_ecn net.ipv4.tcp_keepalive_* net.ipv4.tcp_moderate_rcvbuf net.ipv4.tcp_no_metrics_save
	net.ipv4.tcp_max_syn_backlog net.ipv4.tcp_mtu_probing net.ipv4.tcp_rfc1337
	net.ipv4.tcp_sack net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_syncookies net.ipv4.tcp_timestamps
	net.ipv4.tcp_tw_reuse net.ipv4.tcp_window_scaling net.ipv6.conf.*.accept_redirects
	net.ipv6.conf.*.accept_source_route net.ipv6.conf.*.use_tempaddr net.unix.max_dgram_qlen vm.dirty_* vm.drop_caches
	vm.max_map_count vm.mmap_* vm.oom_* vm.page-cluster vm.swappiness
	vm.vfs_cache_pressure vm.zone_reclaim_mode`

// valuesRoomy are those that are harmless if no number in them is below the one given.
const valuesRoomy = `
	fs.file-max=65536 fs.nr_open=65536 kernel.pid_max=4096 kernel.threads-max=4096 net.core.optmem_max=4096
	net.core.rmem_*=4096 net.core.somaxconn=16 net.core.wmem_*=4096 net.ipv4.neigh.*=128
	net.ipv4.tcp_max_tw_buckets=1024 net.ipv4.tcp_rmem=4096 net.ipv4.tcp_synack_retries=2 net.ipv4.tcp_wmem=4096
	net.netfilter.nf_conntrack_max=4096`

// valuesSet are those that are harmless with some values alone. By the others, the kernel
// refuses memory, or packets whose way back is another.
const valuesSet = `
	net.ipv4.conf.*.rp_filter=0,2 net.ipv6.conf.*.disable_ipv6=0 vm.overcommit_memory=0,1`

// strictFilter has the kernel drop what comes by another device than the one by which the
// answer goes: on a host in one network it is the same.
func strictFilter(name, value string) bool {
	ok, err := path.Match("net.ipv4.conf.*.rp_filter", name)
	return ok && err == nil && value == "1"
}

// valueHarmless reports whether a value of the kernel keeps nobody out.
func valueHarmless(name, value string) bool {
	is := func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	}
	if slices.ContainsFunc(strings.Fields(valuesHarmless), is) {
		return true
	}
	for pattern := range strings.FieldsSeq(valuesSet) {
		pattern, values, _ := strings.Cut(pattern, "=")
		if is(pattern) {
			return slices.Contains(strings.Split(values, ","), value)
		}
	}
	for pattern := range strings.FieldsSeq(valuesRoomy) {
		pattern, least, _ := strings.Cut(pattern, "=")
		if !is(pattern) {
			continue
		}
		enough, _ := strconv.Atoi(least) // they are numbers
		return value != "" && !slices.ContainsFunc(strings.Fields(value), func(word string) bool {
			n, err := strconv.Atoi(word)
			return err != nil || n < enough
		})
	}
	return false
}

// kernelValues trusts the values that the kernel gets at the start, see sysctl.d(5).
func (b *bootFiles) kernelValues() error {
	files := []string{"/etc/sysctl.conf"}
	for _, dir := range []string{"/etc/sysctl.d", "/usr/local/lib/sysctl.d"} {
		names, err := b.list(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			if path.Ext(n) == ".conf" {
				files = append(files, path.Join(dir, n))
			}
		}
	}
	facts, err := b.Facts()
	if err != nil {
		return err
	}
	for _, at := range files {
		text, err := b.text(at)
		if err != nil {
			return err
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if !ok || strings.ContainsAny(name[:min(1, len(name))], "#;") {
				continue
			}
			name = strings.TrimPrefix(strings.TrimSpace(name), "-")
			if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
				name = strings.ReplaceAll(name, "/", ".")
			}
			value = strings.TrimSpace(value)
			if !valueHarmless(name, value) && (facts.Multihomed || !strictFilter(name, value)) {
				b.add(at, shellrc.Line{Number: number, What: name + atStart, Text: name + "=" + value})
			}
		}
	}
	return nil
}

// modulesHarmless are modules of the kernel that no network and no file system of a
// server needs, and that are often kept out for that.
const modulesHarmless = `
	amdgpu appletalk atm ax25 bluetooth btusb can cramfs dccp decnet econet firewire-core firewire-ohci firewire-sbp2 floppy
	freevxfs gfs2 hfs hfsplus i915 ipx jffs2 joydev ksmbd mei mei-me n-hdlc netrom nouveau nvidia parport pcspkr ppdev psmouse
	radeon rds rose sctp snd soundcore squashfs thunderbolt tipc udf usb-storage uvcvideo x25`

// modulesTuned are modules none of whose options has to do with a network's devices or the
// disks of a start.
const modulesTuned = `
	i915 kvm kvm-amd kvm-intel loop nf-conntrack nouveau nvidia nvidia-drm snd-hda-intel usb-storage zfs`

// ofHarmlessModule reports whether the words of a line of modprobe.d(5) are about a module
// that neither a network nor a start makes use of. What install runs in the place of one is
// a command like any other, unless it does nothing.
func ofHarmlessModule(f []string) bool {
	const command, fields = 2, 3
	if len(f) < command {
		return false
	}
	module := strings.ReplaceAll(f[1], "_", "-")
	switch f[0] {
	case "blacklist":
		return isAmong(module, modulesHarmless)
	case "install":
		return isAmong(module, modulesHarmless) && len(f) == fields && isAmong(f[command], "/bin/true /bin/false /usr/bin/true /usr/bin/false")
	case "options":
		return isAmong(module, modulesTuned)
	}
	return false
}

// modules trusts what modprobe.d(5) says, but of those.
func (b *bootFiles) modules() error {
	const dir = "/etc/modprobe.d"
	names, err := b.list(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		at := path.Join(dir, n)
		text, err := b.text(at)
		if err != nil {
			return err
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			f := strings.Fields(line)
			if len(f) == 0 || f[0][0] == '#' || ofHarmlessModule(f) {
				continue
			}
			b.add(at, shellrc.Line{Number: number, What: strings.Join(f[:min(len(f), 2)], " ") + atStart, Text: strings.Join(f, " ")})
		}
	}
	return nil
}

// mayStopStart reports whether a line of fstab(5) that fails keeps the host from
// starting.
func mayStopStart(f []string) bool {
	const fields = 4
	if len(f) < fields || isAmong(f[2], "tmpfs swap nfs nfs4 cifs smb3 proc sysfs devpts ignore") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(f[3], ","), func(o string) bool { return isAmong(o, "nofail noauto _netdev") })
}

// bootPrograms are those without which the host does not start, or lets nobody in.
const bootPrograms = "/sbin/init /usr/lib/systemd/systemd /usr/lib/systemd/systemd-executor /usr/lib/systemd/systemd-user-sessions /lib/systemd/systemd /lib/systemd/systemd-user-sessions /usr/sbin/sshd"

// startable looks whether they can still be run that could be before a plan.
func (j *judge) startable() error {
	after := planned(j.Reader)
	if after == nil {
		return nil
	}
	for at := range strings.FieldsSeq(bootPrograms) {
		was, err := runs(after.Before(), at)
		if err != nil || !was {
			continue // as where facts do not hold it
		}
		is, err := runs(after, at)
		if err != nil {
			return err
		}
		if !is {
			j.way.Login = append(j.way.Login, at+" cannot be run any more, without which the host does not start, or sshd does not")
		}
	}
	return nil
}

// runs reports whether root can run what is at a path, behind links.
func runs(r host.Reader, at string) (bool, error) {
	for range maxLinks {
		n, err := r.Stat(at)
		if err != nil || n == nil {
			return false, err
		}
		if n.Type != host.TypeSymlink {
			return n.Type == host.TypeFile && n.Access.Mode()&0o111 != 0, nil
		}
		at = path.Clean(target(at, n.Target))
	}
	return false, nil
}
