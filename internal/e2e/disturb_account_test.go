package e2e

import "strings"

func accountDisturbances() []disturbance {
	return []disturbance{
		{
			name: "group deleted",
			do:   by("groupdel", "reviewers"),
			want: []string{"add group/reviewers"},
			check: says("reviewers:x:10010:evansd,iaindillingham,inglesp,jongmassey,lucyb,madwort,rebkwok",
				"getent", "group", "reviewers"),
		},
		{
			name: "gid changed",
			do:   by("groupmod", "--gid", "10999", "reviewers"),
			want: []string{"change group/reviewers"},
			check: func(e *env) {
				if line := e.mustRun("getent", "group", "reviewers"); !strings.HasPrefix(line, "reviewers:x:10010:") {
					e.t.Error(line)
				}
			},
		},
		{
			name: "member removed",
			do:   by("gpasswd", "--delete", "madwort", "developers"),
			want: []string{"change group/developers"},
		},
		{
			name:  "stranger in an exact group",
			do:    by("gpasswd", "--add", "stranger", "developers"),
			want:  []string{"change group/developers"},
			check: says("stranger", "id", "--groups", "--name", "stranger"),
		},
		{
			name:  "stranger in an additive group",
			do:    by("gpasswd", "--add", "stranger", "docker"),
			check: says("stranger docker", "id", "--groups", "--name", "stranger"),
		},
		{
			name: "stranger in an exact group, for newgrp alone", // as gpasswd leaves it that is killed
			do:   by("sed", "-i", "s/^developers:.*/&,stranger/", "/etc/gshadow"),
			want: []string{"change group/developers"},
			check: func(e *env) {
				if line := e.mustRun("grep", "^developers:", "/etc/gshadow"); strings.Contains(line, "stranger") {
					e.t.Error(line)
				}
			},
		},
		{
			// They are somebody else's, and nothing needs them to go.
			name: "locks of dead account tools",
			do:   by("sh", "-c", `printf '1\0' >/etc/passwd.lock; printf '1\0' >/etc/gshadow.4; : >/etc/group+`),
			cure: all(
				says("/etc/group+\n/etc/gshadow.4\n/etc/passwd.lock", "ls", "/etc/group+", "/etc/gshadow.4", "/etc/passwd.lock"),
				by("rm", "/etc/passwd.lock", "/etc/gshadow.4", "/etc/group+"),
			),
		},
		{
			name:  "a lock of a dead account tool in the way",
			do:    by("sh", "-c", `gpasswd --delete madwort developers; printf '1\0' >/etc/group.lock`),
			want:  []string{"change group/developers"},
			check: says("", "find", "/etc", "-maxdepth", "1", "-name", "group.lock"),
		},
		{
			name:  "a group password, and an administrator",
			do:    by("sh", "-c", "groupmod -p '$6$salt$hash' reviewers; gpasswd -A stranger reviewers; gpasswd -A stranger sudo"),
			want:  []string{"change group/reviewers", "change group/sudo"},
			check: says("2", "grep", "-c", "-E", "^(reviewers:!|sudo:[!*])::", "/etc/gshadow"),
		},
		{
			name: "account tool killed between two databases",
			do:   by("sed", "-i", "/^reviewers:/d", "/etc/gshadow"),
			want: []string{"change group/reviewers"},
			check: func(e *env) {
				e.mustRun("grpck", "-r")
				e.mustRun("grep", "^reviewers:", "/etc/gshadow")
			},
		},
		{
			name:  "shell changed",
			do:    by("usermod", "--shell", "/bin/sh", "madwort"),
			want:  []string{"change user/madwort"},
			check: func(e *env) { wantField(e, "madwort", 6, "/bin/bash") },
		},
		{
			name:  "home changed",
			do:    by("usermod", "--home", "/home/elsewhere", "lucyb"),
			want:  []string{"change user/lucyb"},
			check: func(e *env) { wantField(e, "lucyb", 5, "/home/lucyb") },
		},
		{
			name:  "mode of a home changed",
			do:    by("chmod", "0777", "/home/madwort"),
			want:  []string{"change user/madwort"},
			check: says("750", "stat", "--format", "%a", "/home/madwort"),
		},
		{
			name: "service account unlocked",
			do:   by("usermod", "--password", "$6$salt$hash", "opensafely"),
			want: []string{"change password/opensafely"},
			check: func(e *env) {
				if shadow := e.mustRun("getent", "shadow", "opensafely"); !strings.HasPrefix(shadow, "opensafely:!") {
					e.t.Errorf("the account is not locked: %s", shadow)
				}
			},
		},
		{
			name: "account deleted",
			do:   by("userdel", "--remove", "rebkwok"),
			want: []string{"add user/rebkwok", "add key/rebkwok", "change password/rebkwok"},
			check: says("developers docker rebkwok researchers reviewers sudo", "sh", "-c",
				"id --groups --name rebkwok | tr ' ' '\\n' | sort | paste -s -d ' '"),
		},
		{
			// Who gets the old home with all that is in it is not for opsafe to
			// guess.
			name:  "account deleted, home kept",
			do:    by("userdel", "rebkwok"),
			fails: []string{"user/rebkwok"},
			says:  "its home /home/rebkwok is there already and belongs to #10",
			cure:  all(by("rm", "-r", "/home/rebkwok"), manages),
		},
	}
}

