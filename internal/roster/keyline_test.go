package roster_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/roster"
)

// goodKeys is one key of each type that is accepted, with its size.
func goodKeys(t testing.TB) map[string]int {
	return map[string]int{
		newKey(t):                         256,
		rsaLine(t, 3072):                  3072,
		ecdsaLine(t, elliptic.P256()):     256,
		ecdsaLine(t, elliptic.P384()):     384,
		ecdsaLine(t, elliptic.P521()):     521,
		skEd25519Line(t):                  256,
		skECDSALine(t):                    256,
		newKey(t) + " a comment of words": 256,
		newKey(t) + " zoë@example":        256,
		newKey(t) + " AAAA":               256,
		newKey(t) + " my ssh-rsa key":     256,
	}
}

// TestAgreesWithOpenSSH shows each accepted key to ssh-keygen: it sees the same
// size, fingerprint, comment and type.
func TestAgreesWithOpenSSH(t *testing.T) {
	for text, bits := range goodKeys(t) {
		keys, err := roster.ParseKeys([]byte(text+"\n"), "keys/alice", roster.ParseOptions{})
		if err != nil || len(keys) != 1 {
			t.Errorf("%s: %v", text, err)
			continue
		}
		k := keys[0]
		if k.Bits != bits {
			t.Errorf("%s has %d bits, want %d", k.Type, k.Bits, bits)
		}
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, roster.AuthorizedKeys(keys, ""), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ssh-keygen", "-l", "-f", file).Output()
		if err != nil {
			t.Errorf("ssh-keygen refuses %s: %v", text, err)
			continue
		}
		comment := k.Comment
		if comment == "" {
			comment = "keys/alice"
		}
		want := fmt.Sprintf("%d %s %s (", k.Bits, k.Fingerprint, comment)
		if !strings.HasPrefix(string(out), want) {
			t.Errorf("ssh-keygen says %q, opsafe %q", out, want)
		}
	}
}

// TestStricterThanOpenSSH shows files that opsafe refuses to ssh-keygen: what it
// makes of them is why they are refused, and nothing that it refuses is taken.
func TestStricterThanOpenSSH(t *testing.T) {
	a, b := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		text string
		sees []string // the keys whose fingerprints ssh-keygen shows
		says string   // what opsafe says
	}{
		"a second key on one line":     {a + " alice " + b + "\n", []string{a}, "second key"},
		"glued to the comment":         {a + " alice@home" + b + "\n", []string{a}, "second key"},
		"CR LF":                        {a + " alice\r\n" + b + " bob\r\n", []string{a, b}, "CR LF"},
		"CR between two":               {a + " alice\r" + b + "\n", []string{a}, "U+000D"},
		"NUL, and a key behind it":     {a + " alice\x00\n" + b + "\n", []string{a, b}, "U+0000"},
		"a page around a key":          {"<html>\n" + a + "\n</html>\n", []string{a}, "key type"},
		"options":                      {"command=\"x\" " + a + "\n", []string{a}, "key_options"},
		"RSA of 2048 bits":             {rsaLine(t, 2048) + "\n", []string{rsaLine(t, 2048)}, "fewer than 3072"},
		"DSA beside another":           {dsaLine() + "\n" + a + "\n", []string{a}, "DSA"},
		"a certificate beside a key":   {certLine(t) + "\n" + a + "\n", []string{a}, "certificate"},
		"a key cut short":              {a[:len(a)-8] + "\n", nil, "not a key"},
		"another type than the key is": {"ssh-rsa " + strings.Fields(a)[1] + "\n", nil, "another type"},
		"nothing but a page":           {"<html>502 Bad Gateway</html>\n", nil, "key type"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := roster.ParseKeys([]byte(c.text), "keys/alice", roster.ParseOptions{})
			mustContain(t, err, c.says)
			if len(keys) > 0 {
				t.Errorf("gives %d keys beside the error", len(keys))
			}
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("ssh-keygen", "-l", "-f", file).CombinedOutput()
			if (err == nil) != (len(c.sees) > 0) {
				t.Errorf("ssh-keygen says %q, %v", out, err)
			}
			for _, k := range c.sees {
				if !strings.Contains(string(out), fingerprint(t, k)) {
					t.Errorf("ssh-keygen does not see %s: %q", k, out)
				}
			}
		})
	}
}

