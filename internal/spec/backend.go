package spec

import (
	"slices"

	"opsafe/internal/host"
)

// Backend is everything that backends/NAME/backend.yaml declares, with what it
// includes merged in. Every section but the single ones is a map from an item's
// name to the item, so that a backend overrides what it includes item by item
// and field by field.
type Backend struct {
	Meta
	// Name is the name of the backend's directory.
	Name string `yaml:"-"`
	// Dir is the backend's directory, relative to the repository.
	Dir string `yaml:"-"`
	// LeftAlone are the items that managed: false takes out, as SECTION/NAME: they
	// are the host's own.
	LeftAlone []string `yaml:"-"`

	own      map[string]any // sections that kinds have brought along, by name
	owned    []string       // see Owned
	private  []string       // of those and of the others, what no rule for a tree may open
	installs []Installed    // see Installs
	unread   bool           // a file of it could not be read: what it refers to may be there
	projects set            // see Project

	// Opsafe is the oldest version of opsafe that will do, as in ">= 1.2".
	Opsafe      string   `yaml:"opsafe"`
	Description string   `yaml:"description"`
	Include     []string `yaml:"include"`
	// Defaults are for the items that the same file begins: see withDefaults.
	Defaults Defaults `yaml:"defaults"`
	// Values are for templates: {{ .Values.NAME }}.
	Values map[string]string `yaml:"values"`

	// People lists the roles whose people have accounts on this backend.
	People []string         `yaml:"people"`
	Roles  map[string]*Role `yaml:"roles"`
	Keys   Keys             `yaml:"keys"`

	// Applications are those of all hosts of the repository, whether they are on this
	// one or not: see fillApplications.
	Applications map[string]*Application `yaml:"applications"`

	Groups         map[string]*Group          `yaml:"groups"`
	Users          map[string]*User           `yaml:"users"`
	AuthorizedKeys map[string]*AuthorizedKeys `yaml:"authorized_keys"`
	Directories    map[string]*Directory      `yaml:"directories"`
	ACLs           map[string]*ACL            `yaml:"acls"`
	Files          map[string]*File           `yaml:"files"`
}

// Item is embedded in every item of a section.
type Item struct {
	Meta
	// Managed false takes an item that was included out of this backend: the
	// host's own is left as it is.
	Managed *bool `yaml:"managed"`
	// When holds conditions on the host; all have to hold, else the item does
	// not apply there.
	When Conditions `yaml:"when"`
}

// Role says what the people of a role of developers.yaml get on a backend.
type Role struct {
	Item
	Groups   []string `yaml:"groups"`
	Shell    string   `yaml:"shell"`
	HomeMode string   `yaml:"home_mode"`
	// Password is what a new account starts with.
	Password PasswordRule `yaml:"password"`
	// Keys lists where keys may come from: repository, github.
	Keys []KeySource `yaml:"keys"`
	// KeyOptions are put in front of each key, as in authorized_keys(5).
	KeyOptions string `yaml:"key_options"`
}

// PasswordRule is how an account's password is to be.
type PasswordRule string

// The password rules. Left out: not managed.
const (
	PasswordLocked          PasswordRule = "locked"
	PasswordSetAtFirstLogin PasswordRule = "set-at-first-login"
	PasswordSetByAdmin      PasswordRule = "set-by-admin"
)

// KeySource is where public keys come from.
type KeySource string

// The key sources.
const (
	FromRepository KeySource = "repository" // keys/NAME
	FromGitHub     KeySource = "github"     // registered with GitHub
)

// Keys says how keys are fetched.
type Keys struct {
	Meta
	GitHub GitHub `yaml:"github"`
	// MinRSABits is the smallest RSA key that is accepted: 3072 unless said
	// otherwise, at least 2048.
	MinRSABits int `yaml:"min_rsa_bits"`
}

// GitHub is the server that knows people's registered keys.
type GitHub struct {
	Meta
	// Form plain asks URL/NAME.keys; api asks the REST API below URL.
	Form string `yaml:"form"`
	URL  string `yaml:"url"`
	// TokenFile is a file on the host that holds a token for the API.
	TokenFile string `yaml:"token_file"`
	// Mode is live (the default): the server is asked in every run; or locked: it
	// never is, and the keys that are pinned in LockFile are all there are; or off:
	// no registered key counts on this backend. A bare word in place of the fields is
	// the mode.
	Mode string `yaml:"mode"`
	// Trust is pinned (the default): of what the server answers only pinned keys
	// count; or live: all of it does.
	Trust string `yaml:"trust"`
}

