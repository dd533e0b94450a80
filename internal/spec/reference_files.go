package spec

// ExistsAs is what the condition exists asks.
func (Directory) ExistsAs() Fact { return FactPath }

// Fields says what there is to know of the fields.
func (Directory) Fields() []Field {
	return append(ownerFields("it"),
		Field{Name: "mode", Is: "its mode, in quotes", More: "Also where there is an ACL: the digit in the middle is the owning group's.", Unset: "0755 when it is made, and not managed from then on", Example: `"0750"`, Form: ModeForm()},
		Field{Name: "state", Is: "whether there is one", More: "It is removed only when it is empty.", Default: "present", Example: "absent", Form: StateForm()},
		Field{Name: "recurse", Is: "how everything below it is to be", More: "What is declared on its own below is left to that; links are not followed.", Example: `{owner: app, group: app, files: "0640", directories: "0750"}`},
		Field{Name: "acl", Is: "the named entries of its ACL: these and no others", More: "user:NAME:rwx or group:NAME:rX. With recurse, also those of all below it, and of what is made there from now on. More of an ACL can be said in the section acls.", Unset: "its ACL is not managed, unless acls says it", Example: "[group:reviewers:rX]", Form: EntryForm(), List: ListRules{Distinct: true}},
		Field{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{restart: [app.service]}"},
	)
}

// Fields says what there is to know of the fields.
func (Defaults) Fields() []Field {
	return []Field{
		{Name: "directories", Is: "owner and group of directories", More: "Their recurse, too, has that of its directory.", Example: "{owner: app, group: app}"},
		{Name: "files", Is: "owner and group of files", More: "Of those with a source, content or template: of a part of a file, and of a link, they are not managed unless the item says so.", Example: "{owner: root, group: root}"},
	}
}

// Fields says what there is to know of the fields.
func (Owners) Fields() []Field { return ownerFields("what says no other") }

// Fields says what there is to know of the fields.
func (Recurse) Fields() []Field {
	return append(ownerFields("what is below"),
		Field{Name: "files", Is: "the mode of regular files", Example: `"0640"`, Form: ModeForm()},
		Field{Name: "directories", Is: "the mode of directories", Example: `"0750"`, Form: ModeForm()},
		fromField(), exceptField(),
	)
}

// ExistsAs is what the condition exists asks.
func (ACL) ExistsAs() Fact { return FactPath }

// Fields says what there is to know of the fields.
func (ACL) Fields() []Field {
	return []Field{
		{Name: "access", Is: "entries user:NAME:rwx or group:NAME:rX", More: "Capital X is execute for directories, and for files that somebody may already execute. The mask is computed as setfacl does.", Unset: "none", Example: "[group:reviewers:rX]", Form: EntryForm(), List: ListRules{Distinct: true}},
		{Name: "default", Is: "entries for what is made in it from now on", Unset: "none", Example: "[group:reviewers:rX]", Form: EntryForm(), List: ListRules{Distinct: true}},
		{Name: "exact", Is: "named entries that are not listed go", Default: "false", Example: "true"},
		{Name: "recursive", Is: "everything below the path, too", More: "But for paths with an item of their own.", Default: "false", Example: "true"},
		fromField(), exceptField(),
	}
}

// Fields says what there is to know of the fields.
func (Text) Fields() []Field {
	return []Field{
		{Name: "source", Is: "the content is that of this file", More: "A path relative to the file that names it.", Example: "files/app.conf", Form: BesideForm()},
		{Name: "content", Is: "the content itself", Example: "|\n  workers = 4\n"},
		{Name: "template", Is: "a Go template that makes the content", More: "It is filled in on the host: {{ .Backend }}, {{ .Values.NAME }}, {{ .Host.Hostname }}.", Example: "files/app.conf.tmpl", Form: BesideForm()},
	}
}

// ExistsAs is what the condition exists asks.
func (File) ExistsAs() Fact { return FactPath }

// Fields says what there is to know of the fields.
func (File) Fields() []Field {
	return append(ownerFields("it"),
		Field{Name: "link", Is: "a symbolic link to this", Example: "/etc/app/main.conf", Form: Form{Says: "path", Pattern: `^[^` + controlLine + `]+$`}},
		Field{Name: "lines", Is: "each of these lines is in the file", More: "What is missing is appended; a line that is changed here takes the place of what it was. All else is the host's.", Example: "[umask 027]", Form: LineForm(), List: ListRules{Distinct: true, NonEmpty: true}},
		Field{Name: "block", Is: "a block between two marker lines", More: "All outside is the host's.", Example: "|\n  app 8443/tcp\n"},
		Field{Name: "comment", Is: "what begins the marker lines of a block", Default: `"#"`, Example: `";"`, Form: LineForm()},
		Field{Name: "settings", Is: "settings by name, each on its line", More: "Other lines, comments, order, spacing and line ends are the host's.", Example: `{form: words, set: {UMASK: "027"}}`},
		Field{Name: "mode", Is: "its mode, in quotes", Unset: "0644 when it is made, 0600 if it is secret, and not managed from then on", Example: `"0640"`, Form: ModeForm()},
		Field{Name: "once", Is: "write it when it is missing, then never again", More: "The content is the host's own from then on. Of an .env file, variables are named that the declared content has and the host's lacks.", Default: "false", Example: "true"},
		Field{Name: "secret", Is: "the content is never shown", More: "What not everybody may read, before or after, is secret unless this is false.", Unset: "false, where everybody may read it", Example: "true"},
		Field{Name: "check", Is: "a program that has to accept the staged file", More: "A program and its arguments, with % for the staged file. No shell.", Unset: "the content is not checked", Example: `[visudo, -cf, "%"]`, Form: Form{Says: "argument"}, List: ListRules{Contains: "%"}},
		Field{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: StateForm()},
		Field{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{reload: [app.service]}"},
	)
}

// Fields says what there is to know of the fields.
func (Notify) Fields() []Field {
	return []Field{
		{Name: "restart", Is: "units to restart", More: "Once, at the end of the stage; one that does not run is left alone. For a file, compose/NAME is a compose project, whose running services are made anew with another content.", Unset: "none", Example: "[app.service]", Form: UnitOrProjectForm(), List: ListRules{Distinct: true}},
		{Name: "reload", Is: "units to reload", More: "Once, at the end of the stage; one that does not run is left alone.", Unset: "none", Example: "[app.service]", Form: UnitForm(), List: ListRules{Distinct: true}},
	}
}

func fromField() Field {
	return Field{
		Name: "from", Is: "whose files below are taken over, beside the owner's", More: "A user, group:NAME for all who are in a group, or #N for a number without an account. What belongs to others is refused by name: it may have been moved there to be given away.",
		Unset: "nobody else's", Example: "[root, group:reviewers]", Form: Form{Says: "name", Pattern: `^(group:)?[A-Za-z_][A-Za-z0-9_.-]*$|^#[0-9]+$`},
	}
}

func exceptField() Field {
	return Field{
		Name: "except", Is: "what below is left alone, with all that is in it", More: "Paths relative to the directory.",
		Unset: "nothing", Example: "[cache, work/scratch]", Form: Form{Says: "path", Pattern: `^[^/` + controlLine + `][^` + controlLine + `]*$`},
	}
}

func ownerFields(of string) []Field {
	return []Field{
		{Name: "owner", Is: "the user that owns " + of, Example: "app", Form: Form{Says: "name"}},
		{Name: "group", Is: "the group that owns " + of, Example: "app", Form: Form{Says: "name"}},
	}
}