func TestParseKeysTakesFiles(t *testing.T) {
	a, b := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		text    string
		options roster.ParseOptions
		lines   []int
	}{
		"empty":               {"", roster.ParseOptions{}, nil},
		"no end of last line": {a + "\n" + b, roster.ParseOptions{}, []int{1, 2}},
		"comments and blanks": {"# mine\n\n" + a + " x\n \t\n  # other\n" + b + "\n", roster.ParseOptions{Comments: true}, []int{3, 6}},
		"spaces at the end":   {a + "  \n" + b + " c \n", roster.ParseOptions{}, []int{1, 2}},
		"RSA 2048 if allowed": {rsaLine(t, 2048) + "\n", roster.ParseOptions{MinRSABits: 2048}, []int{1}},
		"options if allowed":  {`restrict,from="10.0.0.0/8,::1",command="echo \"a b\"" ` + a + "\n", roster.ParseOptions{Options: true}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := roster.ParseKeys([]byte(c.text), "keys/alice", c.options)
			if err != nil || len(keys) != len(c.lines) {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			for i, k := range keys {
				if want := fmt.Sprintf("keys/alice:%d", c.lines[i]); k.Place() != want {
					t.Errorf("key %d is from %s, want %s", i, k.Place(), want)
				}
			}
		})
	}
}

