package archive

import (
	"context"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// unpackedOrphans are the trees that opsafe has unpacked under the names of a kind, and
// that nothing declares any more. Prune does not remove them: it would leave links that
// lead nowhere.
func unpackedOrphans(of, way string) kind.Orphans {
	find := func(ctx context.Context, f kind.Finder) error {
		names, err := f.ReadDir(notes.Unpacked)
		if err != nil {
			return err
		}
		for _, noted := range names {
			is, name, declared := declaresUnpacked(f.Backend(), noted)
			if is != of || declared {
				continue
			}
			trees, err := f.Unpacked(ctx, noted)
			if err != nil {
				f.Unknown(err)
				continue
			}
			var paths []string
			for _, u := range trees {
				if !u.Gone {
					paths = append(paths, u.Path)
				}
			}
			if len(paths) > 0 {
				f.Orphan(kind.Orphan{Name: name, What: strings.Join(paths, ", ") + ": unpacked by opsafe, and on no list", Way: way})
			}
		}
		return nil
	}
	return kind.Orphans{Rank: kind.RankTrees, Find: find}
}
