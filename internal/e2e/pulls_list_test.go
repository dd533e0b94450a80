package e2e

// Files that the pull requests change.
const (
	peopleYAML  = "developers.yaml"
	baseYAML    = "backends/common/base.yaml"
	airlockYAML = "backends/common/airlock.yaml"
	tppYAML     = "backends/tpp/backend.yaml"
	unitFiles   = "backends/common/files/units/"
)

// someKey is somebody's public key.
const someKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5bvGdn+wj26dpqcwcvlSJtCzGY7Qw9TTb1lDs3shLh zoe@laptop\n"

// withAirlock are the backends that have one.
func withAirlock() []string { return []string{"tpp", "test"} }

// section adds items to a section of the common spec, which has it already.
func section(name, items string) []edit {
	return []edit{{baseYAML, "\n" + name + ":\n", "\n" + name + ":\n" + items}}
}

// newFile adds a file beside the spec.
func newFile(edits []edit, file, text string) []edit {
	return append(edits, edit{file: file, text: text})
}

// pulls are what people ask for.
func pulls() []pull {
	out := append(pullsOfPeople(), pullsOfFiles()...)
	return append(out, pullsOfServices()...)
}

func pullsOfPeople() []pull {
	zoe := []edit{{file: peopleYAML, text: "zoe: {roles: [developers], comment: Zoe Q}\n"}, {file: "keys/zoe", text: someKey}}
	return []pull{
		{name: "a developer comes", edits: zoe},
		{name: "two developers come", edits: append(zoe, edit{file: peopleYAML, text: "yan: {roles: [developers], comment: Yan}\n"})},
		{name: "a researcher comes", only: []string{"tpp", "emis"}, edits: []edit{{file: peopleYAML, text: "zoe: {roles: [researchers]}\n"}, {file: "keys/zoe", text: someKey}}},
		{name: "a reviewer comes", only: []string{"emis"}, edits: []edit{{file: peopleYAML, text: "zoe: {roles: [reviewers]}\n"}}},
		{name: "a developer goes", edits: []edit{{peopleYAML, "lucyb: {roles: [developers], comment: Lucy Bridges}\n", ""}, {"keys/lucyb", "", "-"}}},
		{name: "a developer is renamed", edits: []edit{
			{peopleYAML, "lucyb: {roles: [developers], comment: Lucy Bridges}\n", "lucyb2: {roles: [developers], comment: Lucy Bridges}\n"},
			{"keys/lucyb", "", "-"},
			{file: "keys/lucyb2", text: someKey},
		}},
		{name: "a comment changes", edits: []edit{{peopleYAML, "David Evans", "Dave Evans"}}},
		{name: "a second key", edits: []edit{{file: "keys/evansd", text: someKey}}},
		{name: "a key is exchanged", edits: []edit{{"keys/evansd", "", "-"}, {file: "keys/evansd", text: someKey}}},
		{name: "a role takes fewer groups", edits: []edit{{baseYAML, "groups: [developers, researchers, reviewers, docker, sudo]", "groups: [developers, researchers, reviewers, sudo]"}}},
		{name: "a role gets a group", edits: []edit{{baseYAML, "groups: [developers, researchers, reviewers, docker, sudo]", "groups: [developers, researchers, reviewers, docker, sudo, adm]"}}},
		{name: "a role gets another shell", edits: []edit{{baseYAML, "shell: /bin/bash\n    home_mode: \"0750\"\n    password: set-at-first-login", "shell: /bin/sh\n    home_mode: \"0700\"\n    password: set-at-first-login"}}},
		{name: "passwords are locked", edits: []edit{{baseYAML, "password: set-at-first-login", "password: locked"}}},
		{name: "a new group", edits: section("groups", "  analysts: {members: exact}\n")},
		{name: "a group with a number", edits: section("groups", "  analysts: {gid: 10020, members: exact}\n")},
		{name: "a group changes its number", edits: []edit{{baseYAML, "gid: 10010", "gid: 10011"}}},
		{name: "a service account", edits: section("users", "  svc2: {uid: 10001, home: /var/lib/svc2, password: locked}\n")},
		{name: "a service account with a home in /srv", edits: section("users", "  svc3: {system: true, home: /srv/svc3, home_mode: \"0750\", shell: /usr/sbin/nologin}\n")},
		{name: "keys of the service account", edits: []edit{{baseYAML, "opensafely: {keys: []}", "opensafely: {people: [evansd]}"}}},
		{name: "the service account joins another group", edits: []edit{{baseYAML, "    groups: [docker]\n", "    groups: [docker, adm]\n"}}},
	}
}

