package spec

// Fields says what there is to know of the fields.
func (Backend) Fields() []Field {
	return []Field{
		{Name: "opsafe", Is: "the oldest version of opsafe that will do", More: "An older one says so, and nothing else of what it does not know. In a file that is included it counts as well.", Unset: "any", Example: `">= 1.2"`, Form: VersionForm()},
		{Name: "description", Is: "what the backend is", Unset: "nothing is said", Example: "North, where outputs are checked"},
		{Name: "include", Is: "files whose declarations are merged in", More: "Item by item and field by field; later files override earlier ones, and this one overrides them all.", Unset: "none", Example: "[../common/base.yaml]", Form: BesideForm()},
		{Name: "defaults", Is: "whose the items are that this file begins", More: "Items that an included file has begun, and files that include this one, keep to what they say themselves.", Example: "{directories: {owner: app, group: app}}"},
		{Name: "values", Is: "values for templates", More: "Templates say {{ .Values.NAME }}.", Unset: "none", Example: "{proxy: https://proxy.north.example}", Names: new(VariableForm())},
		{Name: "people", Is: "the roles whose people have accounts here", More: "Their people are those of developers.yaml.", Unset: "nobody", Example: "[developers, reviewers]", Form: Form{Says: "name"}, List: ListRules{Distinct: true}},
		{Name: "roles", Item: "role NAME", Is: "what the people of a role get here", Unset: "none", Example: "{developers: {groups: [sudo], shell: /bin/bash, keys: [repository]}}", Names: &Form{Says: "name", Pattern: backendPattern().String()}},
		{Name: "keys", Is: "how people's keys are fetched", Example: "{min_rsa_bits: 4096}"},
		{Name: "applications", Item: "application NAME", Is: "the registry of applications, with a number and a port for each", More: "It is for a file that all backends include, and says nothing of which host has which. A user or group that is declared with an application's name gets its number.", Unset: "none", Example: "{shop: {id: 60101, port: 3101}}", Names: new(AccountForm())},
		{Name: "groups", Item: "group NAME", Is: "groups and who is in them", Unset: "none", Example: "{auditors: {gid: 10020, members: exact}}", Names: new(AccountForm())},
		{Name: "users", Item: "user NAME", Is: "service accounts", More: "People come from developers.yaml.", Unset: "none", Example: "{app: {uid: 10000, shell: /usr/sbin/nologin}}", Names: new(AccountForm())},
		{Name: "authorized_keys", Item: "authorized_keys of NAME", Is: "who can log in as a service account", More: "The whole file: a key that is in none of the sources goes.", Unset: "none", Example: "{app: {people: [alice], options: restrict}}", Names: new(AccountForm())},
		{Name: "directories", Item: "directory NAME", Is: "directories, and what is below them", Unset: "none", Example: `{/srv/data: {owner: app, group: app, mode: "0750"}}`, Names: new(PathForm())},
		{Name: "acls", Item: "acl of NAME", Is: "who else may read a path", More: "Entries that are not declared stay, unless the list is exact.", Unset: "none", Example: "{/srv/data: {access: [group:reviewers:rX]}}", Names: new(PathForm())},
		{Name: "files", Item: "file NAME", Is: "files, links, and parts of files", More: "In one of seven forms: source, content, template, link, lines, block or settings. Without any, only owner, group and mode are managed.", Unset: "none", Example: `{/etc/app.conf: {content: "workers = 4\n"}}`, Names: new(PathForm())},
	}
}

// managedField is that of all items, and of those that have no conditions.
func managedField() Field {
	return Field{Name: "managed", Is: "false takes an included item out", More: "The host's own stays as it is. state: absent removes it from the host.", Default: "true", Example: "false"}
}

// Fields says what there is to know of the fields.
func (Application) Fields() []Field {
	return []Field{
		{Name: "id", Is: "its number, for uid and gid alike", More: "Nobody else has it, on any backend. Of the numbers above 60000, systemd gives 61184 to 65519 to services with DynamicUser=yes, and passes over those that an account has.", Unset: "an error", Example: "60101", Form: Form{Min: LastOrdinaryID + 1, Max: lastID, Not: object{"enum": []int{65534, 65535}}}},
		{Name: "port", Is: "the port that it listens on", More: "It ends in the last three digits of id.", Unset: "an error", Example: "3101", Form: Form{Min: 1, Max: 65535}},
		managedField(),
	}
}

// Fields says what there is to know of the fields.
func (Item) Fields() []Field {
	return []Field{
		managedField(),
		{Name: "when", Is: "conditions on the host, all of which have to hold", More: "One or a List: device PATH exists; path PATH exists; mounted PATH; release NAME, NAME; package NAME available; package NAME installed; unit NAME exists; exists, of the directory, ACL, file or unit itself; each with not in front if need be. What does not apply is shown with the reason. A role cannot have it.", Unset: "it applies on every host", Example: "release bookworm, trixie", Form: conditionForm()},
	}
}
