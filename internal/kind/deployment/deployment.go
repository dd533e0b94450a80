// Package deployment is the kind of what is deployed out of git repositories, and of the receiver of webhooks that triggers it.
package deployment

import (
	"cmp"
	"path"
	"reflect"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// Kind is the kind deployment.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "deployment", Plural: "deployments", Is: "what is deployed when something is pushed", Sections: []string{"deployments"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Deployment](),
				Field: spec.Field{
					Name: "deployments", Item: "deployment NAME", Is: "what is deployed on this host, by name",
					More: "Manage gets the host ready for it, and deploys nothing: a push does, opsafe deploy, or a timer.", Unset: "none",
					Example: "{site: {git: \"https://git.example/team/site.git\", directory: /srv/site, user: www-data, ref: main}}",
					Names:   &spec.Form{Says: "name of small letters, digits, - and _", Pattern: deploymentName, Longest: 40},
				},
			}},
			Check: check, Owns: owns,
		},
		Stage: kind.StageUnits, Runs: true, Declare: declare, Adopt: adopt,
		Orphans: []kind.Orphans{{
			Find: kind.Strays{
				Dir: notes.Deployments, Suffix: ".json",
				Takes: func(name string) bool { return !strings.Contains(name, ".") }, // its state has one more suffix
				Units: unitNames,
			}.Find,
			Removes: func(resource, name string) bool { return resource == name || strings.HasPrefix(resource, name+".") },
			Absent: func(b spec.Backend, name string) spec.Backend {
				return spec.With(b, "deployments", kind.WithAbsent(of(&b), name, &Deployment{State: kind.Absent}))
			},
		}},
	}
}

// deploymentName is what a deployment can be called: its units and its notes bear the
// name, and it can be the command of somebody who comes by SSH.
const deploymentName = `^[a-z0-9][a-z0-9_-]*$`

// Deployment is something that is deployed: exactly one of Git, Compose, SSH and Spec.
type Deployment struct {
	spec.Item
	Git     string     `yaml:"git"`
	Compose []string   `yaml:"compose"`
	SSH     *SSHTarget `yaml:"ssh"`
	Spec    string     `yaml:"spec"`
	Ref     string     `yaml:"ref"`
	// Directory has the releases, what they share, and the link to the one that counts.
	Directory string `yaml:"directory"`
	User      string `yaml:"user"`
	// EnvFiles have the environment of the worker, of which git gets the proxies.
	EnvFiles []string      `yaml:"env_files"`
	Shared   []string      `yaml:"shared"`
	Steps    []Step        `yaml:"steps"`
	Check    []string      `yaml:"check"`
	CheckAs  string        `yaml:"check_as"`
	Restart  []string      `yaml:"restart"`
	Reload   []string      `yaml:"reload"`
	Health   *Health       `yaml:"health"`
	Within   string        `yaml:"within"`
	Keep     *int          `yaml:"keep"`
	Rewind   *bool         `yaml:"rewind"`
	Every    string        `yaml:"every"`
	Signers  string        `yaml:"signers"`
	Confirm  string        `yaml:"confirm"`
	Triggers *Triggers     `yaml:"triggers"`
	Status   *CommitStatus `yaml:"status"`
	State    string        `yaml:"state"`
}

// SSHTarget is the deployment of another host.
type SSHTarget struct {
	spec.Meta
	To         string `yaml:"to"` // USER@HOST
	Deployment string `yaml:"deployment"`
}

// Step is a program that makes a release ready.
type Step struct {
	spec.Meta
	Run      []string `yaml:"run"`
	EnvFiles []string `yaml:"env_files"`
	Within   string   `yaml:"within"`
}

// Health is what has to be so for a release to stay.
type Health struct {
	spec.Meta
	Unit   string   `yaml:"unit"`
	HTTP   string   `yaml:"http"`
	Status *int     `yaml:"status"`
	Run    []string `yaml:"run"`
	Holds  string   `yaml:"holds"`
	Within string   `yaml:"within"`
}

// Triggers say who may have it deployed.
type Triggers struct {
	spec.Meta
	GitHub *GitHubTrigger `yaml:"github"`
	// Key is the path of a file with the secret of the form POST /NAME.
	Key string `yaml:"key"`
}

