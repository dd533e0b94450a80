package drift

import (
	"context"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// archives are trees that opsafe has unpacked under a name that nothing declares any
// more. Prune does not remove them: it would leave links that lead nowhere.
func (f *finder) archives(ctx context.Context) error {
	names, err := f.ReadDir(notes.Unpacked)
	if err != nil {
		return err
	}
	for _, name := range names {
		if kind.DeclaresArchive(f.in.Backend, name) {
			continue
		}
		trees, err := f.Unpacked(ctx, name)
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
			f.addFor(Archive, name, strings.Join(paths, ", ")+": unpacked by opsafe, and on no list", "declare it with state: absent, and with its link and commands")
		}
	}
	return nil
}
