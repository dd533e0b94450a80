package keys

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// noPrivateKey stands for a private half that cannot be read.
const noPrivateKey = "no private key"

// privateHalf is what is known of the private half of a pair: no more than which
// public half belongs to it, by that half itself or, in facts, by its digest. With
// neither it cannot be told: the private half has a passphrase and does not say.
type privateHalf struct {
	invalid bool
	public  ssh.PublicKey
	digest  string
}

// present looks at the private half.
func (l pairLook) present(r host.Reader) (privateHalf, error) {
	data, err := r.ReadFile(l.path)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		return privateHalf{
			invalid: slices.Contains(red.Part.Lacks, kind.LineDigest(red.Path, noPrivateKey)),
			digest:  strings.Join(red.Part.Lines, ""),
		}, nil
	}
	if err != nil {
		return privateHalf{}, err
	}
	return readPrivateHalf(data), nil
}

func readPrivateHalf(data []byte) privateHalf {
	var locked *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(data)
	switch {
	case err == nil:
		return privateHalf{public: signer.PublicKey()}
	case errors.As(err, &locked):
		return privateHalf{public: locked.PublicKey}
	}
	return privateHalf{invalid: true}
}

// privatePart is what is recorded of a private half: a digest of the public one.
func privatePart(at string, data []byte) *host.Part {
	switch p := readPrivateHalf(data); {
	case p.invalid:
		return &host.Part{Lacks: []string{kind.LineDigest(at, noPrivateKey)}}
	case p.public != nil:
		return &host.Part{Lines: []string{publicDigest(at, p.public)}}
	}
	return &host.Part{}
}

// belongs reports whether a public half can be that of the private one at a path.
func (p privateHalf) belongs(at string, key ssh.PublicKey) bool {
	switch {
	case p.public != nil:
		return bytes.Equal(p.public.Marshal(), key.Marshal())
	case p.digest != "":
		return p.digest == publicDigest(at, key)
	}
	return true
}

func publicDigest(at string, k ssh.PublicKey) string { return kind.LineDigest(at, string(k.Marshal())) }

// otherwise says in what a pair that is there is not the declared one, which is
// never replaced. A public half of another key is an error: it is what gets copied
// to other hosts.
func (l pairLook) otherwise(r host.Reader) ([]string, error) {
	private, err := l.present(r)
	if host.IsUnknown(err) {
		return nil, nil // it is made in this run, or not to be seen
	}
	if err != nil {
		return nil, err
	}
	if private.invalid {
		return []string{"its private half is no key that can be read: it is left as it is"}, nil
	}
	line, err := r.ReadFile(l.path + ".pub")
	if host.IsUnknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return []string{"its public half is no key that can be read: it is left as it is"}, nil //nolint:nilerr // it is said
	}
	if !private.belongs(l.path, key) {
		return nil, fmt.Errorf("%s.pub belongs to another key: who has it let in does not let this pair in; move it away, and it is derived from the private half", l.path)
	}
	return l.differences(key, comment), nil
}

func (l pairLook) differences(key ssh.PublicKey, comment string) []string {
	var notes []string
	names := map[string]string{ssh.KeyAlgoED25519: "ed25519", ssh.KeyAlgoRSA: "rsa", ssh.KeyAlgoECDSA256: "ecdsa", ssh.KeyAlgoECDSA384: "ecdsa", ssh.KeyAlgoECDSA521: "ecdsa"}
	is, declared := names[key.Type()], l.decl.Type
	if declared == "" {
		declared = "ed25519"
	}
	say := func(what, have, want string) {
		notes = append(notes, fmt.Sprintf("its %s is %s, not %s as declared: a pair that is there is never replaced", what, have, want))
	}
	if is != declared {
		say("type", key.Type(), declared)
	} else if bits := bitsOf(key); l.decl.Bits != 0 && bits != 0 && bits != l.decl.Bits {
		say("size", fmt.Sprintf("%d bits", bits), fmt.Sprintf("%d bits", l.decl.Bits))
	}
	if l.decl.Comment != "" && comment != l.decl.Comment {
		say("comment", fmt.Sprintf("%q", comment), fmt.Sprintf("%q", l.decl.Comment))
	}
	return notes
}

func bitsOf(key ssh.PublicKey) int {
	switch key.Type() {
	case ssh.KeyAlgoECDSA256:
		return 256
	case ssh.KeyAlgoECDSA384:
		return 384
	case ssh.KeyAlgoECDSA521:
		return 521
	}
	if k, ok := key.(ssh.CryptoPublicKey); ok {
		if k, ok := k.CryptoPublicKey().(*rsa.PublicKey); ok {
			return k.N.BitLen()
		}
	}
	return 0
}