func TestParseKeysRefuses(t *testing.T) {
	good := newKey(t)
	other := newKey(t)
	blob := strings.Fields(good)[1]
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	longer := base64.StdEncoding.EncodeToString(append(bytes.Clone(raw), 0))
	for name, c := range map[string]struct{ text, place, says string }{
		"CR LF":               {good + "\r\n" + other + "\r\n", "keys/alice:1:", "CR LF"},
		"CR inside":           {good + " a\rb\n", "keys/alice:1:", "U+000D"},
		"NUL":                 {good + " a\x00b\n", "keys/alice:1:", "U+0000"},
		"escape sequence":     {good + " \x1b[2J\n", "keys/alice:1:", "U+001B"},
		"direction override":  {good + " a\u202eb\n", "keys/alice:1:", "U+202E"},
		"not UTF-8":           {good + " \xff\n", "keys/alice:1:", "U+FFFD"},
		"tab between":         {strings.Replace(good, " ", "\t", 1) + "\n", "keys/alice:1:12", "U+0009"},
		"two spaces":          {strings.Replace(good, " ", "  ", 1) + "\n", "keys/alice:1:13", "missing"},
		"space in front":      {" " + good + "\n", "keys/alice:1:1", "white space"},
		"byte order mark":     {"\ufeff" + good + "\n", "keys/alice:1:1", "byte order mark"},
		"blank line":          {good + "\n\n", "keys/alice:2:1", "empty"},
		"comment line":        {"# x\n" + good + "\n", "keys/alice:1:1", "key type"},
		"options":             {"restrict " + good + "\n", "keys/alice:1:1", "key_options"},
		"options with spaces": {`command="a b" ` + good + "\n", "keys/alice:1:1", "key_options"},
		"type alone":          {"ssh-ed25519\n", "keys/alice:1:13", "missing"},
		"base64 broken":       {good[:len(good)-2] + "\n", "keys/alice:1:13", "base64"},
		"base64 not padded":   {strings.TrimRight(ecdsaLine(t, elliptic.P256()), "=") + "\n", "keys/alice:1:21", "base64"},
		"cut short":           {"ssh-ed25519 " + base64.StdEncoding.EncodeToString(raw[:40]) + "\n", "keys/alice:1:13", "not a key"},
		"trailing garbage":    {"ssh-ed25519 " + longer + "\n", "keys/alice:1:13", "not a key"},
		"other type":          {"ssh-rsa " + blob + "\n", "keys/alice:1:9", "another type"},
		"DSA":                 {dsaLine() + "\n", "keys/alice:1:1", "DSA"},
		"DSA with options":    {"restrict " + dsaLine() + "\n", "keys/alice:1:1", "key type"},
		"RSA 2048":            {rsaLine(t, 2048) + "\n", "keys/alice:1:9", "2048 bits, fewer than 3072"},
		"RSA 1024":            {rsaLine(t, 1024) + "\n", "keys/alice:1:9", "1024 bits"},
		"certificate":         {certLine(t) + "\n", "keys/alice:1:1", "certificate"},
		"glued":               {good + " alice@home" + other + "\n", "keys/alice:1:", "second key"},
		"glued with a space":  {good + " alice " + other + "\n", "keys/alice:1:", "second key"},
		"glued without one":   {good + other + "\n", "keys/alice:1:13", "base64"},
		"blob in the comment": {good + " A" + strings.Fields(other)[1] + "\n", "keys/alice:1:", "second key"},
		"HTML":                {"<!DOCTYPE html>\n<html>" + good + "</html>\n", "keys/alice:1:1", "key type"},
		"private key":         {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n", "keys/alice:1:1", "private key"},
		"PEM":                 {"-----BEGIN RSA PUBLIC KEY-----\n", "keys/alice:1:1", "ssh-keygen -i"},
		"PuTTY":               {"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\nAAAA\n", "keys/alice:1:1", "this is PuTTY's file, with the private key in it"},
		"RFC 4716":            {"---- BEGIN SSH2 PUBLIC KEY ----\n", "keys/alice:1:1", "ssh-keygen -i"},
		"long line":           {good + " " + strings.Repeat("x", 8<<10) + "\n", "keys/alice:1:1", "longer than 8 KiB"},
		"long file":           {strings.Repeat(good+"\n", 1000), "keys/alice: ", "larger than 64 KiB"},
		"second line":         {good + "\nnonsense\n", "keys/alice:2:1", "key type"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := roster.ParseKeys([]byte(c.text), "keys/alice", roster.ParseOptions{})
			if keys != nil {
				t.Errorf("gives %d keys beside the error", len(keys))
			}
			mustContain(t, err, c.place, c.says)
		})
	}
}

func TestParseKeysKeepsSecrets(t *testing.T) {
	const canary = "c4n4ry-5ecret"
	for _, text := range []string{canary, canary + " " + newKey(t), newKey(t) + canary, "ssh-rsa " + canary, `command="` + canary + " " + newKey(t)} {
		_, err := roster.ParseKeys([]byte(text), "keys/alice", roster.ParseOptions{})
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMinRSABitsHasAFloor(t *testing.T) {
	_, err := roster.ParseKeys([]byte(rsaLine(t, 1024)), "keys/alice", roster.ParseOptions{MinRSABits: 512})
	mustContain(t, err, "fewer than 2048")
}

func TestCheckOptions(t *testing.T) {
	for _, ok := range []string{
		"", "restrict", "restrict,pty", `from="*.example.org,!10.0.0.1"`, `command="a \"b\" c",no-pty`,
		`permitopen="[::1]:80"`, `environment="A=b"`, `expiry-time="20300101"`, "X11-forwarding",
	} {
		if err := roster.CheckOptions(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"nonsense", "restrict, pty", "restrict,", "restrict=1", "command=ls", `command="`, `command=""`, `command="a"b`,
		`command="a\"`, "cert-authority", `principals="x"`, "restrict\nssh-rsa", `from="a" ssh-rsa`, "restrict\x00",
	} {
		if err := roster.CheckOptions(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
