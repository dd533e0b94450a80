package local

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// certificateBits is the size of a new key. Browsers on Windows take no ed25519.
const certificateBits = 2048

// serialBits is how long a serial number may be: 20 octets, without a sign (RFC 5280).
const serialBits = 159

func (h *Host) makeCertificate(s host.MakeCertificate) error {
	if err := h.makeCertificateAt(s); err != nil {
		return fmt.Errorf("cannot make certificate %s: %w", s.Path, err)
	}
	return nil
}

// makeCertificateAt writes the key where there is none, and then the certificate: a run
// that dies in between leaves a key that the next one takes.
func (h *Host) makeCertificateAt(s host.MakeCertificate) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return err
	}
	key, err := h.certificateKey(s, uid, gid)
	if err != nil {
		return err
	}
	der, err := selfSigned(key, s, time.Now())
	if err != nil {
		return err
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return h.put(s.Path, fileWish{content: content, uid: uid, gid: gid, access: host.AccessOf(0o644)})
}

// put writes a file at a path.
func (h *Host) put(at string, w fileWish) error {
	dir, name, err := h.openParent(at)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return h.replace(dir, name, w, nil)
}

// certificateKey is the key that is there, or a new one.
func (h *Host) certificateKey(s host.MakeCertificate, uid, gid int) (crypto.Signer, error) {
	there, err := h.ReadFile(s.Key)
	if err != nil {
		return nil, err
	}
	if there != nil {
		defer clear(there)
		return host.ReadPrivateKey(there)
	}
	key, err := rsa.GenerateKey(rand.Reader, certificateBits)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot write the key: %w", err)
	}
	wish := fileWish{content: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), uid: uid, gid: gid, access: host.AccessOf(0o600), flags: unix.RENAME_NOREPLACE}
	defer clear(wish.content)
	defer clear(der)
	if err := h.put(s.Key, wish); errors.Is(err, fs.ErrExist) {
		return nil, errors.New("somebody else has just made the key")
	} else if err != nil {
		return nil, err
	}
	return key, nil
}

// selfSigned is the certificate, in DER. It is good for servers of these names, and
// vouches for no other: who trusts it trusts nothing else.
func selfSigned(key crypto.Signer, s host.MakeCertificate, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, fmt.Errorf("cannot make a serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, s.Days), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range s.Names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	if len(s.Names) > 0 {
		t.Subject = pkix.Name{CommonName: s.Names[0]}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign it: %w", err)
	}
	return der, nil
}

func (h *Host) updateTrust(ctx context.Context, s host.UpdateTrust) error {
	if s.From != "" {
		if err := h.copyTrusted(s); err != nil {
			return fmt.Errorf("cannot have programs trust %s: %w", s.From, err)
		}
	}
	if _, err := os.Stat(host.TrustProgram); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := run(ctx, []string{host.TrustProgram}, runOptions{}); err != nil {
		return fmt.Errorf("cannot have programs trust what is in %s: %w", host.TrustedDir, err)
	}
	return nil
}

// copyTrusted copies the certificate, if it is one that nobody else is put at risk by.
func (h *Host) copyTrusted(s host.UpdateTrust) error {
	data, err := h.ReadFile(s.From)
	if err != nil {
		return err
	}
	c, err := host.ReadCertificate(data)
	switch {
	case err != nil:
		return err
	case c.Authority || !c.SelfSigned || !c.For(s.Names):
		return errors.New("somebody has put another certificate there meanwhile: look who, and remove it")
	case filepath.Dir(s.To) != host.TrustedDir:
		return fmt.Errorf("%s is not in %s", s.To, host.TrustedDir)
	}
	return h.put(s.To, fileWish{content: c.First(), access: host.AccessOf(0o644)})
}
