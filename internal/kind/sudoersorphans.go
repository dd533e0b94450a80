package kind

import (
	"bytes"
	"context"

	"opsafe/internal/host"
)

// sudoersOrphans are drop-ins with rules in them; sudo passes over names with a dot.
func sudoersOrphans() Orphans {
	return Orphans{Find: findSudoers, Absent: dropInGone("sudoers")}
}

func findSudoers(_ context.Context, f Finder) error {
	return eachUndeclared(f, sudoersDir, func(name, at string, n *host.Node) error {
		if _, declared := dropInsOf(f.Backend(), "sudoers")[name]; declared || !host.ReadsDropIn(sudoersDir, name) {
			return nil
		}
		// Sudo follows a link, wherever it leads. What is there may be anybody's.
		if n.Type != host.TypeSymlink {
			data, err := f.ReadFile(at)
			if err != nil || !hasRules(data) {
				return err
			}
		}
		f.Orphan(Orphan{Name: name, What: at + LeadsTo(n)})
		return nil
	})
}

// hasRules reports whether a file of sudoers has more than comments.
func hasRules(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		// As in sudoers: #include and a #UID are no comments.
		comment := len(line) > 0 && line[0] == '#' && !bytes.HasPrefix(line, []byte("#include")) && (len(line) == 1 || line[1] < '0' || line[1] > '9')
		if len(line) > 0 && !comment {
			return true
		}
	}
	return false
}