// wantField checks a field of an account's line in passwd(5), counted from 0.
func wantField(e *env, user string, field int, want string) {
	e.t.Helper()
	fields := strings.Split(e.mustRun("getent", "passwd", user), ":")
	if fields[field] != want {
		e.t.Errorf("%s: field %d is %q, not %q", user, field, fields[field], want)
	}
}

func keyDisturbances() []disturbance {
	const dir = "/home/madwort/.ssh"
	return []disturbance{
		{
			name: "key added",
			do: func(e *env) {
				was := e.read(dir + "/authorized_keys")
				e.replace(dir+"/authorized_keys", was, was+newKey(e.t))
			},
			want:  []string{"change key/madwort"},
			check: wantKeys,
		},
		{
			name:  "keys deleted",
			do:    by("rm", dir+"/authorized_keys"),
			want:  []string{"add key/madwort"},
			check: wantKeys,
		},
		{
			name:  "second key file",
			do:    func(e *env) { e.write(dir+"/authorized_keys2", newKey(e.t), 0o600) },
			want:  []string{"change key/madwort"},
			check: says("authorized_keys", "ls", dir),
		},
		{
			name:  "mode of .ssh changed",
			do:    by("chmod", "0755", dir),
			want:  []string{"change key/madwort"},
			check: says("700 madwort madwort", "stat", "--format", "%a %U %G", dir),
		},
		{
			name:  "keys owned by another",
			do:    by("chown", "stranger:stranger", dir+"/authorized_keys"),
			want:  []string{"change key/madwort"},
			check: says("600 madwort madwort", "stat", "--format", "%a %U %G", dir+"/authorized_keys"),
		},
		{
			name:  "keys behind a link",
			do:    all(by("mv", dir+"/authorized_keys", "/root/elsewhere"), by("ln", "-s", "/root/elsewhere", dir+"/authorized_keys")),
			fails: []string{"key/madwort"},
			says:  dir + "/authorized_keys",
			cure:  all(by("rm", dir+"/authorized_keys"), manages),
			check: wantKeys,
		},
	}
}

// wantKeys checks that somebody's keys are those of the repository.
func wantKeys(e *env) {
	e.t.Helper()
	lines := func(text string) []string {
		var out []string
		for line := range strings.Lines(text) {
			if f := strings.Fields(line); len(f) > 1 && !strings.HasPrefix(line, "#") {
				out = append(out, f[0]+" "+f[1])
			}
		}
		return out
	}
	want, got := lines(e.read(guestRepository+"/keys/madwort")), lines(e.read("/home/madwort/.ssh/authorized_keys"))
	if strings.Join(want, "\n") != strings.Join(got, "\n") {
		e.t.Errorf("keys %q, not %q", got, want)
	}
}
