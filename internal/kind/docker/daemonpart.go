package docker

import (
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// parts is what facts hold of daemon.json.
func parts(_ []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	if at == config {
		return kind.ReadDaemonOptions(data).Part()
	}
	return part
}

// same reports whether these are the wanted options, however they are laid out.
func same(o kind.DaemonOptions, want map[string]any) bool {
	return !o.Damaged && o.Count == len(want) && differing(o, want) == nil
}

// differing are the wanted options that are not as wanted.
func differing(o kind.DaemonOptions, want map[string]any) []string {
	var out []string
	for name, value := range want {
		if !o.Is(name, value) {
			out = append(out, name)
		}
	}
	return out
}

// reloadable reports whether dockerd takes up by a reload all options that differ.
func reloadable(o kind.DaemonOptions, want map[string]any) bool {
	if o.Damaged || slices.ContainsFunc(differing(o, want), func(name string) bool { return !slices.Contains(reloads(), name) }) {
		return false
	}
	left := o.Count
	for name := range want {
		if o.Has(name) {
			left--
		}
	}
	for _, name := range resets() {
		if _, wanted := want[name]; !wanted && o.Has(name) {
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
		"allow-nondistributable-artifacts", "debug", "default-runtime", "insecure-registries", "labels", "live-restore",
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
