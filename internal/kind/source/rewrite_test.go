package source

import (
	"strings"
	"testing"
)

func TestMirrorRewrite(t *testing.T) {
	l := mirrorLook{mirrors: map[string]string{
		"http://a.org/":       "https://m.org/",
		"http://a.org/ports/": "https://p.org/",
		"http://b.org/debian": "http://b.org/debian-mirror",
	}}
	for _, tt := range []struct{ name, have, want string }{
		{"empty", "", ""},
		{"one line", "deb http://a.org/x y main\n", "deb https://m.org/x y main\n"},
		{"tabs and several blanks", "deb\thttp://a.org/x \t y\tmain \n", "deb\thttps://m.org/x \t y\tmain \n"},
		{"indented", "  deb http://a.org/x y\n", "  deb https://m.org/x y\n"},
		{"options", "deb [ arch=amd64 signed-by=/x ] http://a.org/x y\n", "deb [ arch=amd64 signed-by=/x ] https://m.org/x y\n"},
		{"the longest prefix", "deb http://a.org/ports/x y\n", "deb https://p.org/x y\n"},
		{"comment", "# deb http://a.org/x y\n\t#deb http://a.org/x\n", "# deb http://a.org/x y\n\t#deb http://a.org/x\n"},
		{"comment behind", "deb http://a.org/x y # http://a.org/x\n", "deb https://m.org/x y # http://a.org/x\n"},
		{"no comment within a word", "deb http://a.org/x#y z http://a.org/q\n", "deb https://m.org/x#y z http://a.org/q\n"},
		{"within another address", "deb http://c.org/?http://a.org/ y\n", "deb http://c.org/?http://a.org/ y\n"},
		{"no newline at the end", "deb http://a.org/x y", "deb https://m.org/x y"},
		{"carriage return", "deb http://a.org/x y\r\n", "deb https://m.org/x y\r\n"},
		{"deb822", "Types: deb\nURIs: http://a.org/x http://a.org/y\n", "Types: deb\nURIs: https://m.org/x https://m.org/y\n"},
		{"deb822, continued", "URIs:\n http://a.org/x\n\thttp://a.org/y\n# http://a.org/z\nSuites: x\n", "URIs:\n https://m.org/x\n\thttps://m.org/y\n# http://a.org/z\nSuites: x\n"},
		{"deb822, joined", "URIs:http://a.org/x\n", "URIs:https://m.org/x\n"},
		{"no option", "deb [signed-by=/k x=http://a.org/k] http://a.org/x y\n", "deb [signed-by=/k x=http://a.org/k] https://m.org/x y\n"},
		{"no component", "deb http://c.org/x http://a.org/y http://a.org/z\n", "deb http://c.org/x http://a.org/y http://a.org/z\n"},
		{"source packages", "deb-src http://a.org/x y\n", "deb-src https://m.org/x y\n"},
		{"no entry", "http://a.org/x http://a.org/y\n", "http://a.org/x http://a.org/y\n"},
		{"deb822, other fields", "X-Info: http://a.org/x\n http://a.org/y\nuris: http://a.org/x\nSigned-By:\n http://a.org/x\n", "X-Info: http://a.org/x\n http://a.org/y\nuris: https://m.org/x\nSigned-By:\n http://a.org/x\n"},
		{"at the mirror already", "deb http://b.org/debian-mirror y\n", "deb http://b.org/debian-mirror y\n"},
		{"a mirror that begins like the archive", "deb http://b.org/debian y\n", "deb http://b.org/debian-mirror y\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := "/etc/apt/sources.list"
			if strings.HasPrefix(tt.name, "deb822") {
				at = "/etc/apt/sources.list.d/a.sources"
			}
			got := string(l.rewrite(at, []byte(tt.have)))
			if got != tt.want {
				t.Errorf("%q\n gives %q\n  want %q", tt.have, got, tt.want)
			}
			if again := string(l.rewrite(at, []byte(got))); again != got {
				t.Errorf("rewritten twice it is %q", again)
			}
		})
	}
}
