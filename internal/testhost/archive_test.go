package testhost

import (
	"slices"
	"testing"
)

func TestParseSources(t *testing.T) {
	t.Parallel()
	const lines = `# a comment
deb-src http://a.example/debian bookworm main
deb [arch=amd64 signed-by=/x.gpg] http://b.example/debian bookworm main contrib # ours
deb http://c.example/docker bookworm stable
deb http://d.example/debian-security bookworm-security main
deb cdrom:[Debian]/ bookworm main
`
	if got, want := parseLines(lines), []string{"http://b.example/debian"}; !slices.Equal(got, want) {
		t.Errorf("lines: got %v, want %v", got, want)
	}
	const stanzas = `Types: deb
# a comment
URIs: http://a.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs:
 http://b.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb deb-src
URIs: http://c.example/node
Suites: nodistro
Components: main

Types: deb
URIs: https://d.example/mirror
Suites:
 sid
Components:
 main
 contrib`
	if got, want := parseStanzas(stanzas), []string{"http://a.example/debian", "https://d.example/mirror"}; !slices.Equal(got, want) {
		t.Errorf("stanzas: got %v, want %v", got, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Suite: "focal"}, {Image: "fat"}, {Name: "Web"}, {Name: "-web"}, {Name: "a/b"}, {Name: ".."}} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if o, err := (Options{Name: "web-1"}).withDefaults(); err != nil || o.Suite != DefaultSuite || o.Image != Bare {
		t.Errorf("got %+v, %v", o, err)
	}
}
