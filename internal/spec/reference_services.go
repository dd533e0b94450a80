package spec

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
