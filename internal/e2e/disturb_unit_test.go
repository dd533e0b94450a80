package e2e

func unitDisturbances() []disturbance {
	const units = "/etc/systemd/system/"
	active := func(unit string) func(*env) { return says("active", "systemctl", "is-active", unit) }
	enabled := func(unit string) func(*env) { return says("enabled", "systemctl", "is-enabled", unit) }
	return []disturbance{
		{
			name:  "timer stopped",
			do:    by("systemctl", "stop", "opsafe-deploy.timer"),
			want:  []string{"change unit/opsafe-deploy.timer"},
			check: active("opsafe-deploy.timer"),
		},
		{
			name:  "timer disabled",
			do:    by("systemctl", "disable", "opsafe-deploy.timer"),
			want:  []string{"change unit/opsafe-deploy.timer"},
			check: enabled("opsafe-deploy.timer"),
		},
		{
			name:  "timer edited",
			do:    all(edits(units+"opsafe-deploy.timer", "[Timer]\n", "[Timer]\nOnCalendar=daily\n"), by("systemctl", "daemon-reload")),
			want:  []string{"change unit/opsafe-deploy.timer"}, // stopped for it, and started again
			check: active("opsafe-deploy.timer"),
		},
		{
			name:  "service that does not run edited",
			do:    edits(units+"opsafe-deploy.service", "[Service]\n", "[Service]\nNice=5\n"),
			want:  []string{"change unit/opsafe-deploy.service"},
			check: says("no", "systemctl", "show", "--value", "--property", "NeedDaemonReload", "opsafe-deploy.service"),
		},
		{
			name:  "daemon-reload forgotten",
			do:    by("touch", units+"opsafe-deploy.service"),
			want:  []string{"change unit/opsafe-deploy.service"},
			check: says("no", "systemctl", "show", "--value", "--property", "NeedDaemonReload", "opsafe-deploy.service"),
		},
		{
			name: "drop-in edited",
			do:   edits(units+"collector.service.d/backend.conf", "\n", "\n# by hand\n"),
			want: []string{"change unit/collector.service.d/backend"},
		},
		{
			name:  "unit file deleted",
			do:    all(by("systemctl", "disable", "--now", "airlock_runjobs.timer"), by("rm", units+"airlock_runjobs.timer"), by("systemctl", "daemon-reload")),
			want:  []string{"add unit/airlock_runjobs.timer"},
			check: all(active("airlock_runjobs.timer"), enabled("airlock_runjobs.timer")),
		},
		{
			name:  "unit masked",
			do:    by("systemctl", "mask", "--now", "smbd.service"),
			want:  []string{"change unit/smbd.service"},
			check: all(active("smbd.service"), enabled("smbd.service")),
		},
		{
			name: "unit of ours masked",
			do: all(by("rm", units+"airlock_runjobs.timer"), by("ln", "-s", "/dev/null", units+"airlock_runjobs.timer"),
				by("systemctl", "daemon-reload")),
			want:  []string{"change unit/airlock_runjobs.timer"},
			check: all(active("airlock_runjobs.timer"), enabled("airlock_runjobs.timer")),
		},
	}
}

func dockerDisturbances() []disturbance {
	const network = "jobrunner-db"
	iface := says("jobrunner-db", "docker", "network", "inspect", "--format", `{{index .Options "com.docker.network.bridge.name"}}`, network)
	return []disturbance{
		{
			name:  "network deleted",
			do:    by("docker", "network", "rm", network),
			want:  []string{"add docker/network/" + network},
			check: iface,
		},
		{
			name:  "network with another interface",
			do:    all(by("docker", "network", "rm", network), by("docker", "network", "create", network)),
			fails: []string{"docker/network/" + network},
			says:  "interface is docker's choice, not " + network,
			cure:  all(by("docker", "network", "rm", network), manages),
			check: iface,
		},
		{
			name:  "engine stopped",
			do:    by("systemctl", "stop", "docker.service", "docker.socket"),
			want:  []string{"change docker/engine"},
			later: []string{"add docker/network/" + network},
			check: says("active", "systemctl", "is-active", "docker.service"),
		},
	}
}

func packageDisturbances() []disturbance {
	return []disturbance{
		{
			name:  "hold removed",
			do:    by("apt-mark", "unhold", "docker.io"),
			want:  []string{"change package/docker.io"},
			check: says("docker.io", "apt-mark", "showhold"),
		},
		{
			name:  "package removed",
			do:    by("apt-get", "-q", "remove", "-y", "tree"),
			want:  []string{"add package/tree"},
			check: by("tree", "--version"),
		},
		{
			name: "purged package comes back",
			do:   by("apt-get", "-q", "install", "-y", "--no-install-recommends", "bolt"),
			want: []string{"remove package/bolt"},
		},
	}
}
