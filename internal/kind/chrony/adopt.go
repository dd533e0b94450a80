package chrony

import (
	"context"
	"errors"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// adopt takes the daemon, and the lines that opsafe has added for it.
func adopt(_ context.Context, t kind.Taker, name string) error {
	if name != "" {
		return kind.ErrNoSingle
	}
	p, err := t.Package(pkg)
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		return errors.New("chrony is not installed")
	}
	lines, from, err := added(t)
	if err != nil {
		return err
	}
	by := map[string][]string{}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "server", word == "pool":
			by[word] = append(by[word], rest)
		case word == "refclock" && by[word] == nil:
			by[word] = []string{rest}
		default:
			by["config"] = append(by["config"], line)
		}
	}
	d := spec.NewDraft().List("servers", by["server"]).List("pools", by["pool"])
	if clocks := by["refclock"]; clocks != nil {
		d.Text("refclock", clocks[0])
	}
	d.List("config", by["config"])
	t.Brings(pkg)
	if err := t.Take(from, d, "chrony"); err != nil {
		return err
	}
	names, err := t.ReadDir(debian.ChronyDropIns)
	if err != nil {
		return err
	}
	for _, name := range names {
		if at := path.Join(debian.ChronyDropIns, name); at != dropIn && strings.HasSuffix(name, ".conf") {
			t.Notef("%s is the host's own: see --only file/%[1]s", at)
		}
	}
	return nil
}

// added are the lines that opsafe has added to the distribution's own.
func added(r host.Reader) (lines []string, from string, err error) {
	data, err := r.ReadFile(dropIn)
	if err != nil {
		return nil, "", err
	}
	if from = "from " + dropIn; data == nil {
		if data, err = r.ReadFile(config); err != nil {
			return nil, "", err
		}
		from = "from opsafe's block in " + config
		if data = kind.BlockOf(data, "#"); data == nil {
			return nil, "it runs with the distribution's configuration", nil
		}
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, from, nil
}
