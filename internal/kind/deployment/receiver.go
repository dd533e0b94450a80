package deployment

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/spec"
)

// ReceiverAccount is the account that takes webhooks. It can do nothing but add to the
// queue.
const ReceiverAccount = "opsafe-receive"

// The units of the receiver.
const (
	receiverSocket  = "opsafe-receive.socket"
	receiverService = "opsafe-receive.service"
	queuePath       = "opsafe-queue.path"
	queueService    = "opsafe-queue.service"
	rangesTimer     = "opsafe-github-ranges.timer"
	rangesService   = "opsafe-github-ranges.service"
)

// What counts where a receiver leaves it open.
const defaultListen = "127.0.0.1:3400"

func defaultProxies() []string { return []string{"127.0.0.1", "::1"} }

// Receivers is the kind receiver.
func Receivers() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "receiver", Plural: "receiver", Is: "where webhooks come in", Sections: []string{"receiver"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[*Receiver](),
				Field: spec.Field{
					Name: "receiver", Item: "receiver", Is: "where webhooks come in that have deployments deployed",
					More:  "A web server is in front of it, with TLS. Which deployments there are, and with which secrets, their triggers say.",
					Unset: "none", Example: `{listen: "127.0.0.1:3400"}`,
				},
			}},
			Check: checkReceiver, Owns: ownReceiver,
		},
		Stage: kind.StageUnits, Runs: true, Declare: declareReceiver, Adopt: adoptReceiver, Withholds: withholdHooks,
		Orphans: []kind.Orphans{{
			Find: kind.Strays{
				Dir: path.Dir(notes.Receiver), Suffix: ".json",
				Takes: func(name string) bool { return name+".json" == path.Base(notes.Receiver) },
				Units: func(string) []string { return receiverUnits() },
			}.Find,
			Removes: func(string, string) bool { return true }, // there is one at most
			Absent: func(b spec.Backend, _ string) spec.Backend {
				return spec.With(b, "receiver", &Receiver{State: kind.Absent})
			},
		}},
	}
}

