package spec

// testParts are those of the kinds. Only a package of its own can import them, which
// hands them over before the first test.
var testParts []Part

// SetParts has tests load specs in the language of these parts.
func SetParts(parts []Part) { testParts = parts }
