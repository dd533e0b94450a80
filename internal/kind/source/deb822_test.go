package source

import "testing"

// TestSameSource: layout does not count, all that is said does.
func TestSameSource(t *testing.T) {
	const want = "# Managed by opsafe: changes made here are undone.\nTypes: deb\nURIs: https://a/x https://b/x\n" +
		"Suites: stable\nComponents: main extra\nSigned-By: /etc/apt/keyrings/a.asc\n"
	const other = "Types:deb\nsuites: stable\nURIs:\n https://a/x\n\thttps://b/x\n# comment\nComponents:  main\textra\nSigned-By: /etc/apt/keyrings/a.asc"
	for _, tt := range []struct {
		name, have string
		same       bool
	}{
		{"itself", want, true},
		{"another layout", other, true},
		{"lines at the end", "\n" + other + "\n\n\n", true},
		{"another source", other + "\n\n" + other, false},
		{"another order", "Types: deb\nURIs: https://b/x https://a/x\nSuites: stable\nComponents: main extra\nSigned-By: /etc/apt/keyrings/a.asc\n", false},
		{"sources of packages, too", "Types: deb deb-src\n" + other[9:], false},
		{"switched off", other + "\nEnabled: no\n", false},
		{"not signed", "Types: deb\nURIs: https://a/x https://b/x\nSuites: stable\nComponents: main extra\n", false},
		{"trusted", other + "\nTrusted: yes\n", false},
		{"twice", other + "\nSuites: sid\n", false},
		{"a key in it", "Types: deb\nURIs: https://a/x https://b/x\nSuites: stable\nComponents: main extra\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n", false},
		{"nothing", "", false},
	} {
		if got := sameSource([]byte(tt.have), []byte(want)); got != tt.same {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
