package keys

import (
	"context"
	"path"
	"reflect"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// pairSection is the section key_pairs.
func pairSection() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[map[string]*KeyPair](), After: "authorized_keys", Judge: checkPairs,
		Field: spec.Field{
			Name: "key_pairs", Item: "key pair NAME", Is: "OpenSSH key pairs, by path of the private half",
			More:  "Made once on the host, never shown and never replaced. The public half is PATH.pub.",
			Unset: "none", Example: "{/home/app/.ssh/id_ed25519: {owner: app}}", Names: new(spec.PathForm()),
		},
	}
}

// KeyPair is an OpenSSH key pair, made once on the host; the item's name is the
// path of the private half.
type KeyPair struct {
	spec.Item
	Owner   string `yaml:"owner"`
	Group   string `yaml:"group"`
	Type    string `yaml:"type"` // ed25519 (the default), rsa, ecdsa
	Bits    int    `yaml:"bits"`
	Comment string `yaml:"comment"` // default OWNER@HOSTNAME
}

// Fields says what there is to know of the fields.
func (KeyPair) Fields() []spec.Field {
	return []spec.Field{
		{Name: "owner", Is: "whose it is", Unset: "an error", Example: "app", Form: spec.Form{Says: "name"}},
		{Name: "group", Is: "the group of the files", Unset: "the one of the owner's name", Example: "app", Form: spec.Form{Says: "name"}},
		{Name: "type", Is: "the type of the key", Default: "ed25519", Example: "rsa", Form: spec.WordsForm("ed25519", "rsa", "ecdsa")},
		{Name: "bits", Is: "the size of the key", More: "3072 to 16384 for rsa; 256, 384 or 521 for ecdsa; ed25519 has one size.", Unset: "a size that fits the type", Example: "4096", Form: spec.Form{Min: 256, Max: 16384}},
		{Name: "comment", Is: "the comment of the public half", Unset: "OWNER@HOSTNAME", Example: "app@north", Form: spec.LineForm()},
	}
}

func pairsOf(b *spec.Backend) map[string]*KeyPair {
	return spec.Of[map[string]*KeyPair](b, "key_pairs")
}

// covers asks for the private halves, and for what lies beside them.
func covers(_ context.Context, r kind.Recorder, b *spec.Backend) ([]string, error) {
	for at := range pairsOf(b) {
		_, _ = r.Stat(at)
		if n, err := r.Stat(path.Dir(at)); err == nil && n != nil && n.Type == host.TypeDir {
			_, _ = r.ReadDir(path.Dir(at))
		}
	}
	return nil, nil
}

// withhold keeps the private halves out of facts, and the public ones in.
func withhold(b *spec.Backend, w *kind.Withheld) {
	for at := range pairsOf(b) {
		w.Paths[at], w.Open[at+".pub"] = true, true
	}
}

// parts is what facts hold of a private half.
func parts(backends []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	for _, b := range backends {
		if pairsOf(b)[at] != nil {
			return privatePart(at, data)
		}
	}
	return part
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, k := range spec.Sorted(pairsOf(b)) {
		for _, at := range []string{name, name + ".pub"} {
			out = append(out, spec.Owned{Path: at, Label: "key pair " + name, Pos: k.Pos, Named: true, Private: true})
		}
	}
	return out
}

func checkPairs(c *spec.Checker) {
	for name, k := range pairsOf(c.Backend()) {
		label := "key pair " + name
		c.Fail(k.Pos, label, spec.CleanPath(name))
		if k.Owner == "" {
			c.Addf(k.At("owner"), "%s: has no owner: say whose it is", label)
		}
		c.Owner(k.Meta, label, k.Owner)
		c.Group(k.Meta, label, "group", k.Group)
		c.Line(k.At("comment"), label+": comment", k.Comment)
		checkKeyType(c, k, label)
		if strings.Contains(k.Comment, "{{") {
			c.Addf(k.At("comment"), "%s: comment: it is taken as it is, no template: leave it out to have OWNER@HOSTNAME", label)
		}
	}
}

func checkKeyType(c *spec.Checker, k *KeyPair, label string) {
	c.One(k.Meta, label, "type", k.Type, "ed25519", "rsa", "ecdsa")
	if !k.Has("bits") {
		return
	}
	at, bits := k.At("bits"), strconv.Itoa(k.Bits)
	switch {
	case k.Type == "rsa" && (k.Bits < 3072 || k.Bits > 16384):
		c.Addf(at, "%s: bits %s: want 3072 to 16384 for rsa", label, bits)
	case k.Type == "ecdsa" && k.Bits != 256 && k.Bits != 384 && k.Bits != 521:
		c.Addf(at, "%s: bits %s: want 256, 384 or 521 for ecdsa", label, bits)
	case k.Type == "" || k.Type == "ed25519":
		c.Addf(at, "%s: bits: ed25519 keys have one size: leave it out", label)
	}
}
