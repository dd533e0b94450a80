package spec

// Fields says what there is to know of the fields.
func (Person) Fields() []Field {
	return []Field{
		{Name: "roles", Is: "what they are, for backends to say what it means", More: "Has to be written: [] for none.", Unset: "an error", Example: "[developers]", Form: Form{Says: "name"}, List: ListRules{Distinct: true}},
		{Name: "github_id", Is: "the number of their GitHub account", More: "A name can be given up and taken by a stranger; the number cannot. It is made sure of where keys.github.form is api.", Unset: "the name alone is asked for", Example: "4711", Form: Form{Min: 1}},
		{Name: "comment", Is: "who it is, as in passwd(5)", Example: "Alice Archer"},
	}
}

// Fields says what there is to know of the fields.
func (Role) Fields() []Field {
	return []Field{
		{Name: "groups", Is: "supplementary groups", More: "Who has several roles gets the groups of all.", Unset: "none", Example: "[developers, sudo]", Form: Form{Says: "name"}, List: ListRules{Distinct: true}},
		{Name: "shell", Is: "the login shell", Example: "/bin/bash", Form: PathForm()},
		{Name: "home_mode", Is: "the mode of the home", Unset: "0700 when it is made, and not managed from then on", Example: `"0750"`, Form: ModeForm()},
		{Name: "password", Is: "what the password field may be", More: "One that is set, or that somebody has locked by hand, is left alone.", Example: "set-at-first-login", Form: PasswordForm()},
		{Name: "keys", Is: "where keys may come from", More: "repository: keys/NAME; github: registered and pinned. With several roles, only what all of them allow.", Unset: "keys are not managed", Example: "[repository, github]", Form: WordsForm(string(FromRepository), string(FromGitHub)), List: ListRules{Distinct: true}},
		{Name: "key_options", Is: "options in front of each key", More: "As in authorized_keys(5).", Unset: "none", Example: "restrict,pty", Form: LineForm()},
	}
}

// Fields says what there is to know of the fields.
func (Keys) Fields() []Field {
	return []Field{
		{Name: "github", Is: "the server that knows people's keys", More: "A bare word in place of the fields is its mode: github: off.", Example: "{form: plain, url: https://github.com}"},
		{Name: "min_rsa_bits", Is: "the smallest RSA key that is accepted", Default: "3072", Example: "4096", Form: Form{Min: 2048, Max: 16384}},
	}
}

// Fields says what there is to know of the fields.
func (GitHub) Fields() []Field {
	return []Field{
		{Name: "form", Is: "how the server is asked", More: "plain asks URL/NAME.keys; api asks the REST API below the URL, which also makes sure of github_id.", Default: "plain", Example: "api", Form: WordsForm("plain", "api")},
		{Name: "url", Is: "the address of the server", More: "https; http only from the host itself.", Unset: "keys of the source github cannot be used, unless mode is locked", Example: "https://api.github.com", Form: Form{Says: "address", Pattern: `^[A-Za-z]+://`}},
		{Name: "token_file", Is: "a file on the host with a token for the API", Unset: "the API is asked without a token", Example: "/etc/opsafe/github-token", Form: PathForm()},
		{Name: "mode", Is: "whether the server is asked in every run", More: "live: it is. locked: never; what is pinned is installed. off: never, and no registered key counts here, whatever roles allow.", Default: "live", Example: "locked", Form: WordsForm("live", "locked", "off")},
		{Name: "trust", Is: "which of the server's keys count", More: "pinned: those that are in keys/github.lock, too. live: all of them.", Default: "pinned", Example: "pinned", Form: WordsForm("pinned", "live")},
	}
}

