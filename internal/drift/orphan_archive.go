package drift

import (
	"context"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// archives are trees of archives and wheels that opsafe has unpacked under a name that
// nothing declares any more. Prune does not remove them: it would leave links that lead nowhere.
func (f *finder) archives(ctx context.Context) error {
	names, err := f.ReadDir(notes.Unpacked)
	if err != nil {
		return err
	}
	for _, noted := range names {
		is, name, declared := kind.DeclaresUnpacked(f.in.Backend, noted)
		if declared {
			continue
		}
		category, hint := Archive, "declare it with state: absent, and with its link and commands"
		if is == "venv" {
			category, hint = Venv, "declare it with state: absent, and with its commands"
		}
		trees, err := f.Unpacked(ctx, noted)
		if err != nil {
			f.unknown = append(f.unknown, err.Error())
			continue
		}
		var paths []string
		for _, u := range trees {
			if !u.Gone {
				paths = append(paths, u.Path)
			}
		}
		if len(paths) > 0 {
			f.addFor(category, name, strings.Join(paths, ", ")+": unpacked by opsafe, and on no list", hint)
		}
	}
	return nil
}