// ShortField names the field that a bare word is the value of.
func (GitHub) ShortField() string { return "mode" }

// Locked reports whether the server is never asked.
func (g GitHub) Locked() bool { return g.Mode == "locked" || g.Off() }

// Off reports whether nobody's registered keys count, whatever their roles allow.
func (g GitHub) Off() bool { return g.Mode == "off" }

// Sources are those of a role's sources of keys that the backend has; nil: no source
// of this role's is managed.
func (b *Backend) Sources(r *Role) []KeySource {
	if !b.Keys.GitHub.Off() {
		return r.Keys
	}
	return slices.DeleteFunc(slices.Clone(r.Keys), func(s KeySource) bool { return s == FromGitHub })
}

// TrustsServer reports whether keys count that nobody has pinned.
func (g GitHub) TrustsServer() bool { return g.Trust == "live" }

// Application is an entry of the registry of applications. It is the same on every
// backend, so that it has no conditions.
type Application struct {
	Meta
	// Managed is that of an Item.
	Managed *bool `yaml:"managed"`
	// ID is both uid and gid, above LastOrdinaryID.
	ID int `yaml:"id"`
	// Port is what it listens on: it ends in the last three digits of ID.
	Port int `yaml:"port"`
}

// Group is a group.
type Group struct {
	Item
	GID    *int  `yaml:"gid"`
	System *bool `yaml:"system"`
	// Members exact: who is in it without being declared so goes. additive (the
	// default): only people of the roster are taken out.
	Members string `yaml:"members"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// User is a service account; people come from developers.yaml.
type User struct {
	Item
	UID      *int         `yaml:"uid"`
	Group    string       `yaml:"group"` // primary; default: one of the same name
	Groups   []string     `yaml:"groups"`
	System   *bool        `yaml:"system"`
	Home     string       `yaml:"home"`
	HomeMode string       `yaml:"home_mode"`
	Shell    string       `yaml:"shell"`
	Comment  *string      `yaml:"comment"`
	Password PasswordRule `yaml:"password"`
	// Reown lists directories in which files are given to the user's new id
	// when the id is corrected.
	Reown []string `yaml:"reown"`
	// State is present (the default) or absent; the home stays.
	State string `yaml:"state"`
}

// Person is one entry of developers.yaml.
type Person struct {
	Meta
	Name     string   `yaml:"-"`
	Roles    []string `yaml:"roles"`
	GitHubID int64    `yaml:"github_id"` // numeric account id; 0: not said
	Comment  string   `yaml:"comment"`
}

// Condition is one condition of when.
type Condition struct {
	Pos  Pos
	Text string // as written
	Not  bool
	Fact Fact
	Args []string
}

// Conditions all have to hold. In YAML: one string or a list of them.
type Conditions []Condition

// Fact is what a condition asks about.
type Fact string

// The facts that conditions know:
//
//	device PATH exists
//	path PATH exists
//	mounted PATH                 a file system is mounted there
//	release NAME[, NAME…]        VERSION_CODENAME of os-release(5)
//	package NAME available       apt could install it, or it is installed
//	package NAME installed
//	unit NAME exists
//	exists                       of the directory, ACL, file or unit it stands in: its path or unit
//
// Each can have "not" in front.
const (
	FactDevice    Fact = "device"
	FactPath      Fact = "path"
	FactMounted   Fact = "mounted"
	FactRelease   Fact = "release"
	FactAvailable Fact = "package available"
	FactInstalled Fact = "package installed"
	FactUnit      Fact = "unit"
)

// Mode parses a mode that validation has accepted; "" is nil.
func Mode(s string) *host.Mode {
	if s == "" {
		return nil
	}
	m, err := host.ParseMode(s)
	if err != nil {
		return nil
	}
	return &m
}

// Is reports whether an optional switch is on.
func Is(b *bool) bool { return b != nil && *b }
