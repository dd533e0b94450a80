package host

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Certificate is what is known of a file of certificates: a service's own first, then
// those that vouch for it. Nothing of it is secret.
type Certificate struct {
	// Until is when the first of them to expire does.
	Until time.Time `json:"until"`
	// Names are all that the first is for: hosts, addresses, and whatever else it names.
	Names []string `json:"names,omitempty"`
	// Key is the digest of the first one's public key, as PublicKeyDigest gives it.
	Key string `json:"key"`
	// SelfSigned says that nobody else vouches for the first, and Authority that programs
	// may take it for one that vouches for others.
	SelfSigned bool `json:"self_signed,omitempty"`
	Authority  bool `json:"authority,omitempty"`
	// Digest is the SHA-256 of the first, in hexadecimal.
	Digest string `json:"digest"`
	first  []byte // in DER; nil where it was recorded
}

// First is the first certificate alone, in PEM.
func (c *Certificate) First() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.first})
}

// Where programs find the certificates that the host trusts: those of an
// administrator, each in a file of its own, and what update-ca-certificates makes of
// them and of Debian's.
const (
	TrustedDir    = "/usr/local/share/ca-certificates"
	TrustedBundle = "/etc/ssl/certs/ca-certificates.crt"
	TrustProgram  = "/usr/sbin/update-ca-certificates"
)

// LeafDigests are the SHA-256 of the certificates in a content that vouch for no others,
// in its order.
func LeafDigests(data []byte) []string {
	var out []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == pemCertificate && !vouches(c) {
			out = append(out, hexDigest(c.Raw))
		}
	}
	return out
}

// For reports whether it is for exactly these names.
func (c *Certificate) For(names []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(c.Names)), slices.Sorted(slices.Values(names)))
}

// Blocks of PEM, in which certificates and their keys are kept.
const (
	pemCertificate = "CERTIFICATE"
	pemPrivateKey  = "PRIVATE KEY" // also the end of RSA PRIVATE KEY and EC PRIVATE KEY
)

// HasCertificate reports whether a content has a certificate in it.
func HasCertificate(data []byte) bool {
	return bytes.Contains(data, []byte("-----BEGIN "+pemCertificate+"-----"))
}

// HasPrivateKey reports whether a content has a private key in it, of whatever type.
func HasPrivateKey(data []byte) bool { return bytes.Contains(data, []byte(pemPrivateKey+"-----")) }

// ReadCertificate reads a file of certificates in PEM.
func ReadCertificate(data []byte) (*Certificate, error) {
	var out *Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != pemCertificate {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("cannot read a certificate: %w", err)
		}
		if out == nil {
			out = firstCertificate(c)
		}
		if c.NotAfter.Before(out.Until) {
			out.Until = c.NotAfter
		}
	}
	if out == nil {
		return nil, errors.New("cannot find a certificate in PEM")
	}
	return out, nil
}

// vouches reports whether a program may take a certificate for one that vouches for
// others: unless it says itself that it does not, and has no leave to sign. OpenSSL
// takes one without basic constraints for an authority if its key may sign others.
func vouches(c *x509.Certificate) bool {
	return c.IsCA || !c.BasicConstraintsValid || c.KeyUsage&x509.KeyUsageCertSign != 0
}

func firstCertificate(c *x509.Certificate) *Certificate {
	out := &Certificate{Until: c.NotAfter.UTC(), Names: append([]string{}, c.DNSNames...), Key: hexDigest(c.RawSubjectPublicKeyInfo), Digest: hexDigest(c.Raw), Authority: vouches(c), first: c.Raw}
	for _, ip := range c.IPAddresses {
		out.Names = append(out.Names, ip.String())
	}
	for _, uri := range c.URIs {
		out.Names = append(out.Names, uri.String())
	}
	out.Names = append(out.Names, c.EmailAddresses...)
	// Where it has no other host's name, programs may go by this one.
	if name := c.Subject.CommonName; name != "" && len(c.DNSNames) == 0 && !slices.Contains(out.Names, name) {
		out.Names = append(out.Names, name)
	}
	out.SelfSigned = bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	return out
}

// ReadPrivateKey reads the first private key in PEM. One with a passphrase cannot be
// read. Its error says nothing of the content.
func ReadPrivateKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		for _, parse := range []func([]byte) (any, error){
			x509.ParsePKCS8PrivateKey,
			func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
			func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
		} {
			key, err := parse(block.Bytes)
			if signer, ok := key.(crypto.Signer); ok && err == nil {
				return signer, nil
			}
		}
	}
	return nil, errors.New("cannot find a private key without a passphrase in PEM")
}

// PublicKeyDigest stands for the public half of a private key.
func PublicKeyDigest(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", fmt.Errorf("cannot tell the public half of a key: %w", err)
	}
	return hexDigest(der), nil
}

func hexDigest(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
