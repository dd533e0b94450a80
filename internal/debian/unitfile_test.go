package debian_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/debian"
)

func TestParseUnit(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"settings", "[Unit]\nA=b\n\n[Service]\nC=d\n", "Unit A=b @2, Service C=d @5"},
		{"comments", "[Unit]\n# A=b\n ; A=b\nA=c # not a comment\n", "Unit A=c # not a comment @4"},
		{"continued", "[Unit]\nA=b \\\n  c\nD=e\n", "Unit A=b    c @2, Unit D=e @4"},
		{"a comment within what is continued", "[Unit]\nA=b\\\n# c\\\n;d\n e\n", "Unit A=b  e @2"},
		{"a blank line ends what is continued", "[Unit]\nA=b\\\n\nC=d\n", "Unit A=b @2, Unit C=d @4"},
		{"a blank behind the backslash", "[Unit]\nA=b\\ \nC=d\n", `Unit A=b\ @2, Unit C=d @3`},
		{"two backslashes", "[Unit]\nA=b\\\\\nC=d\n", `Unit A=b\\ @2, Unit C=d @3`},
		{"continued at the end", "[Unit]\nA=b\\", "Unit A=b @2"},
		{"carriage returns", " [Unit] \r\n A = b\\\r\n c \r\n", "Unit A=b  c @2"},
		{"an equals sign in the value", "[Unit]\nA=b=c\n", "Unit A=b=c @2"},
		{"no value", "[Unit]\nA=\n", "Unit A= @2"},
		{"no section", "A=b\n[Unit]\nC=d\n", `Unit C=d @3, 1: "A=b" stands before the first [SECTION]`},
		{"no setting", "[Unit]\nA\n", `2: "A": want KEY=VALUE or [SECTION]`},
		{"no key", "[Unit]\n=b\n", `2: "=b": want KEY=VALUE`},
		{"a key of two words", "[Unit]\nA b=c\n", `2: "A b=c": want KEY=VALUE`},
		{"no header", "[Unit\n[]\n", `1: "[Unit": want a section, as in [Service], 2: "[]": want a section, as in [Service]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := debian.ParseUnit(tc.text)
			var got []string
			for _, s := range f.Settings {
				got = append(got, fmt.Sprintf("%s %s=%s @%d", s.Section, s.Key, s.Value, s.Line))
			}
			for _, w := range f.Wrong {
				got = append(got, fmt.Sprintf("%d: %s", w.Line, w.Text))
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("got %s\nwant %s", s, tc.want)
			}
		})
	}
}

func TestSettingsOfAUnit(t *testing.T) {
	f := debian.ParseUnit("[Install]\nWantedBy=a.target b.target\nWantedBy=\nWantedBy=c.target\nWantedBy=d.target\n[Timer]\nPersistent=On\nUnit=a.service\nUnit=b.service\n[Unit]\nUnit=c.service\n")
	if got := f.Last("Timer", "Unit"); got != "b.service" {
		t.Errorf("the last one is %q", got)
	}
	if got := f.List("Install", "WantedBy"); !slices.Equal(got, []string{"c.target", "d.target"}) {
		t.Errorf("the list is %q", got)
	}
	if !f.Yes("Timer", "Persistent") || f.Yes("Timer", "Unit") || f.Yes("Timer", "None") {
		t.Error("On is a yes, and neither is a name nor what is not set")
	}
}

func TestStarts(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a.service", "[Service]\n", ""},
		{"a.timer", "", ""},
		{"a.timer", "[Timer]\n", "a.service"},
		{"a.timer", "[Timer]\nUnit=b.service\n", "b.service"},
		{"a.path", "[Path]\nUnit=b.service\n[Timer]\nUnit=c.service\n", "b.service"},
		{"srv-a.automount", "[Automount]\n", "srv-a.mount"},
		{"a.socket", "[Socket]\nService=b.service\n", "b.service"},
		{"a.socket", "[Socket]\nAccept=yes\n", ""},
		{"a.socket", "[Socket]\nAccept=yes\nAccept=no\n", "a.service"},
	} {
		if got := debian.ParseUnit(tc.text).Starts(tc.name); got != tc.want {
			t.Errorf("%s with %q starts %q, want %q", tc.name, tc.text, got, tc.want)
		}
	}
}

func TestMounts(t *testing.T) {
	for text, want := range map[string]string{
		"[Mount]\nWhat=/dev/sdb1\nOptions=noatime\n":       "/dev/sdb1 false",
		"[Mount]\nWhat=/srv/a\nOptions=noatime,bind\n":     "/srv/a true",
		"[Mount]\nWhat=/srv/a\nOptions=rbind\nWhat=/srv\n": "/srv true",
	} {
		what, bind := debian.ParseUnit(text).Mounts()
		if got := fmt.Sprint(what, " ", bind); got != want {
			t.Errorf("%q mounts %s, want %s", text, got, want)
		}
	}
}

// FuzzParseUnit reads any text as a unit file: each setting has a section, a key of
// one word and its line, and each line that is wrong is named once.
func FuzzParseUnit(f *testing.F) {
	for _, s := range []string{"[Service]\nExecStart=/bin/a \\\n  b\n", "[Service]\nA=\\\n# c\n b\n", "A=b\n", "[a]\n=\n", "[]\n", "[Unit]\\\n", "[Unit]\r\nA=b\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file := debian.ParseUnit(s)
		lines, before := 1+strings.Count(s, "\n"), 0
		for _, x := range file.Settings {
			if x.Section == "" || x.Key == "" || x.Line <= before || x.Line > lines || strings.ContainsAny(x.Key, " \t\n=") || strings.Contains(x.Value, "\n") {
				t.Fatalf("setting %+v", x)
			}
			before = x.Line
		}
		before = 0
		for _, x := range file.Wrong {
			if x.Line <= before || x.Line > lines || x.Text == "" {
				t.Fatalf("wrong %+v", x)
			}
			before = x.Line
		}
	})
}
