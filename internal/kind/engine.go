package kind

import (
	"encoding/json"
	"reflect"
	"slices"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// DaemonOptions are the options that a daemon.json sets, by which docker's engine goes.
// Of one that not everybody may read, facts have but digests, so that it can be told of
// each option whether it is set, and to a given value.
type DaemonOptions struct {
	// Known are those that were read; nil where there are but digests.
	Known map[string]any
	Count int
	// Damaged is a file that is no JSON object, which dockerd cannot read.
	Damaged bool

	lines []string // digests: see Part
}

// noDaemonJSON stands in a part for a file that dockerd cannot read.
const noDaemonJSON = "no daemon.json"

// ReadDaemonOptions are the options of a daemon.json with this content.
func ReadDaemonOptions(data []byte) DaemonOptions {
	var o DaemonOptions
	o.Damaged = json.Unmarshal(data, &o.Known) != nil
	o.Count = len(o.Known)
	return o
}

// DaemonOptionsOf are the options of the file that is there; nil: none is. The error is
// why they are not known.
func DaemonOptionsOf(was *FileImage) (DaemonOptions, error) {
	if was == nil {
		return DaemonOptions{}, nil
	}
	err := was.Content.Kept()
	if err == nil {
		return ReadDaemonOptions(was.Content.Bytes()), nil
	}
	red := host.Redacted(err)
	if red == nil || red.Part == nil {
		return DaemonOptions{}, err
	}
	const each = 2 // digests
	return DaemonOptions{lines: red.Part.Lines, Count: len(red.Part.Lines) / each, Damaged: len(red.Part.Lacks) > 0}, nil
}

// Part is what facts hold of a daemon.json that not everybody may read: of each option
// the digests of its name, and of its name and value.
func (o DaemonOptions) Part() *host.Part {
	if o.Damaged {
		return &host.Part{Lacks: []string{LineDigest(debian.DockerConfig, noDaemonJSON)}}
	}
	part := &host.Part{}
	for name, value := range o.Known {
		part.Lines = append(part.Lines, optionDigest(name), valueDigest(name, value))
	}
	slices.Sort(part.Lines)
	return part
}

// Has reports whether an option is set.
func (o DaemonOptions) Has(name string) bool {
	_, ok := o.Known[name]
	return ok || o.recorded(func() string { return optionDigest(name) })
}

// Is reports whether an option is set to a value.
func (o DaemonOptions) Is(name string, value any) bool {
	have, ok := o.Known[name]
	return ok && reflect.DeepEqual(have, value) || o.recorded(func() string { return valueDigest(name, value) })
}

// LiveRestore reports whether containers outlive the engine: they do so if both the one
// that ends and the one that comes up say it.
func (o DaemonOptions) LiveRestore() bool { return o.Is("live-restore", true) }

// recorded looks a digest up in what facts have. Without facts it makes none: a
// digest takes tens of milliseconds, so that secrets cannot be guessed from it.
func (o DaemonOptions) recorded(digest func() string) bool {
	return len(o.lines) > 0 && slices.Contains(o.lines, digest())
}

func optionDigest(name string) string { return LineDigest(debian.DockerConfig, "option "+name) }

func valueDigest(name string, value any) string {
	// It has come from JSON, and has sorted names.
	data, _ := json.Marshal(map[string]any{name: value})
	return LineDigest(debian.DockerConfig, string(data))
}
