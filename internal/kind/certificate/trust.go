package certificate

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

const trustedSuffix = ".crt"

// trustedOrphans are what programs on the host trust, by their paths in TrustedDir
// without the suffix.
func trustedOrphans() kind.Orphans {
	return kind.Orphans{Category: "trusted", Find: findTrusted, Absent: func(b spec.Backend, name string) spec.Backend {
		return spec.With(b, "certificates", kind.WithAbsent(of(&b), name, &Certificate{State: kind.Absent}))
	}}
}

// maxTrustedDepth is how deep directories of certificates are looked through.
const maxTrustedDepth = 8

func findTrusted(ctx context.Context, f kind.Finder) error {
	return findTrustedIn(ctx, f, "", maxTrustedDepth)
}

// findTrustedIn looks through a directory and all below it, as update-ca-certificates
// does. That follows links to directories as well: each of these counts as a whole.
func findTrustedIn(ctx context.Context, f kind.Finder, below string, depth int) error {
	dir := path.Join(host.TrustedDir, below)
	if err := (kind.Strays{Dir: dir, Suffix: trustedSuffix, Below: below}).Find(ctx, f); err != nil || depth == 0 {
		return err
	}
	names, err := f.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := path.Join(dir, name)
		n, err := f.Stat(at)
		switch {
		case err != nil:
			f.Unknown(err)
		case n == nil:
		case n.Type == host.TypeDir:
			if err := findTrustedIn(ctx, f, path.Join(below, name), depth-1); host.IsUnknown(err) {
				f.Unknown(err)
			} else if err != nil {
				return err
			}
		case n.Type == host.TypeSymlink && !strings.HasSuffix(name, trustedSuffix) && leadsToDir(f, at):
			f.Orphan(kind.Orphan{Name: path.Join(below, name), What: at + kind.LeadsTo(n) + ", and all certificates in there", Way: "rm " + at + ", then " + host.TrustProgram})
		}
	}
	return nil
}

func leadsToDir(r host.Reader, at string) bool {
	n, err := kind.Followed(r, at)
	return err == nil && n != nil && n.Type == host.TypeDir
}
