package kind

import "testing"

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
		{"no comment within a word", "deb http://a.org/x#y z http://a.org/q\n", "deb https://m.org/x#y z https://m.org/q\n"},
		{"within another address", "deb http://c.org/?http://a.org/ y\n", "deb http://c.org/?http://a.org/ y\n"},
		{"no newline at the end", "deb http://a.org/x y", "deb https://m.org/x y"},
		{"carriage return", "deb http://a.org/x y\r\n", "deb https://m.org/x y\r\n"},
		{"deb822", "Types: deb\nURIs: http://a.org/x http://a.org/y\n", "Types: deb\nURIs: https://m.org/x https://m.org/y\n"},
		{"deb822, continued", "URIs:\n http://a.org/x\n\thttp://a.org/y\n# http://a.org/z\nSuites: x\n", "URIs:\n https://m.org/x\n\thttps://m.org/y\n# http://a.org/z\nSuites: x\n"},
		{"deb822, joined", "URIs:http://a.org/x\n", "URIs:https://m.org/x\n"},
		{"at the mirror already", "deb http://b.org/debian-mirror y\n", "deb http://b.org/debian-mirror y\n"},
		{"a mirror that begins like the archive", "deb http://b.org/debian y\n", "deb http://b.org/debian-mirror y\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(l.rewrite([]byte(tt.have)))
			if got != tt.want {
				t.Errorf("%q\n gives %q\n  want %q", tt.have, got, tt.want)
			}
			if again := string(l.rewrite([]byte(got))); again != got {
				t.Errorf("rewritten twice it is %q", again)
			}
		})
	}
}

func TestMajor(t *testing.T) {
	for version, want := range map[string]int{
		"": 0, "4.3-2": 4, "5:26.1.5+dfsg1-9": 26, "20.10.24+dfsg1-1+deb12u1": 20, "1:": 0, "abc": 0, "99999999999999999999": 0,
	} {
		if got := major(version); got != want {
			t.Errorf("major(%q) is %d, not %d", version, got, want)
		}
	}
}

func TestSameJSON(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1,2]}`, "{ \"b\": [1, 2],\n\"a\": 1 }\n", true},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{"", "{}", false},
		{"not JSON", "not JSON", true},
		{"not JSON", "not JSON ", false},
	} {
		if got := sameJSON([]byte(tt.a), []byte(tt.b)); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestReadsDropIns(t *testing.T) {
	for conf, want := range map[string]bool{
		"confdir /etc/chrony/conf.d\n":          true,
		"pool x\n\tconfdir  /etc/chrony/conf.d": true,
		"CONFDIR /run/x /etc/chrony/conf.d\n":   true,
		"#confdir /etc/chrony/conf.d\n":         false,
		"! confdir /etc/chrony/conf.d\n":        false,
		"confdir /etc/chrony/conf.d2\n":         false,
		"sourcedir /etc/chrony/conf.d\n":        false,
		"":                                      false,
	} {
		if got := readsDropIns([]byte(conf)); got != want {
			t.Errorf("%q: %v", conf, got)
		}
	}
}
