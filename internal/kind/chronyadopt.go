package kind

import (
	"context"
	"errors"
	"path"
	"strings"

	"opsafe/internal/debian"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// adoptChrony takes the daemon, and the lines that opsafe has added for it.
func adoptChrony(_ context.Context, t Taker, name string) error {
	if name != "" {
		return ErrNoSingle
	}
	p, err := t.Package(chronyPackage)
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		return errors.New("chrony is not installed")
	}
	lines, from, err := chronyAdded(t)
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
	t.Brings(chronyPackage)
	if err := t.Take(from, d, "chrony"); err != nil {
		return err
	}
	names, err := t.ReadDir(debian.ChronyDropIns)
	if err != nil {
		return err
	}
	for _, name := range names {
		if at := path.Join(debian.ChronyDropIns, name); at != chronyDropIn && strings.HasSuffix(name, ".conf") {
			t.Notef("%s is the host's own: see --only file/%[1]s", at)
		}
	}
	return nil
}

// chronyAdded are the lines that opsafe has added to the distribution's own.
func chronyAdded(r host.Reader) (lines []string, from string, err error) {
	data, err := r.ReadFile(chronyDropIn)
	if err != nil {
		return nil, "", err
	}
	if from = "from " + chronyDropIn; data == nil {
		if data, err = r.ReadFile(chronyConfig); err != nil {
			return nil, "", err
		}
		from = "from opsafe's block in " + chronyConfig
		if data = BlockOf(data, "#"); data == nil {
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
