package spec_test

import (
	"os"
	"slices"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestMain has the cases loaded with the sections of kinds that are judged in more
// words than the forms of their fields.
func TestMain(m *testing.M) {
	var parts []spec.Part
	for _, k := range kinds.Table() {
		if slices.ContainsFunc(k.Own, func(s spec.Section) bool { return s.Judge != nil }) {
			parts = append(parts, k.Part)
		}
	}
	spec.SetParts(parts)
	os.Exit(m.Run())
}
