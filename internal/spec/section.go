package spec

// Provides is what a package brings.
type Provides struct {
	Meta
	Units  []string `yaml:"units"`
	Users  []string `yaml:"users"`
	Groups []string `yaml:"groups"`
	Files  []string `yaml:"files"`
	// Directories are told apart from files: default entries of an ACL need one.
	Directories []string `yaml:"directories"`
	// Replaces lists packages that apt removes in its favour; only what opsafe
	// knows of a package says so.
	Replaces []string `yaml:"-"`
}

// AuthorizedKeys are a service account's keys: the whole file.
type AuthorizedKeys struct {
	Item
	// Keys are key lines, without options.
	Keys []string `yaml:"keys"`
	// People lets the keys of these people of developers.yaml in.
	People []string `yaml:"people"`
	// From lists key pairs' public halves, as files beside the spec.
	From []string `yaml:"from"`
	// FromData is what the files of From hold, in their order, read when the
	// spec is loaded; nil for keys/NAME, which KeyFiles holds.
	FromData [][]byte `yaml:"-"`
	Options  string   `yaml:"options"` // restrict,command="…",from="…"
	Mode     string   `yaml:"mode"`    // default 0600
}

// Directory is a directory, and on request everything below it.
type Directory struct {
	Item
	Owner string `yaml:"owner"`
	Group string `yaml:"group"`
	Mode  string `yaml:"mode"`
	// State is present (the default) or absent (if it is empty).
	State   string   `yaml:"state"`
	Recurse *Recurse `yaml:"recurse"`
	// ACL is all that the directory's ACL says: see expandACLs.
	ACL    []string `yaml:"acl"`
	Notify Notify   `yaml:"notify"`
}

// Defaults are what the items of a file leave out.
type Defaults struct {
	Meta
	Directories Owners `yaml:"directories"`
	Files       Owners `yaml:"files"`
}

// Owners say whose the items of a section are.
type Owners struct {
	Meta
	Owner string `yaml:"owner"`
	Group string `yaml:"group"`
}

// Recurse is how everything below a directory is to be.
type Recurse struct {
	Meta
	Owner       string `yaml:"owner"`
	Group       string `yaml:"group"`
	Files       string `yaml:"files"`       // mode of regular files
	Directories string `yaml:"directories"` // mode of directories
	// From lists whose files may be taken over, as NAME or group:NAME, besides
	// those of the rule's owner and of the directory's.
	From []string `yaml:"from"`
	// Except lists subtrees that are left alone, relative to the directory.
	Except []string `yaml:"except"`
}

// ACL holds POSIX ACL entries of a path, as in setfacl: user:NAME:rwx or
// group:NAME:rX.
type ACL struct {
	Item
	Access  []string `yaml:"access"`
	Default []string `yaml:"default"`
	// Exact removes named entries that are not listed.
	Exact *bool `yaml:"exact"`
	// Recursive covers everything below the path too.
	Recursive *bool `yaml:"recursive"`
	// From and Except are as in Recurse.
	From   []string `yaml:"from"`
	Except []string `yaml:"except"`

	field bool // it is a directory's field acl
}

// Text is content that is written in or beside a spec: exactly one of the
// three.
type Text struct {
	Source   string  `yaml:"source"` // a file beside the spec
	Content  *string `yaml:"content"`
	Template string  `yaml:"template"` // a Go template beside the spec
	// Data is the content, or what Source or Template name, read when the spec
	// is loaded.
	Data []byte `yaml:"-"`
}

// File is a file, a link, or a part of a file.
type File struct {
	Item
	Text  `yaml:",inline"`
	Link  string   `yaml:"link"`  // target of a symbolic link
	Lines []string `yaml:"lines"` // each is in the file, once
	Block *string  `yaml:"block"` // between two marker lines
	// Comment begins the marker lines of a block: # unless said otherwise.
	Comment  string    `yaml:"comment"`
	Settings *Settings `yaml:"settings"`
	Owner    string    `yaml:"owner"`
	Group    string    `yaml:"group"`
	Mode     string    `yaml:"mode"`
	// Once writes the content when the file is missing and then leaves it to
	// the host.
	Once *bool `yaml:"once"`
	// Secret content is never shown.
	Secret *bool `yaml:"secret"`
	// Check is an argument vector in which % is the staged file.
	Check []string `yaml:"check"`
	// State is present (the default) or absent.
	State  string `yaml:"state"`
	Notify Notify `yaml:"notify"`
}

// Notify lists units to act on when an item changes.
type Notify struct {
	Meta
	Restart []string `yaml:"restart"`
	Reload  []string `yaml:"reload"`
}
