package kind

import (
	"encoding/json"
	"reflect"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// daemonOptions are the options that a daemon.json sets. Of one that not everybody
// may read, facts have but digests, so that it can be told of each option whether it
// is set, and to a given value.
type daemonOptions struct {
	known map[string]any
	lines []string // digests: see daemonPart
	count int
	bad   bool // it is no JSON object
}

// noDaemonJSON stands in a part for a file that dockerd cannot read.
const noDaemonJSON = "no daemon.json"

// dockerParts is what facts hold of daemon.json.
func dockerParts(_ []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	if at == dockerConfig {
		return daemonPart(data)
	}
	return part
}

// daemonPart is what is recorded of a daemon.json that not everybody may read: of
// each option the digests of its name, and of its name and value.
func daemonPart(data []byte) *host.Part {
	o := readOptions(data)
	if o.bad {
		return &host.Part{Lacks: []string{LineDigest(dockerConfig, noDaemonJSON)}}
	}
	part := &host.Part{}
	for name, value := range o.known {
		part.Lines = append(part.Lines, optionDigest(name), valueDigest(name, value))
	}
	slices.Sort(part.Lines)
	return part
}

func readOptions(data []byte) daemonOptions {
	var o daemonOptions
	o.bad = json.Unmarshal(data, &o.known) != nil
	o.count = len(o.known)
	return o
}

// optionsOf are the options of the file that is there; nil: none is. The error is why
// they are not known.
func optionsOf(was *FileImage) (daemonOptions, error) {
	if was == nil {
		return daemonOptions{}, nil
	}
	err := was.Content.Kept()
	if err == nil {
		return readOptions(was.Content.Bytes()), nil
	}
	red := host.Redacted(err)
	if red == nil || red.Part == nil {
		return daemonOptions{}, err
	}
	const each = 2 // digests
	return daemonOptions{lines: red.Part.Lines, count: len(red.Part.Lines) / each, bad: len(red.Part.Lacks) > 0}, nil
}

func (o daemonOptions) has(name string) bool {
	_, ok := o.known[name]
	return ok || o.recorded(func() string { return optionDigest(name) })
}

func (o daemonOptions) is(name string, value any) bool {
	have, ok := o.known[name]
	return ok && reflect.DeepEqual(have, value) || o.recorded(func() string { return valueDigest(name, value) })
}

// recorded looks a digest up in what facts have. Without facts it makes none: a
// digest takes tens of milliseconds, so that secrets cannot be guessed from it.
func (o daemonOptions) recorded(digest func() string) bool {
	return len(o.lines) > 0 && slices.Contains(o.lines, digest())
}

func optionDigest(name string) string { return LineDigest(dockerConfig, "option "+name) }

func valueDigest(name string, value any) string {
	// It has come from JSON, and has sorted names.
	data, _ := json.Marshal(map[string]any{name: value})
	return LineDigest(dockerConfig, string(data))
}

// same reports whether these are the wanted options, however they are laid out.
func (o daemonOptions) same(want map[string]any) bool {
	return !o.bad && o.count == len(want) && o.differing(want) == nil
}

// differing are the wanted options that are not as wanted.
func (o daemonOptions) differing(want map[string]any) []string {
	var out []string
	for name, value := range want {
		if !o.is(name, value) {
			out = append(out, name)
		}
	}
	return out
}

// reloadable reports whether dockerd takes up by a reload all options that differ.
func (o daemonOptions) reloadable(want map[string]any) bool {
	if o.bad || slices.ContainsFunc(o.differing(want), func(name string) bool { return !slices.Contains(reloads(), name) }) {
		return false
	}
	left := o.count
	for name := range want {
		if o.has(name) {
			left--
		}
	}
	for _, name := range resets() {
		if _, wanted := want[name]; !wanted && o.has(name) {
			left--
		}
	}
	return left == 0
}

// reloads are the options that dockerd takes up by a reload, in all releases from
// 20.10 on: see "Configuration reload behavior" in its reference, and daemon/reload.go
// in its source.
func reloads() []string {
	return append(resets(),
		"allow-nondistributable-artifacts", "debug", "default-runtime", "insecure-registries", "labels", liveRestore,
		"registry-mirrors", "runtimes", "shutdown-timeout",
	)
}

// resets are those of them that a reload also sets back to their defaults when they
// are not in the file any more. Of the others dockerd keeps what it had.
func resets() []string {
	return []string{
		"authorization-plugins", "features", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts",
		"network-diagnostic-port",
	}
}

// liveRestore is the option that has containers outlive the engine: they do so if
// both the one that ends and the one that comes up say it.
const liveRestore = "live-restore"
