package spec

// backendReference is what is known of the sections, and of what all items have.
func backendReference(name string) []Field {
	switch name {
	case "Backend":
		return []Field{
			{Name: "description", Is: "what the backend is", Unset: "nothing is said", Example: "North, where outputs are checked"},
			{Name: "include", Is: "files whose declarations are merged in", More: "Item by item and field by field; later files override earlier ones, and this one overrides them all.", Unset: "none", Example: "[../common/base.yaml]", form: besideForm()},
			{Name: "values", Is: "values for templates", More: "Templates say {{ .Values.NAME }}.", Unset: "none", Example: "{proxy: https://proxy.north.example}", names: &form{says: "name", pattern: valuePattern.String()}},
			{Name: "people", Is: "the roles whose people have accounts here", More: "Their people are those of developers.yaml.", Unset: "nobody", Example: "[developers, reviewers]", form: form{says: "name"}, list: listRules{distinct: true}},
			{Name: "roles", Is: "what the people of a role get here", Unset: "none", Example: "{developers: {groups: [sudo], shell: /bin/bash, keys: [repository]}}", names: &form{says: "name", pattern: backendPattern.String()}},
			{Name: "keys", Is: "how people's keys are fetched", Example: "{min_rsa_bits: 4096}"},
			{Name: "apt", Is: "where packages come from", Example: "{mode: verify}"},
			{Name: "packages", Is: "packages", More: "A bare word is a package's state.", Unset: "none", Example: "{vim: installed, nginx: {state: installed, hold: true}}", names: new(packageForm())},
			{Name: "groups", Is: "groups and who is in them", Unset: "none", Example: "{auditors: {gid: 10020, members: exact}}", names: new(accountForm())},
			{Name: "users", Is: "service accounts", More: "People come from developers.yaml.", Unset: "none", Example: "{app: {uid: 10000, shell: /usr/sbin/nologin}}", names: new(accountForm())},
			{Name: "authorized_keys", Is: "who can log in as a service account", More: "The whole file: a key that is in none of the sources goes.", Unset: "none", Example: "{app: {people: [alice], options: restrict}}", names: new(accountForm())},
			{Name: "key_pairs", Is: "OpenSSH key pairs, by path of the private half", More: "Made once on the host, never shown and never replaced. The public half is PATH.pub.", Unset: "none", Example: "{/home/app/.ssh/id_ed25519: {owner: app}}", names: new(pathForm())},
			{Name: "directories", Is: "directories, and what is below them", Unset: "none", Example: `{/srv/data: {owner: app, group: app, mode: "0750"}}`, names: new(pathForm())},
			{Name: "acls", Is: "who else may read a path", More: "Entries that are not declared stay, unless the list is exact.", Unset: "none", Example: "{/srv/data: {access: [group:reviewers:rX]}}", names: new(pathForm())},
			{Name: "files", Is: "files, links, and parts of files", More: "In one of six forms: source, content, template, link, lines or block. Without any, only owner, group and mode are managed.", Unset: "none", Example: `{/etc/motd: {content: "Ask first.\n"}}`, names: new(pathForm())},
			{Name: "sudoers", Is: "files in /etc/sudoers.d, checked by visudo", Unset: "none", Example: `{developers: {content: "%developers ALL=(ALL:ALL) ALL\n"}}`, names: new(dropInForm())},
			{Name: "sshd", Is: "files NAME.conf in /etc/ssh/sshd_config.d", More: "sshd has to accept its whole configuration with them; then it is reloaded.", Unset: "none", Example: `{00-north: {content: "PermitRootLogin no\n"}}`, names: new(dropInForm())},
			{Name: "docker", Is: "the docker engine and its networks", More: "The package is installed and held, the engine enabled and running.", Example: "{daemon: {log-driver: local}}"},
			{Name: "chrony", Is: "the clock", More: "chrony is installed, enabled and running; the lines are added to the distribution's own.", Example: "{servers: [time.north.example iburst]}"},
			{Name: "units", Is: "systemd's units", Unset: "none", Example: "{backup.timer: {enabled: true, running: true}}", names: new(unitForm())},
		}
	case "Item":
		return []Field{
			{Name: "managed", Is: "false takes an included item out", More: "The host's own stays as it is. state: absent removes it from the host.", Default: "true", Example: "false"},
			{Name: "when", Is: "conditions on the host, all of which have to hold", More: "One or a list: device PATH exists; path PATH exists; release NAME, NAME; package NAME available; package NAME installed; unit NAME exists; each with not in front if need be. What does not apply is shown with the reason. A role cannot have it.", Unset: "it applies on every host", Example: "release bookworm, trixie", form: conditionForm()},
		}
	}
	return nil
}
