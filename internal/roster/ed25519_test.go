package roster_test

import (
	"encoding/base64"
	"testing"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/roster"
)

// TestED25519: what is taken for a key of that type without x/crypto's help is what
// x/crypto takes for one, with each bit of it turned, and cut or prolonged.
func TestED25519(t *testing.T) {
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(newKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	good := pub.Marshal()
	for bit := range len(good) * 8 {
		raw := append([]byte(nil), good...)
		raw[bit/8] ^= 1 << (bit % 8)
		sameAsCrypto(t, raw)
	}
	for n := range good {
		sameAsCrypto(t, good[:n])
	}
	sameAsCrypto(t, good)
	sameAsCrypto(t, append(good[:len(good):len(good)], 0))
}

func sameAsCrypto(t *testing.T, raw []byte) {
	t.Helper()
	line := ssh.KeyAlgoED25519 + " " + base64.StdEncoding.EncodeToString(raw)
	keys, err := roster.ParseKeys([]byte(line), "keys/alice", roster.ParseOptions{})
	pub, refused := ssh.ParsePublicKey(raw)
	if refused == nil && pub.Type() == ssh.KeyAlgoED25519 {
		if err != nil || len(keys) != 1 || keys[0].Fingerprint != ssh.FingerprintSHA256(pub) || keys[0].Bits != 256 {
			t.Errorf("%x: got %v, %v", raw, keys, err)
		}
		return
	}
	if err == nil {
		t.Errorf("%x is taken for a key; x/crypto: %v", raw, refused)
	}
}
