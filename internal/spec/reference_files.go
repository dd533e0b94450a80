package spec

// fileReference is what is known of directories, ACLs and files.
func fileReference(name string) []Field {
	owner := func(of string) []Field {
		return []Field{
			{Name: "owner", Is: "the user that owns " + of, Example: "app", form: form{says: "name"}},
			{Name: "group", Is: "the group that owns " + of, Example: "app", form: form{says: "name"}},
		}
	}
	switch name {
	case "Directory":
		return append(owner("it"),
			Field{Name: "mode", Is: "its mode, in quotes", More: "Also where there is an ACL: the digit in the middle is the owning group's.", Unset: "0755 when it is made, and not managed from then on", Example: `"0750"`, form: modeForm()},
			Field{Name: "state", Is: "whether there is one", More: "It is removed only when it is empty.", Default: "present", Example: "absent", form: stateForm()},
			Field{Name: "recurse", Is: "how everything below it is to be", More: "What is declared on its own below is left to that; links are not followed.", Example: `{owner: app, group: app, files: "0640", directories: "0750"}`},
			Field{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{restart: [app.service]}"},
		)
	case "Recurse":
		return append(owner("what is below"),
			Field{Name: "files", Is: "the mode of regular files", Example: `"0640"`, form: modeForm()},
			Field{Name: "directories", Is: "the mode of directories", Example: `"0750"`, form: modeForm()},
		)
	case "ACL":
		return []Field{
			{Name: "access", Is: "entries user:NAME:rwx or group:NAME:rX", More: "Capital X is execute for directories, and for files that somebody may already execute. The mask is computed as setfacl does.", Unset: "none", Example: "[group:reviewers:rX]", form: entryForm(), list: listRules{distinct: true}},
			{Name: "default", Is: "entries for what is made in it from now on", Unset: "none", Example: "[group:reviewers:rX]", form: entryForm(), list: listRules{distinct: true}},
			{Name: "exact", Is: "named entries that are not listed go", Default: "false", Example: "true"},
			{Name: "recursive", Is: "everything below the path, too", More: "But for paths with an item of their own.", Default: "false", Example: "true"},
		}
	case "Text":
		return []Field{
			{Name: "source", Is: "the content is that of this file", More: "A path relative to the file that names it.", Example: "files/app.conf", form: besideForm()},
			{Name: "content", Is: "the content itself", Example: "|\n  workers = 4\n"},
			{Name: "template", Is: "a Go template that makes the content", More: "It is filled in on the host: {{ .Backend }}, {{ .Values.NAME }}, {{ .Host.Hostname }}.", Example: "files/app.conf.tmpl", form: besideForm()},
		}
	case "File":
		return append(owner("it"),
			Field{Name: "link", Is: "a symbolic link to this", Example: "/etc/app/main.conf", form: form{says: "path", pattern: `^[^` + controlLine + `]+$`}},
			Field{Name: "lines", Is: "each of these lines is in the file", More: "What is missing is appended; all else is the host's.", Example: "[umask 027]", form: lineForm(), list: listRules{distinct: true, nonEmpty: true}},
			Field{Name: "block", Is: "a block between two marker lines", More: "All outside is the host's.", Example: "|\n  192.0.2.10 proxy.north.example\n"},
			Field{Name: "comment", Is: "what begins the marker lines of a block", Default: `"#"`, Example: `";"`, form: lineForm()},
			Field{Name: "mode", Is: "its mode, in quotes", Unset: "0644 when it is made, 0600 if it is secret, and not managed from then on", Example: `"0640"`, form: modeForm()},
			Field{Name: "once", Is: "write it when it is missing, then never again", More: "The content is the host's own from then on. Of an .env file, variables are named that the declared content has and the host's lacks.", Default: "false", Example: "true"},
			Field{Name: "secret", Is: "the content is never shown", Default: "false", Example: "true"},
			Field{Name: "check", Is: "a program that has to accept the staged file", More: "A program and its arguments, with % for the staged file. No shell.", Unset: "the content is not checked", Example: `[visudo, -cf, "%"]`, form: form{says: "argument"}, list: listRules{contains: "%"}},
			Field{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", form: stateForm()},
			Field{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{reload: [app.service]}"},
		)
	case "Notify":
		return []Field{
			{Name: "restart", Is: "units to restart", More: "Once, at the end of the stage; one that does not run is left alone.", Unset: "none", Example: "[app.service]", form: unitForm(), list: listRules{distinct: true}},
			{Name: "reload", Is: "units to reload", More: "Once, at the end of the stage; one that does not run is left alone.", Unset: "none", Example: "[app.service]", form: unitForm(), list: listRules{distinct: true}},
		}
	case "DropIn":
		return []Field{
			{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", form: stateForm()},
		}
	}
	return nil
}
