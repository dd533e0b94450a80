package spec

// Fields says what there is to know of the fields.
func (Apt) Fields() []Field {
	return []Field{
		{Name: "mode", Is: "whether packages are installed", More: "verify is for hosts without an archive: what is missing is reported as failed, and not installed. Removing needs no archive, and is done.", Default: "install", Example: "verify", Form: WordsForm("install", "verify")},
		{Name: "mirrors", Is: "what takes the place of which address", More: "From the beginning of an address in the host's own sources to what replaces it.", Unset: "none", Example: "{http://deb.debian.org/: https://debian.proxy.example/}", Form: ArchiveForm(), Names: new(ArchiveForm())},
		{Name: "sources", Item: "apt source NAME", Is: "files NAME.sources of apt's", More: "/etc/apt/sources.list.d/NAME.sources, in the deb822 layout. Sources of the host are never removed.", Unset: "none", Example: "{tools: {uris: [https://tools.example/debian], suites: [bookworm], components: [main], signed_by: tools}}", Names: new(NameForm())},
		{Name: "keys", Item: "apt key NAME", Is: "keyrings that sources are signed by", More: "/etc/apt/keyrings/NAME.asc or .gpg, after their source.", Unset: "none", Example: "{tools: {source: files/tools.asc}}", Names: new(NameForm())},
	}
}

// Fields says what there is to know of the fields.
func (AptSource) Fields() []Field {
	return []Field{
		{Name: "uris", Is: "addresses of the archive", Unset: "an error", Example: "[https://tools.example/debian]", Form: ArchiveForm()},
		{Name: "suites", Is: "suites, such as a release's codename", Unset: "an error", Example: "[bookworm]", Form: WordForm("name")},
		{Name: "components", Is: "components of the suites", More: "Only suites that end in / do without.", Unset: "an error, unless a suite ends in /", Example: "[main]", Form: WordForm("name")},
		{Name: "signed_by", Is: "the key of apt.keys that signs it", Unset: "any key that apt trusts", Example: "tools", Form: Form{Says: "name"}},
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (AptKey) Fields() []Field {
	return []Field{
		{Name: "source", Is: "the key, a file .asc or .gpg", More: "A path relative to the file that names it.", Unset: "an error", Example: "files/tools.asc", Form: Form{Says: "file", Pattern: `\.(asc|gpg)$`}},
	}
}

// Fields says what there is to know of the fields.
func (Package) Fields() []Field {
	return []Field{
		{Name: "state", Is: "whether it is installed", More: "absent leaves its configuration, purged does not. A bare word in place of the fields says it, too: vim: installed.", Unset: "only hold is managed", Example: "installed", Form: WordsForm("installed", "absent", "purged")},
		{Name: "hold", Is: "apt leaves it alone when all else is upgraded", Example: "true"},
		{Name: "provides", Is: "what the package brings", More: "So that the spec can refer to it. opsafe knows it of docker.io, chrony, samba, openssh-server, and of the common servers (nginx, apache2, php-fpm, postgresql, mariadb-server, redis-server) with their variants and versions. What nobody has said is known after apply.", Unset: "what opsafe knows of the package", Example: "{units: [nginx.service], users: [nginx]}"},
	}
}

// Fields says what there is to know of the fields.
func (Unit) Fields() []Field {
	return []Field{
		{Name: "source", Is: "the unit file is this one", More: "A path relative to the file that names it. Without a text, the unit is the host's.", Example: "files/backup.service", Form: BesideForm()},
		{Name: "content", Is: "the unit file itself", More: "Without a text, the unit is the host's.", Example: "|\n  [Service]\n  ExecStart=/usr/bin/sleep infinity\n"},
		{Name: "drop_ins", Item: "drop-in NAME of PARENT", Is: "files NAME.conf beside the unit file", Unset: "none", Example: `{limits: {content: "[Service]\nMemoryMax=1G\n"}}`, Names: new(DropInForm())},
		{Name: "enabled", Is: "started when the host boots", Example: "true"},
		{Name: "masked", Is: "cannot be started at all", Example: "true"},
		{Name: "running", Is: "true: started; false: stopped", More: "One that runs is restarted when its file or a drop-in has changed.", Example: "true"},
		{Name: "state", Is: "whether there is one", More: "absent stops and disables it and removes its file and drop-ins.", Default: "present", Example: "absent", Form: StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (UnitDropIn) Fields() []Field {
	return []Field{
		{Name: "content", Is: "the content itself", Example: "|\n  [Service]\n  MemoryMax=1G\n"},
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: StateForm()},
	}
}
