package spec

import (
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"opsafe/internal/words"
)

// versionPattern is a wish for a version of opsafe, as in ">= 1.2".
var versionPattern = words.Pattern(`^>= ?v?((0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){0,2})$`)

// VersionForm is the oldest version of opsafe that will do.
func VersionForm() Form { return Form{Says: "version", Pattern: versionPattern().String()} }

// version looks which opsafe a file wants, before anything else of it is understood: an
// older one does not know what is in it.
func (in *includer) version(n *node) {
	if n == nil || n.kind != scalarNode || n.tag != "!!str" && n.tag != "!!timestamp" {
		return // the decoder says so
	}
	m := versionPattern().FindStringSubmatch(n.value)
	switch {
	case m == nil:
		in.problems.Addf(n.pos, `opsafe: want the oldest version that will do, as in ">= 1.2", got %s`, quote(n.value))
	case older(in.has, m[1]):
		in.problems.Addf(n.pos, "opsafe: this is %s, and the spec wants %s or later: install the package or the binary of a later release, and try again", strings.TrimPrefix(in.has, "v"), m[1])
		(*in.problems)[len(*in.problems)-1].outdated = true
	}
}

// older reports whether a version comes before a wanted one. A build of no release says
// nothing of how old it is, and counts as new enough.
func older(has, wanted string) bool {
	return semver.IsValid(has) && !module.IsPseudoVersion(has) && semver.Compare(has, "v"+wanted) < 0
}

// outdated are those of the problems that say that this opsafe is too old: with them,
// the others need not be any.
func (ps Problems) outdated() Problems {
	return slices.DeleteFunc(slices.Clone(ps), func(p Problem) bool { return !p.outdated })
}
