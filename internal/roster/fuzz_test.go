package roster_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/roster"
)

// FuzzParseKeys checks on whatever is accepted that it means one thing: each
// line is what x/crypto finds in it, in its canonical form, it survives
// rendering, and nothing else in it can be read as a key.
func FuzzParseKeys(f *testing.F) {
	for text := range goodKeys(f) {
		f.Add([]byte(text), false)
		f.Add([]byte("restrict "+text+"\r\n"+text), true)
	}
	f.Add([]byte("# x\n\n"+newKey(f)+" "+newKey(f)), true)
	f.Add([]byte(dsaLine()+"\n"+certLine(f)), true)
	f.Fuzz(func(t *testing.T, data []byte, lenient bool) {
		o := roster.ParseOptions{Comments: lenient, Options: lenient}
		keys, err := roster.ParseKeys(data, "keys/alice", o)
		if err != nil {
			if keys != nil {
				t.Fatal("keys beside an error")
			}
			return
		}
		asWritten(t, data, keys)
		rendered := roster.AuthorizedKeys(keys, "")
		if n := bytes.Count(rendered, []byte("\n")); n != len(keys) {
			t.Fatalf("%d lines for %d keys", n, len(keys))
		}
		again, err := roster.ParseKeys(rendered, "keys/alice", o)
		if err != nil || len(again) != len(keys) {
			t.Fatalf("not readable again: %v", err)
		}
		lines := strings.SplitAfter(string(rendered), "\n")
		for i, k := range keys {
			if a := again[i]; a.Blob != k.Blob || a.Options != k.Options || a.Fingerprint != k.Fingerprint {
				t.Fatalf("%+v became %+v", k, a)
			}
			pub, comment, _, rest, err := ssh.ParseAuthorizedKey([]byte(lines[i]))
			if err != nil || len(rest) > 0 || ssh.FingerprintSHA256(pub) != k.Fingerprint {
				t.Fatalf("x/crypto sees something else: %v", err)
			}
			words := strings.Fields(comment)
			for j := range words {
				if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(words[j:], " "))); err == nil {
					t.Fatalf("another key in the comment %q", comment)
				}
			}
		}
	})
}

// asWritten checks that each line that is no comment is one key, the one that
// x/crypto reads in it.
func asWritten(t *testing.T, data []byte, keys []roster.Key) {
	t.Helper()
	rest := keys
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if trimmed := strings.Trim(line, " \t"); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if len(rest) == 0 {
			t.Fatalf("no key for line %q", line)
		}
		pub, _, options, more, err := ssh.ParseAuthorizedKey([]byte(line))
		k := rest[0]
		if err != nil || len(more) > 0 || pub.Type() != k.Type || base64.StdEncoding.EncodeToString(pub.Marshal()) != k.Blob || strings.Join(options, ",") != k.Options {
			t.Fatalf("x/crypto reads %v with %q, %v in %q; opsafe %+v", pub, options, err, line, k)
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		t.Fatalf("keys %+v of no line", rest)
	}
}

// TestAgreesOnBentLines bends good key lines in many small ways, and shows all
// that are still accepted to ssh-keygen: it reads the same keys in the same order.
func TestAgreesOnBentLines(t *testing.T) {
	var accepted []byte
	var want []string
	tried := 0
	for _, text := range []string{newKey(t) + " alice@home", ecdsaLine(t, elliptic.P256()), skEd25519Line(t) + " a b"} {
		for i := range len(text) {
			for _, c := range []string{"", " ", "\t", "=", "A", "\"", ",", "#", "\r", "\x00", "é", "/", "\u00a0"} {
				for _, bent := range []string{text[:i] + c + text[i:], text[:i] + c + text[i+1:]} {
					tried++
					keys, err := roster.ParseKeys([]byte(bent), "keys/alice", roster.ParseOptions{})
					if err != nil {
						continue
					}
					if len(keys) != 1 {
						t.Fatalf("%d keys in %q", len(keys), bent)
					}
					accepted = append(append(accepted, bent...), '\n')
					want = append(want, keys[0].Fingerprint)
				}
			}
		}
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, accepted, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-l", "-f", file).Output()
	if err != nil {
		t.Fatalf("ssh-keygen: %v", err)
	}
	var got []string
	// Of a key without a comment, it may show what happens to be in its memory.
	for _, m := range regexp.MustCompile(`(?m)^256 (SHA256:\S+) `).FindAllSubmatch(out, -1) {
		got = append(got, string(m[1]))
	}
	if len(want) < 10 {
		t.Errorf("of %d lines, only %d are accepted", tried, len(want))
	}
	got = append(got, make([]string, len(want))...)
	for i, line := range slices.Collect(strings.Lines(string(accepted))) {
		if got[i] != want[i] {
			t.Fatalf("%q is %s for opsafe, %s for ssh-keygen", line, want[i], got[i])
		}
	}
}

// FuzzCheckOptions checks on options that are accepted that whoever reads the line
// sees the same options and the same key behind them.
func FuzzCheckOptions(f *testing.F) {
	for _, s := range []string{"restrict", `restrict,command="a \"b\" c",no-pty`, `from="10.0.0.0/8,::1"`, `command="a\\"`, `command="a" b"`, `environment="A=\"`, "cert-authority", `command="a,b"`, "pty,,pty", "RESTRICT"} {
		f.Add(s)
	}
	key := newKey(f)
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || roster.CheckOptions(s) != nil {
			return
		}
		pub, _, options, _, err := ssh.ParseAuthorizedKey([]byte(s + " " + key))
		if err != nil || strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))) != key || strings.Join(options, ",") != s {
			t.Fatalf("%q: x/crypto sees %q, %v", s, options, err)
		}
		for _, o := range options {
			if name, _, _ := strings.Cut(strings.ToLower(o), "="); name == "cert-authority" || name == "principals" || name == "" {
				t.Fatalf("%q has the option %q", s, o)
			}
		}
	})
}

// FuzzTombstone reads any record of somebody who is disabled: they stay so, and
// what was understood survives being written again.
func FuzzTombstone(f *testing.F) {
	for _, s := range []string{"", "{}", "null", `{"format_version":1,"name":"alice","since":"2026-01-02T03:04:05Z","by":"bob","groups":["a"],"expires":-1}`, `{"format_version":9}`, `{"name":"bob"}`, `{}{}`, `{"since":"0000-01-01T00:00:00Z"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		stone := roster.ParseTombstone("alice", data)
		if stone.Name != "alice" {
			t.Fatalf("it is %q's", stone.Name)
		}
		if stone.Note != "" {
			return
		}
		again, err := stone.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back := roster.ParseTombstone("alice", again)
		if back.Note != "" || back.Shell != stone.Shell || back.Expires != stone.Expires || !slices.Equal(back.Groups, stone.Groups) || !slices.Equal(back.Keys, stone.Keys) {
			t.Fatalf("%+v became %+v", stone, back)
		}
	})
}
