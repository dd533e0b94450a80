package spec

// serviceReference is what is known of packages, docker, chrony and units.
func serviceReference(name string) []Field {
	switch name {
	case "Apt":
		return []Field{
			{Name: "mode", Is: "whether packages are installed", More: "verify is for hosts without an archive: what differs is reported as failed, and nothing is installed or removed.", Default: "install", Example: "verify", form: wordsForm("install", "verify")},
			{Name: "mirrors", Is: "what takes the place of which address", More: "From the beginning of an address in the host's own sources to what replaces it.", Unset: "none", Example: "{http://deb.debian.org/: https://debian.proxy.example/}", form: archiveForm(), names: new(archiveForm())},
			{Name: "sources", Is: "files NAME.sources of apt's", More: "/etc/apt/sources.list.d/NAME.sources, in the deb822 layout. Sources of the host are never removed.", Unset: "none", Example: "{tools: {uris: [https://tools.example/debian], suites: [bookworm], components: [main], signed_by: tools}}", names: &form{says: "name", pattern: networkPattern.String()}},
			{Name: "keys", Is: "keyrings that sources are signed by", More: "/etc/apt/keyrings/NAME.asc or .gpg, after their source.", Unset: "none", Example: "{tools: {source: files/tools.asc}}", names: &form{says: "name", pattern: networkPattern.String()}},
		}
	case "AptSource":
		return []Field{
			{Name: "uris", Is: "addresses of the archive", Unset: "an error", Example: "[https://tools.example/debian]", form: archiveForm()},
			{Name: "suites", Is: "suites, such as a release's codename", Unset: "an error", Example: "[bookworm]", form: wordForm("name")},
			{Name: "components", Is: "components of the suites", More: "Only suites that end in / do without.", Unset: "an error, unless a suite ends in /", Example: "[main]", form: wordForm("name")},
			{Name: "signed_by", Is: "the key of apt.keys that signs it", Unset: "any key that apt trusts", Example: "tools", form: form{says: "name"}},
			{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", form: stateForm()},
		}
	case "AptKey":
		return []Field{
			{Name: "source", Is: "the key, a file .asc or .gpg", More: "A path relative to the file that names it.", Unset: "an error", Example: "files/tools.asc", form: form{says: "file", pattern: `\.(asc|gpg)$`}},
		}
	case "Package":
		return []Field{
			{Name: "state", Is: "whether it is installed", More: "absent leaves its configuration, purged does not. A bare word in place of the fields says it, too: vim: installed.", Unset: "only hold is managed", Example: "installed", form: wordsForm("installed", "absent", "purged")},
			{Name: "hold", Is: "apt leaves it alone when all else is upgraded", Example: "true"},
			{Name: "provides", Is: "what the package brings", More: "So that the spec can refer to it. opsafe knows it of docker.io, chrony, samba, openssh-server and a few more.", Unset: "what opsafe knows of the package", Example: "{units: [nginx.service], users: [nginx]}"},
		}
	case "Docker":
		return []Field{
			{Name: "package", Is: "the package of the engine", More: "It is installed and held.", Default: "docker.io", Example: "docker-ce", form: packageForm()},
			{Name: "daemon", Is: "daemon.json as a whole", More: "dockerd checks it, from release 23 on, and is restarted when it changes.", Example: "{log-driver: local, live-restore: true}", names: &form{words: daemonKeys()}},
			{Name: "networks", Is: "bridge networks", More: "Docker cannot change a network: one that differs is an error that says what to do.", Unset: "none", Example: "{jobs: {interface: jobs, subnet: 172.30.0.0/24}}", names: &form{says: "name", pattern: networkPattern.String()}},
		}
	case "Network":
		return []Field{
			{Name: "interface", Is: "the name of the bridge", Unset: "docker's choice", Example: "jobs", form: form{says: "name", pattern: bridgePattern.String()}},
			{Name: "subnet", Is: "its addresses", Unset: "docker's choice", Example: "172.30.0.0/24", form: form{says: "CIDR", pattern: `^[0-9A-Fa-f:.]+/[0-9]+$`}},
			{Name: "gateway", Is: "the host's address in it", More: "One of the subnet's.", Unset: "docker's choice", Example: "172.30.0.1", form: addressForm()},
			{Name: "internal", Is: "it leads nowhere else", Example: "true"},
			{Name: "options", Is: "options of docker's bridge driver", Unset: "none", Example: `{com.docker.network.bridge.enable_icc: "false"}`},
			{Name: "state", Is: "whether there is one", More: "One with containers is not removed.", Default: "present", Example: "absent", form: stateForm()},
		}
	case "Chrony":
		return []Field{
			{Name: "servers", Is: "what follows server in chrony.conf(5)", More: "Added to the distribution's own.", Unset: "none", Example: "[time.north.example iburst]", form: lineForm()},
			{Name: "pools", Is: "what follows pool in chrony.conf(5)", More: "Added to the distribution's own.", Unset: "none", Example: "[pool.north.example iburst maxsources 2]", form: lineForm()},
			{Name: "refclock", Is: "what follows refclock in chrony.conf(5)", More: "Say when: device PATH exists if it needs one.", Unset: "none", Example: "PHC /dev/ptp0 poll 3 dpoll -2", form: lineForm()},
			{Name: "config", Is: "further lines of configuration", Unset: "none", Example: "[makestep 1 3]", form: lineForm()},
			{Name: "stop_around", Is: "units stopped while chronyd restarts", More: "In this order, and started again, the last one first, if they ran.", Unset: "none", Example: "[app.service]", form: unitForm(), list: listRules{distinct: true}},
		}
	case "Unit":
		return []Field{
			{Name: "source", Is: "the unit file is this one", More: "A path relative to the file that names it. Without a text, the unit is the host's.", Example: "files/backup.service", form: besideForm()},
			{Name: "content", Is: "the unit file itself", More: "Without a text, the unit is the host's.", Example: "|\n  [Service]\n  ExecStart=/usr/bin/sleep infinity\n"},
			{Name: "drop_ins", Is: "files NAME.conf beside the unit file", Unset: "none", Example: `{limits: {content: "[Service]\nMemoryMax=1G\n"}}`, names: new(dropInForm())},
			{Name: "enabled", Is: "started when the host boots", Example: "true"},
			{Name: "masked", Is: "cannot be started at all", Example: "true"},
			{Name: "running", Is: "true: started; false: stopped", More: "One that runs is restarted when its file or a drop-in has changed.", Example: "true"},
			{Name: "state", Is: "whether there is one", More: "absent stops and disables it and removes its file and drop-ins.", Default: "present", Example: "absent", form: stateForm()},
		}
	case "UnitDropIn":
		return []Field{
			{Name: "content", Is: "the content itself", Example: "|\n  [Service]\n  MemoryMax=1G\n"},
			{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", form: stateForm()},
		}
	}
	return nil
}
