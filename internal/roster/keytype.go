package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyTypes are the types of keys that are accepted.
func keyTypes() []string {
	return []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	}
}

func isKeyType(s string) bool { return slices.Contains(keyTypes(), s) }

// refusedKeyType tells key types that OpenSSH has had but opsafe does not take.
func refusedKeyType(s string) bool { return s == "ssh-dss" || strings.Contains(s, "-cert-v0") }

// refusedType says why a word is no key type that is accepted; empty: it is one.
func refusedType(s string) string {
	switch {
	case isKeyType(s):
		return ""
	case s == "ssh-dss":
		return "DSA keys are not accepted, OpenSSH has given them up: make an ed25519 key"
	case refusedKeyType(s):
		return "certificates are not accepted: put the key itself here, without -cert in its type"
	}
	return "the line does not begin with a key type: want one of " + strings.Join(keyTypes(), ", ")
}

// decode checks the key itself and fills in what it says.
func (k *Key) decode(column int, o ParseOptions) *fault {
	raw, err := base64.StdEncoding.Strict().DecodeString(k.Blob)
	if err != nil {
		return faultf(column, "the key is not whole base64: copy the line again from the .pub file")
	}
	if k.Type == ssh.KeyAlgoED25519 && isED25519(raw) {
		k.Bits, k.Fingerprint = 256, fingerprint(raw)
		return nil
	}
	pub, err := ssh.ParsePublicKey(raw)
	if err != nil {
		return faultf(column, "this is not a key of type %s: copy the line again from the .pub file", k.Type)
	}
	if pub.Type() != k.Type {
		return faultf(column, "the line says %s, but the key is of another type: copy the line again from the .pub file", k.Type)
	}
	if strings.HasPrefix(k.Type, "sk-") && bytes.IndexByte(lastString(raw), 0) >= 0 {
		// x/crypto takes it, but sshd passes over the line.
		return faultf(column, "the key is for an application with a NUL in its name: copy the line again from the .pub file")
	}
	if !bytes.Equal(pub.Marshal(), raw) {
		return faultf(column, "the key is not written in its canonical form: copy the line again from the .pub file")
	}
	k.Fingerprint = fingerprint(raw)
	switch k.Type {
	case ssh.KeyAlgoECDSA384:
		k.Bits = 384
	case ssh.KeyAlgoECDSA521:
		k.Bits = 521
	case ssh.KeyAlgoRSA:
		return k.checkRSA(pub, column, o.minRSABits())
	default:
		k.Bits = 256
	}
	return nil
}

// isED25519 reports whether raw is a key of that type, as ssh.ParsePublicKey takes it and
// Marshal writes it: the name of the type and 32 bytes, each behind its length. Nearly
// all keys are of this type, and reading one by that package takes a dozen allocations.
func isED25519(raw []byte) bool {
	const head = "\x00\x00\x00\x0b" + ssh.KeyAlgoED25519 + "\x00\x00\x00\x20"
	return len(raw) == len(head)+ed25519.PublicKeySize && string(raw[:len(head)]) == head
}

// fingerprint is that of a key in its canonical form, as ssh.FingerprintSHA256 gives it.
func fingerprint(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// lastString is the last of the strings, each behind its length, that a key on a
// token is made of: what it is for, such as ssh:.
func lastString(raw []byte) []byte {
	var last []byte
	for len(raw) >= 4 {
		n := uint64(binary.BigEndian.Uint32(raw))
		if raw = raw[4:]; n > uint64(len(raw)) {
			return nil
		}
		last, raw = raw[:n], raw[n:]
	}
	return last
}

func (k *Key) checkRSA(pub ssh.PublicKey, column, least int) *fault {
	cp, ok := pub.(ssh.CryptoPublicKey)
	if !ok {
		return faultf(column, "this is not a key of type %s", k.Type)
	}
	r, ok := cp.CryptoPublicKey().(*rsa.PublicKey)
	if !ok || r.N.Sign() <= 0 {
		return faultf(column, "this is not a key of type %s", k.Type)
	}
	k.Bits = r.N.BitLen()
	if why := k.weak(least); why != "" {
		return faultf(column, "%s", why)
	}
	return nil
}

// weak says why a key is too weak; empty: it is not.
func (k *Key) weak(least int) string {
	if k.Type != ssh.KeyAlgoRSA || k.Bits >= least {
		return ""
	}
	return fmt.Sprintf("the RSA key %s has %d bits, fewer than %d: make an ed25519 key, or allow it with keys.min_rsa_bits (%d at the least)",
		k.Fingerprint, k.Bits, least, FloorRSABits)
}
