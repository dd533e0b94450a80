package local

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// minRSA is the least number of bits for a new RSA key, which is also what none
// asked for means.
const minRSA = 3072

func (h *Host) makeKeyPair(s host.MakeKeyPair) error {
	if err := h.makeKeyPairAt(s); err != nil {
		return fmt.Errorf("cannot make key pair %s: %w", s.Path, err)
	}
	return nil
}

// makeKeyPairAt writes the private half, then the public. A private half that
// is there, as after a run that died in between, is never replaced: the public
// one is derived from it.
func (h *Host) makeKeyPairAt(s host.MakeKeyPair) error {
	if strings.ContainsAny(s.Comment, "\r\n\x00") {
		return errors.New("the comment holds a line break or a NUL byte")
	}
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return err
	}
	dir, name, err := h.openParent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	there, err := h.ReadFile(s.Path)
	if err != nil {
		return err
	}
	var public ssh.PublicKey
	if there != nil {
		signer, err := ssh.ParsePrivateKey(there)
		if err != nil {
			return fmt.Errorf("a private half is there, but its public half cannot be told: %w", err)
		}
		public = signer.PublicKey()
	} else if public, err = h.makePrivate(s, dir, name, uid, gid); err != nil {
		return err
	}
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(public)), "\n")
	if s.Comment != "" {
		line += " " + s.Comment
	}
	return h.replace(dir, name+".pub", fileWish{content: []byte(line + "\n"), uid: uid, gid: gid, access: host.AccessOf(0o644)}, nil)
}

// makePrivate makes a new key and writes it where nothing is yet.
func (h *Host) makePrivate(s host.MakeKeyPair, dir int, name string, uid, gid int) (ssh.PublicKey, error) {
	key, err := newKey(s.Type, s.Bits)
	if err != nil {
		return nil, err
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, s.Comment)
	if err != nil {
		return nil, err
	}
	wish := fileWish{content: pem.EncodeToMemory(block), uid: uid, gid: gid, access: host.AccessOf(0o600), flags: unix.RENAME_NOREPLACE}
	defer clear(wish.content)
	err = h.replace(dir, name, wish, nil)
	if errors.Is(err, fs.ErrExist) {
		return nil, errors.New("somebody else has just made it")
	}
	return public, err
}

// newKey makes a private key. Bits 0 means the type's usual size.
func newKey(kind string, bits int) (crypto.Signer, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		if bits == 0 {
			bits = minRSA
		}
		if bits < minRSA || bits > 16384 {
			return nil, fmt.Errorf("an RSA key has %d to 16384 bits, not %d", minRSA, bits)
		}
		return rsa.GenerateKey(rand.Reader, bits)
	case "ecdsa":
		curves := map[int]elliptic.Curve{0: elliptic.P256(), 256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}
		curve, ok := curves[bits]
		if !ok {
			return nil, fmt.Errorf("an ECDSA key has 256, 384 or 521 bits, not %d", bits)
		}
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	return nil, fmt.Errorf("unknown type of key %q: want ed25519, rsa or ecdsa", kind)
}
