package debian_test

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/debian"
)

func TestParseSSHD(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "# Port 22\n\n", ""},
		{"words", "Port 22\nUsePAM\tyes\r\n", "port:22 usepam:yes"},
		{"no value", "X\n", "x:"},
		{"an equals sign", "Port=22\nUsePAM = yes\n", "port:22 usepam:yes"},
		{"an equals sign before the keyword", "=\"PermitRootLogin\" yes\n", "permitrootlogin:yes"},
		{"no keyword", "==\n\"\n", ""},
		{"quotes", "Include \"a b\" c\n", "include:a b|c"},
		{"a quote that nothing closes", "Banner \"a b\n", "banner:a b"},
		{"a comment behind the value", "Port 22 # not 23\n", "port:22"},
		{"no comment within a word", "Banner a#b\n", "banner:a#b"},
		{"an old name", "ChallengeResponseAuthentication no\n", "kbdinteractiveauthentication:no"},
	} {
		var got []string
		for _, l := range debian.ParseSSHD([]byte(tc.text)) {
			got = append(got, l.Key+":"+strings.Join(l.Args, "|"))
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, s, tc.want)
		}
	}
}

func TestGlobal(t *testing.T) {
	got := debian.Global(debian.ParseSSHD([]byte("A 1\nMatch User x\nB 2\nMatch all\nC 3\nMatch User all\nD 4\n")))
	if len(got) != 2 || got[0].String() != "A 1" || got[1].String() != "C 3" || got[1].Number != 5 {
		t.Errorf("%v", got)
	}
}

func TestMatchesUsers(t *testing.T) {
	for line, want := range map[string]bool{
		"Match all":                            false,
		"Match Address 10.0.0.0/8,!10.0.0.1":   false,
		"match localport=22 Host *.example":    false,
		"Match User bob":                       true,
		"Match LocalPort 22 Group \"a b\",dev": true,
		"Match invalid-user":                   true,
		"Match Address 10.0.0.1 novelty x":     true,
		"User bob":                             false,
	} {
		if got := debian.ParseSSHD([]byte(line))[0].MatchesUsers(); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

func TestIncludes(t *testing.T) {
	lines := debian.ParseSSHD([]byte("Include a.conf /b/*.conf\nBanner /b/c\n"))
	if got := lines[0].Includes(); !slices.Equal(got, []string{"/etc/ssh/a.conf", "/b/*.conf"}) {
		t.Errorf("it includes %q", got)
	}
	for at, want := range map[string]bool{"/etc/ssh/a.conf": true, "/b/c.conf": true, "/b/c": false, "/a.conf": false} {
		if got := lines[0].IncludesFile(at); got != want {
			t.Errorf("includes %s: %v", at, got)
		}
	}
	if got := lines[1].Includes(); got != nil {
		t.Errorf("a banner includes %q", got)
	}
}