// GitHubTrigger is a webhook of GitHub's.
type GitHubTrigger struct {
	spec.Meta
	Repository string `yaml:"repository"` // OWNER/NAME
	Secret     string `yaml:"secret"`     // path of the file with it
}

// CommitStatus is where GitHub is told what came of a commit.
type CommitStatus struct {
	spec.Meta
	Repository string `yaml:"repository"`
	Token      string `yaml:"token"` // path of the file with it
	API        string `yaml:"api"`
}

// What counts where a deployment leaves it open.
const (
	defaultRef          = "main"
	defaultWithin       = 15 * time.Minute
	defaultHealthWithin = 30 * time.Second
	defaultHealthHolds  = 2 * time.Second
	defaultKeep         = 5
	defaultStatusAPI    = "https://api.github.com"
)

// Fields says what there is to know of the fields.
func (Deployment) Fields() []spec.Field {
	program := func(example string) spec.Field {
		return spec.Field{Example: example, Form: spec.LineForm(), List: spec.ListRules{NonEmpty: true}}
	}
	named := func(f spec.Field, name, is, more, unset string) spec.Field {
		f.Name, f.Is, f.More, f.Unset = name, is, more, unset
		return f
	}
	units := func(name, is string) spec.Field {
		return spec.Field{Name: name, Is: is, More: "One that somebody has stopped is left so.", Unset: "none", Example: "[site.service]", Form: spec.UnitForm(), List: spec.ListRules{Distinct: true}}
	}
	within := func(name, is, more, def string) spec.Field {
		return spec.Field{Name: name, Is: is, More: more, Default: def, Example: `"10m"`, Form: spec.DurationForm()}
	}
	return []spec.Field{
		{Name: "git", Is: "the git repository that is deployed", More: "An address that begins with https:// or ssh://, USER@HOST:PATH, or a path on the host; http:// of this host, or with signers.", Unset: "one of git, compose, ssh and spec has to be said", Example: "https://git.example/team/site.git", Form: spec.WordForm("address of a git repository")},
		{Name: "compose", Is: "the declared compose projects that are deployed", More: "Their images are asked for anew.", Unset: "none", Example: "[app]", Form: spec.WordForm("name of a compose project"), List: spec.ListRules{Distinct: true, NonEmpty: true}},
		{Name: "ssh", Is: "the deployment of another host that is deployed", Unset: "none", Example: "{to: deploy@app1.example, deployment: app}"},
		{Name: "spec", Is: "opsafe's own repository of specs, which this host follows", More: "An address as of git. Manage is run for the backend of this host.", Unset: "none", Example: "https://git.example/ops/spec.git", Form: spec.WordForm("address of a git repository")},
		{Name: "ref", Is: "the branch that is followed", Default: defaultRef, Example: "production", Form: spec.Form{Says: "branch", Pattern: `^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$`, Longest: 200}},
		{Name: "directory", Is: "where releases are", More: "releases/COMMIT, shared, and current, a link to the release that counts. The directory itself is root's.", Unset: "an error of git and spec", Example: "/srv/site", Form: spec.PathForm()},
		{Name: "user", Is: "whose releases are, and who runs git, steps and checks", More: "For ssh, the account whose key and known_hosts are used.", Unset: "an error of git and ssh; root of others", Example: "site", Form: spec.AccountForm()},
		{Name: "env_files", Is: "files with the environment of what asks the remote", More: "It tells commits in it, too. Such as HTTPS_PROXY, in lines NAME=VALUE. Those that are missing are passed over. Steps do not get it.", Unset: "none", Example: "[/etc/opsafe/proxy.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "shared", Is: "paths in a release that all releases have in common", More: "A directory ends in a slash, and is made. A file has to be there.", Unset: "none", Example: "[uploads/, .env]", Form: sharedForm(), List: spec.ListRules{Distinct: true}},
		{Name: "steps", Is: "programs that make a release ready, in their order", Unset: "none", Example: "[{run: [/usr/bin/npm, ci]}]"},
		named(program("[/usr/sbin/nginx, -t]"), "check", "what has to succeed for the link to move", "It is run before and once more afterwards: a program and its arguments. No shell.", "nothing is tried"),
		{Name: "check_as", Is: "the account that runs check", Unset: "user", Example: "root", Form: spec.AccountForm()},
		units("restart", "units that are restarted once the link has moved"),
		units("reload", "units that are reloaded once the link has moved"),
		{Name: "health", Is: "what has to be so for the release to stay", Unset: "that restarted units stay up", Example: "{http: \"http://127.0.0.1:3000/health\"}"},
		within("within", "how long all of it may take", "", "15m"),
		{Name: "keep", Is: "how many releases are kept", More: "The one that counts and the one before it always are.", Default: "5", Example: "3", Form: spec.Form{Min: 2, Max: 1000}},
		{Name: "rewind", Is: "whether a branch is followed that was pushed by force", Default: "false", Example: "true"},
		{Name: "every", Is: "how often the repository is asked, even if nobody pushes", More: "Counted from the end of the time before; for the first time a minute after the timer began, or after it is due, if that is sooner.", Unset: "never", Example: `"5m"`, Form: spec.DurationForm()},
		{Name: "signers", Is: "a file on the host with keys whose signatures count", More: "As in ssh-keygen(1), ALLOWED SIGNERS: a commit without a signature of theirs is not deployed.", Unset: "signatures are not asked for", Example: "/etc/opsafe/allowed_signers", Form: spec.PathForm()},
		within("confirm", "how long the old state can come back by itself", "Of spec alone: manage --confirm, confirmed by health.", ""),
		{Name: "triggers", Is: "who may have it deployed", Unset: "root alone, by opsafe deploy", Example: "{key: /etc/opsafe/hooks/site.key}"},
		{Name: "status", Is: "where commits are told what came of them", Unset: "nowhere", Example: "{token: /etc/opsafe/hooks/github.token}"},
		{Name: "state", Is: "whether there is one", More: "absent: its units and its queue go, releases stay.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (SSHTarget) Fields() []spec.Field {
	return []spec.Field{
		{Name: "to", Is: "the account and the host", Unset: "an error", Example: "deploy@app1.example", Form: spec.Form{Says: "USER@HOST", Pattern: `^[A-Za-z0-9_][A-Za-z0-9_-]*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`, Longest: 255}},
		{Name: "deployment", Is: "what the deployment is called there", Unset: "the same as here", Example: "app", Form: spec.Form{Says: "name of a deployment", Pattern: deploymentName, Longest: 40}},
	}
}

// Fields says what there is to know of the fields.
func (Step) Fields() []spec.Field {
	return []spec.Field{
		{Name: "run", Is: "a program and its arguments", More: "It is run in the release, with RELEASE and REVISION in its environment. No shell.", Unset: "an error", Example: "[/usr/bin/npm, ci]", Form: spec.LineForm(), List: spec.ListRules{NonEmpty: true}},
		{Name: "env_files", Is: "files on the host with its environment", More: "Lines NAME=VALUE, as systemd reads them. A later file wins.", Unset: "none", Example: "[/etc/site/build.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "within", Is: "how long it may take", Unset: "as long as all may take", Example: `"5m"`, Form: spec.DurationForm()},
	}
}

// Fields says what there is to know of the fields.
func (Health) Fields() []spec.Field {
	return []spec.Field{
		{Name: "unit", Is: "a unit that has to run", Unset: "none", Example: "site.service", Form: spec.UnitForm()},
		{Name: "http", Is: "an address that has to answer", More: "By itself: a redirect is not followed.", Unset: "none", Example: "http://127.0.0.1:3000/health", Form: spec.Form{Says: "address with http:// or https://", Pattern: `^https?://[^\s@/]+(/[^\s]*)?$`}},
		{Name: "status", Is: "the status with which http has to answer", Unset: "any of 200 to 299", Example: "302", Form: spec.Form{Min: 200, Max: 599}},
		{Name: "run", Is: "a program that has to succeed, and its arguments", More: "It is run as user. No shell.", Unset: "none", Example: "[/usr/local/bin/answers]", Form: spec.LineForm(), List: spec.ListRules{NonEmpty: true}},
		{Name: "holds", Is: "how long all of that has to be so without a break", More: "It is asked again and again.", Unset: "2s, or half of within where that is less", Example: `"10s"`, Form: spec.DurationForm()},
		{Name: "within", Is: "how long all of that may take to become so and to hold", Default: "30s", Example: `"2m"`, Form: spec.DurationForm()},
	}
}

// Fields says what there is to know of the fields.
func (Triggers) Fields() []spec.Field {
	return []spec.Field{
		{Name: "github", Is: "a webhook of GitHub's, for pushes", Unset: "none", Example: "{repository: team/site, secret: /etc/opsafe/hooks/site.secret}"},
		{Name: "key", Is: "a file on the host with the secret for POST /NAME", Unset: "nobody can", Example: "/etc/opsafe/hooks/site.key", Form: spec.PathForm()},
	}
}

// Fields says what there is to know of the fields.
func (GitHubTrigger) Fields() []spec.Field {
	return []spec.Field{
		{Name: "repository", Is: "the repository, as OWNER/NAME", Unset: "an error", Example: "team/site", Form: repositoryForm()},
		{Name: "secret", Is: "a file on the host with the webhook's secret", Unset: "an error", Example: "/etc/opsafe/hooks/site.secret", Form: spec.PathForm()},
	}
}

// Fields says what there is to know of the fields.
func (CommitStatus) Fields() []spec.Field {
	return []spec.Field{
		{Name: "repository", Is: "the repository, as OWNER/NAME", Unset: "that of triggers.github", Example: "team/site", Form: repositoryForm()},
		{Name: "token", Is: "a file on the host with a token that may write statuses", Unset: "an error", Example: "/etc/opsafe/hooks/github.token", Form: spec.PathForm()},
		{Name: "api", Is: "the address of the REST API", Default: defaultStatusAPI, Example: defaultStatusAPI, Form: spec.Form{Says: "address with http:// or https://", Pattern: `^https?://[^\s@/]+(/[^\s]*)?$`}},
	}
}

func repositoryForm() spec.Form {
	return spec.Form{Says: "OWNER/NAME", Pattern: `^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`, Longest: 140}
}

// sharedForm is a path below a release, with a slash behind it for a directory.
func sharedForm() spec.Form {
	return spec.Form{Says: "path in a release", Pattern: `^[^/\x00-\x1f\x7f-\x9f]+(/[^/\x00-\x1f\x7f-\x9f]+)*/?$`, Not: map[string]any{"pattern": `(^|/)(\.\.?|\.git)(/|$)`}}
}

func of(b *spec.Backend) map[string]*Deployment {
	return spec.Of[map[string]*Deployment](b, "deployments")
}

// source is the address of the repository, of git or of specs; empty for none.
func (d *Deployment) source() string { return cmp.Or(d.Git, d.Spec) }

// The files of a deployment that are opsafe's own.

// File is where it is written down what a deployment is.
func File(name string) string    { return path.Join(notes.Deployments, name+".json") }
func queueOf(name string) string { return path.Join(notes.Queue, name) }

// Unit is the unit of a deployment with a suffix such as .service.
func Unit(name, suffix string) string { return "opsafe-deploy-" + name + suffix }

// unitNames are the units of a deployment.
func unitNames(name string) []string {
	return []string{Unit(name, ".service"), Unit(name, ".path"), Unit(name, ".timer")}
}

// owns are the directories, unless they are declared by themselves, and what
// is in them that nobody else may put there; and the units.
func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, d := range of(b) {
		own := func(at string, dir bool) {
			out = append(out, spec.Owned{Path: at, Label: "deployment " + name, Pos: d.Pos, Absent: d.State == kind.Absent && !dir, Dir: dir, When: d.When})
		}
		for _, unit := range unitNames(name) {
			own(path.Join(debian.UnitDir, unit), false)
		}
		own(File(name), false)
		if d.Directory == "" || d.State == kind.Absent {
			continue
		}
		for _, at := range []string{d.Directory, path.Join(d.Directory, "shared")} {
			if b.Directories[at] == nil {
				own(at, true)
			}
		}
		for _, at := range []string{"releases", "repository", "current"} {
			own(path.Join(d.Directory, at), false)
		}
	}
	return out
}
