package e2e

import "strings"

func fileDisturbances() []disturbance {
	const (
		banner  = "/etc/opensafely/banner"
		config  = "/home/opensafely/config/"
		sudoers = "/etc/sudoers.d/opensafely"
		sshd    = "/etc/ssh/sshd_config.d/00-opensafely.conf"
	)
	var sshPID string
	return []disturbance{
		{
			name: "file edited",
			do:   by("cp", "/etc/issue", banner),
			want: []string{"change file/" + banner},
		},
		{
			name: "file deleted",
			do:   by("rm", banner),
			want: []string{"add file/" + banner},
		},
		{
			name:  "mode of a file changed",
			do:    by("chmod", "0666", banner),
			want:  []string{"change file/" + banner},
			check: says("644 root root", "stat", "--format", "%a %U %G", banner),
		},
		{
			name:  "file replaced by a link",
			do:    all(by("rm", banner), by("ln", "-s", "/etc/shadow", banner)),
			fails: []string{"file/" + banner},
			says:  "link",
			cure:  all(by("rm", banner), manages),
			check: says("640 root shadow", "stat", "--format", "%a %U %G", "/etc/shadow"),
		},
		{
			name:  "link changed",
			do:    by("ln", "-sfn", "/etc/shadow", "/etc/opensafely/sudoers"),
			want:  []string{"change file//etc/opensafely/sudoers"},
			check: says(sudoers, "readlink", "/etc/opensafely/sudoers"),
		},
		{
			name: "retired file comes back",
			do:   by("touch", "/srv/playbook.md"),
			want: []string{"remove file//srv/playbook.md"},
		},
		{
			name: "line removed",
			do:   edits("/etc/bash.bashrc", "if [ -r /etc/opensafely/bashrc ]; then . /etc/opensafely/bashrc; fi\n", ""),
			want: []string{"change file//etc/bash.bashrc"},
		},
		{
			name: "name given another address",
			do:   edits("/etc/hosts", "127.0.0.1", "10.0.0.1 docker-proxy.opensafely.org\n127.0.0.1"),
			want: []string{"change host/release.opensafely.org"},
			check: func(e *env) {
				if hosts := e.read("/etc/hosts"); strings.Contains(hosts, "10.0.0.1") || strings.Count(hosts, "157.245.31.108") != 1 {
					e.t.Error(hosts)
				}
			},
		},
		{
			name: "line beside declared names",
			do:   edits("/etc/hosts", "127.0.0.1", "192.0.2.1 elsewhere\n127.0.0.1"),
		},
		{
			name: "environment of running services edited",
			do:   edits(config+"01_defaults.env", "\n", "\nEXTRA=1\n"),
			want: []string{"change file/" + config + "01_defaults.env"}, // collector does not run: nothing to restart
		},
		{
			name: "file that is made once deleted",
			do:   by("rm", config+"02_secrets.env"),
			want: []string{"add file/" + config + "02_secrets.env"},
		},
		{
			name:  "file that is made once edited",
			do:    by("cp", "/etc/issue", config+"02_secrets.env"),
			check: by("cmp", "/etc/issue", config+"02_secrets.env"),
		},
		{
			name:  "sudo rules edited",
			do:    edits(sudoers, "\n", "\nstranger ALL=(ALL) NOPASSWD: ALL\n"),
			want:  []string{"change sudoers/opensafely"},
			check: says("440 root root", "stat", "--format", "%a %U %G", sudoers),
		},
		{
			name: "sshd's configuration edited",
			do: func(e *env) {
				e.replace(sshd, "\n", "\nPermitRootLogin yes\n")
				e.mustRun("systemctl", "reload", "ssh.service")
				sshPID = e.mustRun("systemctl", "show", "--value", "--property", "MainPID", "ssh.service")
			},
			want: []string{"change sshd/00-opensafely", "run reload/ssh.service"},
			check: func(e *env) {
				says(sshPID, "systemctl", "show", "--value", "--property", "MainPID", "ssh.service")(e)
				if conf := e.mustRun("sshd", "-T"); !strings.Contains(conf, "\npermitrootlogin no\n") {
					e.t.Errorf("sshd does not have the declared configuration:\n%s", conf)
				}
				log := e.mustRun("journalctl", "--unit", "ssh.service", "--output", "cat")
				if n := strings.Count(log, "Reloaded ssh.service"); n < 2 {
					e.t.Errorf("ssh.service has been reloaded %d times:\n%s", n, log)
				}
			},
		},
		{
			name: "share of samba edited",
			do:   edits("/etc/samba/smb.conf", "valid users = @reviewers", "writeable = yes"),
			want: []string{"change file//etc/samba/smb.conf", "run restart/smbd.service"},
		},
	}
}