func pullsOfFiles() []pull {
	return []pull{
		{name: "a new file", edits: section("files", "  /etc/opsafely-new.conf: {content: \"new\\n\"}\n")},
		{name: "a new file below a recorded directory", edits: section("files", "  /etc/opensafely/new.conf: {content: \"new\\n\", owner: root, mode: \"0644\"}\n")},
		{name: "a file in a new directory", edits: append(section("files", "  /srv/new/a/b.conf: {content: \"x\\n\"}\n"), section("directories", "  /srv/new: {owner: root, mode: \"0755\"}\n  /srv/new/a: {owner: opensafely, mode: \"0750\"}\n")...)},
		{name: "a cron job", edits: section("files", "  /etc/cron.d/opensafely: {content: \"1 2 * * * root true\\n\", mode: \"0644\"}\n")},
		{name: "a sysctl", edits: section("files", "  /etc/sysctl.d/60-opensafely.conf: {content: \"vm.swappiness = 1\\n\"}\n")},
		{name: "a profile", edits: section("files", "  /etc/profile.d/zz-new.sh: {content: \"umask 027\\n\"}\n")},
		{name: "a line in login.defs", edits: []edit{{baseYAML, `set: {UMASK: "027"}`, `set: {UMASK: "077"}`}}},
		{name: "a line of PAM", edits: section("files", "  /etc/pam.d/sshd:\n    lines: [\"session optional pam_lastlog.so\"]\n")},
		{name: "a file that nobody knows", edits: section("files", "  /etc/ssl/openssl.cnf: {content: \"x\\n\"}\n"), unknown: []string{"file//etc/ssl/openssl.cnf"}},
		{name: "a source changes", edits: []edit{{file: "backends/common/files/profile", text: "export NEW=1\n"}}},
		{name: "a template changes", edits: []edit{{file: "backends/common/files/banner", text: "{{ .Host.Hostname }}\n"}}},
		{name: "the names in hosts change", edits: []edit{{baseYAML, "address: 157.245.31.108", "address: 157.245.31.109"}}},
		{name: "a file goes", edits: []edit{{baseYAML, "/etc/opensafely/bashrc: {source: files/bashrc, mode: \"0644\"}", "/etc/opensafely/bashrc: {state: absent}"}}},
		{name: "a link changes", edits: []edit{{baseYAML, "{link: /etc/sudoers.d/opensafely}", "{link: ../sudoers.d/opensafely}"}}},
		{name: "a new directory", edits: section("directories", "  /srv/medium_privacy/archive: {owner: opensafely, group: opensafely, mode: \"0750\"}\n")},
		{name: "a directory changes its mode", edits: []edit{{baseYAML, "/home/opensafely/bin: {mode: \"0750\"}", "/home/opensafely/bin: {mode: \"0700\"}"}}},
		{name: "a directory gets a rule for what is below", edits: []edit{{baseYAML, "/home/opensafely/bin: {mode: \"0750\"}", "/home/opensafely/bin: {owner: root, group: root, mode: \"0750\", recurse: {owner: root, files: \"0640\", directories: \"0750\"}}"}}},
		{name: "a tree gets another mode", edits: []edit{{baseYAML, `files: "0640", directories: "0750"`, `files: "0600", directories: "0700"`}}},
		{name: "reviewers may write", edits: []edit{{baseYAML, "acl: [group:reviewers:rX]", "acl: [group:reviewers:rwX]"}}},
		{name: "an ACL for another group", edits: []edit{{baseYAML, "acl: [group:researchers:rX]", "acl: [group:researchers:rX, group:reviewers:rX]"}}},
		{name: "an environment moves to common", only: withAirlock(), edits: []edit{{file: "backends/common/files/defaults.env", text: "NEW_SETTING=1\n"}, {"backends/" + "test/backend.yaml", "USING_DUMMY_DATA_BACKEND=True\n", ""}}},
		{name: "a directory moves to common", only: []string{"test", "emis"}, edits: section("directories", "  /srv/high_privacy/archive: {owner: opensafely, group: opensafely, mode: \"0750\"}\n")},
	}
}

