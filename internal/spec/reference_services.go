package spec

// Fields says what there is to know of the fields.
func (Apt) Fields() []Field {
	return []Field{
		{Name: "mode", Is: "whether packages are installed", More: "verify is for hosts without an archive: what is missing is reported as failed, and not installed. Removing needs no archive, and is done.", Default: "install", Example: "verify", Form: WordsForm("install", "verify")},
		{Name: "mirrors", Is: "what takes the place of which address", More: "From the beginning of an address in the host's own sources to what replaces it.", Unset: "none", Example: "{http://deb.debian.org/: https://debian.proxy.example/}", Form: ArchiveForm(), Names: new(ArchiveForm())},
		{Name: "sources", Item: "apt source NAME", Is: "files NAME.sources of apt's", More: "/etc/apt/sources.list.d/NAME.sources, in the deb822 layout. Sources of the host are never removed.", Unset: "none", Example: "{tools: {uris: [https://tools.example/debian], suites: [bookworm], components: [main], signed_by: tools}}", Names: &Form{Says: "name", Pattern: networkPattern().String()}},
		{Name: "keys", Item: "apt key NAME", Is: "keyrings that sources are signed by", More: "/etc/apt/keyrings/NAME.asc or .gpg, after their source.", Unset: "none", Example: "{tools: {source: files/tools.asc}}", Names: &Form{Says: "name", Pattern: networkPattern().String()}},
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
		{Name: "provides", Is: "what the package brings", More: "So that the spec can refer to it. opsafe knows it of docker.io, chrony, samba, openssh-server, nginx, apache2, postgresql and a few more. What nobody has said is known after apply.", Unset: "what opsafe knows of the package", Example: "{units: [nginx.service], users: [nginx]}"},
	}
}

// Fields says what there is to know of the fields.
func (Docker) Fields() []Field {
	return []Field{
		{Name: "package", Is: "the package of the engine", More: "It is installed and held.", Default: "docker.io", Example: "docker-ce", Form: PackageForm()},
		{Name: "daemon", Is: "daemon.json as a whole", More: "dockerd checks it, from release 23 on, and takes it up by a reload where that is enough, else by a restart.", Example: "{log-driver: local, live-restore: true}", Names: &Form{Words: daemonKeys()}},
		{Name: "networks", Item: "network NAME", Is: "bridge networks", More: "Docker cannot change a network: one that differs is an error that says what to do.", Unset: "none", Example: "{jobs: {interface: jobs, subnet: 172.30.0.0/24}}", Names: &Form{Says: "name", Pattern: networkPattern().String()}},
	}
}

// Fields says what there is to know of the fields.
func (Network) Fields() []Field {
	return []Field{
		{Name: "interface", Is: "the name of the bridge", Unset: "docker's choice", Example: "jobs", Form: Form{Says: "name", Pattern: bridgePattern().String()}},
		{Name: "subnet", Is: "its addresses", More: "One of IPv6 may stand here as well as in subnet6.", Unset: "docker's choice", Example: "172.30.0.0/24", Form: Form{Says: "CIDR", Pattern: `^[0-9A-Fa-f:.]+/[0-9]+$`}},
		{Name: "gateway", Is: "the host's address in it", More: "One of the subnet's.", Unset: "docker's choice", Example: "172.30.0.1", Form: AddressForm()},
		{Name: "subnet6", Is: "its addresses of IPv6", More: "With a subnet of IPv4, or docker's choice of one, the network has both.", Unset: "none", Example: "fd00:30::/64", Form: Form{Says: "CIDR", Pattern: `^[0-9A-Fa-f:.]+/[0-9]+$`}},
		{Name: "gateway6", Is: "the host's address of IPv6 in it", More: "One of subnet6's.", Unset: "docker's choice", Example: "fd00:30::1", Form: AddressForm()},
		{Name: "enable_ipv4", Is: "it has addresses of IPv4", More: "Docker can do without them from release 28 on.", Default: "true", Example: "false"},
		{Name: "enable_ipv6", Is: "it has addresses of IPv6", More: "Docker chooses a range from release 27 on; before, say subnet6.", Unset: "as subnet6 is there", Example: "true"},
		{Name: "internal", Is: "it leads nowhere else", Example: "true"},
		{Name: "options", Is: "options of docker's bridge driver", Unset: "none", Example: `{com.docker.network.bridge.enable_icc: "false"}`},
		{Name: "state", Is: "whether there is one", More: "One with containers is not removed.", Default: "present", Example: "absent", Form: StateForm()},
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