// Receiver takes GitHub's webhooks, and requests with a deployment's own key.
type Receiver struct {
	spec.Item
	Listen string `yaml:"listen"`
	// Proxies are the addresses whose X-Forwarded-For counts.
	Proxies []string `yaml:"proxies"`
	// GitHubAddresses are ranges, or published, or any.
	GitHubAddresses []string `yaml:"github_addresses"`
	// EnvFiles have the environment of what asks GitHub for its ranges.
	EnvFiles []string `yaml:"env_files"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (Receiver) Fields() []spec.Field {
	address := spec.Form{Says: "address", Pattern: `^[0-9A-Fa-f:.]+$`}
	return []spec.Field{
		{Name: "listen", Is: "where it listens", More: "ADDRESS:PORT, or the path of a Unix socket below /run. What is not for this host alone has to come through a web server with TLS.", Default: defaultListen, Example: "/run/opsafe-receive.sock", Form: spec.Form{Says: "ADDRESS:PORT or path below /run", Pattern: `^([0-9.]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}|/run(/[A-Za-z0-9_.-]+)+)$`, Longest: 107}},
		{Name: "proxies", Is: "addresses of web servers in front of it", More: "Of what they send on, the last address in X-Forwarded-For that is none of theirs counts.", Unset: "127.0.0.1 and ::1", Example: `[127.0.0.1, "::1"]`, Form: address, List: spec.ListRules{Distinct: true}},
		{Name: "github_addresses", Is: "from where GitHub's webhooks are taken", More: "Ranges (CIDR); published: those that GitHub tells, which are asked for once a day; or any alone.", Unset: "published", Example: "[published, 10.1.0.0/16]", Form: spec.Form{Says: "range, published or any", Pattern: `^(published|any|[0-9A-Fa-f:.]+/[0-9]{1,3})$`}, List: spec.ListRules{Distinct: true}},
		{Name: "env_files", Is: "files with the environment for asking GitHub", More: "Such as HTTPS_PROXY, in lines NAME=VALUE. Those that are missing are passed over.", Unset: "none", Example: "[/etc/opsafe/proxy.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "state", Is: "whether there is one", More: "absent: its units, its account and what waits in it go.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

func receiverOf(b *spec.Backend) *Receiver { return spec.Of[*Receiver](b, "receiver") }

func (d *Receiver) there() bool { return d != nil && d.State != kind.Absent }

func (d *Receiver) listen() string {
	if d.Listen == "" {
		return defaultListen
	}
	return d.Listen
}

func (d *Receiver) proxies() []string {
	if d.Proxies == nil {
		return defaultProxies()
	}
	return d.Proxies
}

func (d *Receiver) addresses() []string {
	if len(d.GitHubAddresses) == 0 {
		return []string{FromPublished}
	}
	return d.GitHubAddresses
}

// published reports whether GitHub is asked for its ranges.
func (d *Receiver) published() bool {
	return d.State != kind.Absent && slices.Contains(d.addresses(), FromPublished)
}

// triggered are the deployments that something that comes in can have deployed.
func triggered(b *spec.Backend) []string {
	var out []string
	all := of(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		if d.State != kind.Absent && d.Triggers != nil && (d.Triggers.GitHub != nil || d.Triggers.Key != "") {
			out = append(out, name)
		}
	}
	return out
}

func receiverUnits() []string {
	return []string{receiverService, receiverSocket, queueService, queuePath, rangesService, rangesTimer}
}

func ownReceiver(b *spec.Backend) []spec.Owned {
	d := receiverOf(b)
	if d == nil {
		return nil
	}
	var out []spec.Owned
	for _, unit := range receiverUnits() {
		gone := d.State == kind.Absent || strings.HasPrefix(unit, "opsafe-github-ranges") && !d.published()
		out = append(out, spec.Owned{Path: path.Join(debian.UnitDir, unit), Label: "receiver", Pos: d.Pos, Absent: gone, When: d.When})
	}
	return append(out, spec.Owned{Path: notes.Receiver, Label: "receiver", Pos: d.Pos, Absent: d.State == kind.Absent, When: d.When})
}

// declareReceiver lists what the receiver is made of: who it is, what it may write, what
// it goes by, and its units, each service before what starts it.
func declareReceiver(in *kind.Input) []kind.Resource {
	d := receiverOf(in.Backend)
	if d == nil {
		return nil
	}
	gone := d.State == kind.Absent
	id := func(name string) change.ID { return change.ID{Kind: "receiver", Name: name} }
	account := kind.Resource{ID: id("account"), Pos: d.Pos, When: d.When, Looker: in.ServiceAccount(ReceiverAccount, gone)}
	queues := kind.Resource{ID: id("queue"), Pos: d.Pos, When: d.When, Needs: []change.ID{account.ID}, Looker: receiverQueueLook{gone: gone}}
	config := kind.Resource{ID: id("config"), Pos: d.Pos, When: d.When, Looker: receiverLook{in: in, decl: d}}
	units := declareReceiverUnits(in, d)
	if gone {
		slices.Reverse(units)
		queues.Needs = nil
		return append(units, config, queues, account)
	}
	for i := range units {
		units[i].Needs = append(units[i].Needs, account.ID, queues.ID)
	}
	if len(d.EnvFiles) > 0 && d.published() {
		env := kind.Resource{ID: id("environment"), Pos: d.Pos, When: d.When, Looker: receiverEnvironment{d.EnvFiles}}
		for i := range units {
			if n := units[i].ID.Name; n == rangesService || n == rangesTimer {
				units[i].Needs = append(units[i].Needs, env.ID)
			}
		}
		units = append([]kind.Resource{env}, units...)
	}
	return append([]kind.Resource{account, queues, config}, units...)
}

// receiverEnvironment are the files of the environment in which GitHub is asked, as root.
type receiverEnvironment struct{ files []string }

// Look refuses what others could write; the files are others' to make.
func (l receiverEnvironment) Look(_ context.Context, r host.Reader) (change.Change, error) {
	return change.Change{}, safeEnvironment(r, l.files)
}

// receiverQueueLook are the directories of the queue. The receiver adds to main: it may
// bring what it adds to the disk, for which it has to be able to open the directory, and
// it cannot remove or change what others have put there.
type receiverQueueLook struct{ gone bool }

// queueDir is a directory of the queue.
type queueDir struct {
	path, group string
	access      host.Access
}

func queueDirs() []queueDir {
	main := host.AccessOf(0o1770)
	own := host.AccessOf(0o700)
	return []queueDir{
		{notes.Queue, kind.Root, host.AccessOf(0o755)},
		{path.Join(notes.Queue, queue.MainName), ReceiverAccount, main},
		{path.Join(notes.Queue, queue.AsideName), kind.Root, own},
		{path.Join(notes.Queue, queue.VoidName), kind.Root, own},
	}
}

// note is what the receiver goes by.
func (d *Receiver) note() Note {
	n := Note{FormatVersion: noteFormat, Proxies: d.proxies(), Hooks: []Hook{}}
	for _, text := range d.addresses() {
		switch text {
		case FromAny:
			n.Any = true
		case FromPublished:
			n.Published = true
		default:
			n.Ranges = append(n.Ranges, text)
		}
	}
	return n
}

// hookFile is a file with a secret of a hook, and what it is called as a credential.
type hookFile struct{ deployment, path, credential string }

// hook is that of a deployment, with the files of its secrets.
func (d *Deployment) hook(name string) (Hook, []hookFile) {
	h := Hook{Deployment: name, Ref: cmp.Or(d.Ref, defaultRef)}
	var files []hookFile
	if g := d.Triggers.GitHub; g != nil {
		h.Repository, h.Secret = g.Repository, "github."+name
		files = append(files, hookFile{name, g.Secret, h.Secret})
	}
	if d.Triggers.Key != "" {
		h.Key = "key." + name
		files = append(files, hookFile{name, d.Triggers.Key, h.Key})
	}
	return h, files
}

// withholdHooks keeps the secrets of hooks out of facts.
func withholdHooks(b *spec.Backend, w *kind.Withheld) {
	for _, f := range hookFiles(b) {
		w.Paths[f.path] = true
	}
}

// hookFiles are the secrets of all deployments.
func hookFiles(b *spec.Backend) []hookFile {
	var out []hookFile
	for _, name := range triggered(b) {
		_, files := of(b)[name].hook(name)
		out = append(out, files...)
	}
	return out
}

func (f hookFile) String() string { return fmt.Sprintf("deployment %s: %s", f.deployment, f.path) }