func pullsOfServices() []pull {
	job := "[Unit]\nDescription=New\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
	timer := "[Unit]\nDescription=New\n[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
	return []pull{
		{name: "sshd: fewer tries", sudoers: true, edits: []edit{{"backends/common/files/sshd.conf", "MaxAuthTries 4", "MaxAuthTries 3"}}},
		{name: "sshd: a mistake", edits: []edit{{"backends/common/files/sshd.conf", "MaxAuthTries 4", "MaxAuthTrie 3"}}},
		{name: "sshd: another drop-in", sudoers: true, edits: section("sshd", "  10-more: {content: \"AllowTcpForwarding no\\n\"}\n")},
		{name: "sshd: nobody gets in", sudoers: true, edits: section("sshd", "  05-none: {content: \"AllowUsers nobody\\n\"}\n")},
		{name: "sudo: a rule for others", sudoers: true, edits: []edit{{"backends/common/files/sudoers", "%developers ALL=(ALL:ALL) ALL", "%reviewers ALL=(ALL:ALL) ALL"}}},
		{name: "sudo: a drop-in", sudoers: true, edits: section("sudoers", "  more: {content: \"%developers ALL=(root) NOPASSWD: /bin/true\\n\"}\n")},
		{name: "sudo: a mistake", edits: section("sudoers", "  more: {content: \"%developers ALL=(root NOPASSWD: /bin/true\\n\"}\n")},
		{name: "sudo: all rules go", sudoers: true, edits: []edit{{baseYAML, "  opensafely: {source: files/sudoers}", "  opensafely: {state: absent}"}}},
		{name: "a new unit", edits: newFile(section("units", "  new.service: {source: files/units/new.service, enabled: false}\n"), unitFiles+"new.service", job)},
		{name: "a new timer", edits: newFile(newFile(section("units", "  new.service: {source: files/units/new.service}\n  new.timer: {source: files/units/new.timer, enabled: true, running: true}\n"), unitFiles+"new.service", job), unitFiles+"new.timer", timer)},
		{name: "a unit with a mistake", edits: newFile(section("units", "  new.service: {source: files/units/new.service}\n"), unitFiles+"new.service", "[Service]\nType=oneshot\n")},
		{name: "a timer fires at another time", only: withAirlock(), edits: []edit{{file: unitFiles + "airlock_runjobs.timer", text: "\n[Timer]\nRandomizedDelaySec=60\n"}}},
		{name: "a timer is switched off", only: withAirlock(), edits: []edit{{airlockYAML, "source: files/units/airlock_runjobs.timer\n    enabled: true\n    running: true", "source: files/units/airlock_runjobs.timer\n    enabled: false\n    running: false"}}},
		{name: "a unit goes", only: withAirlock(), edits: []edit{{airlockYAML, "  airlock_runjobs.timer:\n    source: files/units/airlock_runjobs.timer\n    enabled: true\n    running: true", "  airlock_runjobs.timer: {state: absent}"}}},
		{name: "a drop-in for sshd's unit", edits: section("units", "  ssh.service:\n    drop_ins:\n      nice: {content: \"[Service]\\nNice=5\\n\"}\n")},
		{name: "a drop-in for docker", edits: section("units", "  docker.service:\n    drop_ins:\n      nice: {content: \"[Service]\\nNice=5\\n\"}\n")},
		{name: "a unit of the distribution is masked", edits: section("units", "  systemd-timesyncd.service: {masked: true}\n")},
		{name: "a package that the host has is not to be there", only: withAirlock(), edits: section("packages", "  jq: purged\n")},
		{name: "a package goes", only: withAirlock(), edits: []edit{{baseYAML, "  ripgrep: installed", "  ripgrep: absent"}}},
		{name: "a package is held", edits: []edit{{baseYAML, "  curl: installed", "  curl: {state: installed, hold: true}"}}},
		{name: "a package comes", only: withAirlock(), edits: section("packages", "  strace: installed\n  nginx-light: installed\n"), unasked: []string{"whether apt knows nginx-light"}},
		{name: "a docker network", edits: []edit{{baseYAML, "    jobrunner-db: #", "    other-db: {interface: other-db}\n    jobrunner-db: #"}}},
		{name: "a network goes", edits: []edit{{baseYAML, "    jobrunner-db: # jobs that may reach the database; the firewall goes by the interface\n      interface: jobrunner-db", "    jobrunner-db: {state: absent}"}, {baseYAML, "    allow_from: {file: /home/opensafely/config/02_secrets.env, variable: DATABASE_IP_LIST}", "    state: absent"}}},
		{name: "the clock", only: []string{"tpp"}, edits: []edit{{tppYAML, "  when: device /dev/ptp_hyperv exists\n", ""}}, unasked: []string{"what chronyd -p -f % says"}},
		{name: "the clock's parameters", only: []string{"tpp"}, edits: []edit{{tppYAML, "when: device /dev/ptp_hyperv exists", "when: path /etc/hosts exists"}, {tppYAML, "poll 3 dpoll -2", "poll 4 dpoll -1"}}, unasked: []string{"what chronyd -p -f % says"}},
		{name: "a condition is met", edits: section("files", "  /etc/cond.conf: {content: \"x\\n\", when: path /run/sshd exists}\n")},
		{name: "a share is not browsable", only: []string{"tpp"}, edits: []edit{{"backends/tpp/share.yaml", `browseable: "yes"`, `browseable: "no"`}}, unasked: []string{"what testparm -s % says"}},
	}
}