// Fields says what there is to know of the fields.
func (AuthorizedKeys) Fields() []Field {
	return []Field{
		{Name: "keys", Is: "lines of public keys, without options", Unset: "none", Example: "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC/9jkIbBb0EJnxBdaaCPEjAUpGs1/06j44yYRPPqENA deploy]", Form: Form{Says: "key"}, List: ListRules{Distinct: true}},
		{Name: "people", Is: "people whose keys are let in", More: "Names of developers.yaml.", Unset: "none", Example: "[alice]", Form: Form{Says: "name"}, List: ListRules{Distinct: true}},
		{Name: "from", Is: "files of public keys", Unset: "none", Example: "[files/backup.pub]", Form: BesideForm(), List: ListRules{Distinct: true}},
		{Name: "options", Is: "options in front of each key", More: "As in authorized_keys(5).", Unset: "none", Example: `restrict,command="/usr/local/bin/receive"`, Form: LineForm()},
		{Name: "mode", Is: "the mode of the file", Default: `"0600"`, Example: `"0600"`, Form: ModeForm()},
	}
}

// Fields says what there is to know of the fields.
func (Group) Fields() []Field {
	return []Field{
		{Name: "gid", Is: "a fixed number", More: "It is corrected, but files keep the old one.", Unset: "a new group gets the next free one", Example: "10020", Form: IDForm()},
		{Name: "system", Is: "a new group gets a number of the system's range", Default: "false", Example: "true"},
		{Name: "members", Is: "which members that nobody declares are taken out", More: "exact: all of them. additive: only people of developers.yaml. Who is in it is said by groups of users and of roles.", Default: "additive", Example: "exact", Form: WordsForm("exact", "additive")},
		{Name: "state", Is: "whether there is one", More: "A group that is somebody's primary one is not removed.", Default: "present", Example: "absent", Form: StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (User) Fields() []Field {
	return []Field{
		{Name: "uid", Is: "a fixed number", More: "When it is corrected, files keep the old one, except below reown.", Unset: "a new account gets the next free one", Example: "10001", Form: IDForm()},
		{Name: "group", Is: "the primary group", Unset: "one of the account's own name", Example: "reviewers", Form: Form{Says: "name"}},
		{Name: "groups", Is: "supplementary groups", Unset: "none", Example: "[docker]", Form: Form{Says: "name"}, List: ListRules{Distinct: true}},
		{Name: "system", Is: "a new account gets a number of the system's range", More: "And no home, unless home_mode is given.", Default: "false", Example: "true"},
		{Name: "home", Is: "the home", More: "It is made from /etc/skel, and never moved, emptied or removed.", Unset: "/home/NAME", Example: "/var/lib/collector", Form: PathForm()},
		{Name: "home_mode", Is: "the mode of the home", Unset: "0700 when it is made, and not managed from then on", Example: `"0700"`, Form: ModeForm()},
		{Name: "shell", Is: "the login shell", Example: "/usr/sbin/nologin", Form: PathForm()},
		{Name: "comment", Is: "what the account is for, as in passwd(5)", Example: "collects metrics", Form: Form{Says: "line", Pattern: `^[^:` + controlLine + `]*$`}},
		{Name: "password", Is: "what the password field may be", More: "locked: nothing matches it. set-at-first-login: none, and the first login, which needs a key, has to set one. set-by-admin: locked, until an administrator gives one by hand. One that is set, or that somebody has locked by hand, is left alone.", Example: "locked", Form: PasswordForm()},
		{Name: "reown", Is: "directories to give to it when its id changes", More: "Everything in them.", Unset: "none", Example: "[/srv/metrics]", Form: PathForm(), List: ListRules{Distinct: true}},
		{Name: "state", Is: "whether there is one", More: "The home stays.", Default: "present", Example: "absent", Form: StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (Provides) Fields() []Field {
	return []Field{
		{Name: "units", Is: "units that the package brings", Unset: "none", Example: "[nginx.service]", Form: UnitForm()},
		{Name: "users", Is: "users that the package brings", Unset: "none", Example: "[nginx]", Form: AccountForm()},
		{Name: "groups", Is: "groups that the package brings", Unset: "none", Example: "[nginx]", Form: AccountForm()},
		{Name: "directories", Is: "directories that the package brings", Unset: "none", Example: "[/etc/nginx/conf.d]", Form: PathForm()},
		{Name: "files", Is: "files that the package brings", Unset: "none", Example: "[/etc/nginx/nginx.conf]", Form: PathForm()},
	}
}
