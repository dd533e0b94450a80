package certificate

import (
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// publicDigestOf stands for the public half of the private key in a content; empty:
// there is none that can be read.
func publicDigestOf(data []byte) string {
	key, err := host.ReadPrivateKey(data)
	if err != nil {
		return ""
	}
	digest, err := host.PublicKeyDigest(key)
	if err != nil {
		return ""
	}
	return digest
}

// withhold keeps keys out of facts.
func withhold(b *spec.Backend, w *kind.Withheld) {
	for _, c := range of(b) {
		if c.Key != "" {
			w.Paths[c.Key] = true
		}
	}
}

// parts is what facts hold of certificates, of keys, and of variables that name
// their files.
func parts(backends []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	return withCertificate(withPaths(part, at, data, backends), data)
}

// withCertificate adds to what is known of a part of a file what its certificates say,
// and to which of them its private key belongs.
func withCertificate(part *host.Part, data []byte) *host.Part {
	if !host.HasCertificate(data) && !host.HasPrivateKey(data) {
		return part
	}
	if part == nil {
		part = &host.Part{}
	}
	part.Certificate, _ = host.ReadCertificate(data)
	part.PublicKey = publicDigestOf(data)
	return part
}

// withPaths adds which files the variables name that are declared to name one of a
// certificate.
func withPaths(part *host.Part, at string, data []byte, backends []*spec.Backend) *host.Part {
	for _, b := range backends {
		for _, c := range of(b) {
			for _, from := range c.variables() {
				if from.File != at {
					continue
				}
				if part == nil {
					part = &host.Part{}
				}
				if part.Paths == nil {
					part.Paths = map[string]string{}
				}
				part.Paths[from.Variable] = from.in(data)
			}
		}
	}
	return part
}

// letsEncrypt is where certbot has a directory for each certificate that counts.
const letsEncrypt = "/etc/letsencrypt/live"

// adopt takes those of certbot: all, or one.
func adopt(_ context.Context, t kind.Taker, name string) error {
	names, err := t.ReadDir(letsEncrypt)
	if err != nil && (name != "" || !host.IsUnknown(err)) {
		return err
	}
	if name != "" && !slices.Contains(names, name) {
		return fmt.Errorf("there is no certificate of that name in %s", letsEncrypt)
	}
	for _, found := range names {
		dir := path.Join(letsEncrypt, found)
		if n, err := t.Stat(dir); err != nil || n == nil || n.Type != host.TypeDir || name != "" && name != found {
			continue
		}
		item := map[string]string{"path": path.Join(dir, "fullchain.pem"), "key": path.Join(dir, "privkey.pem")}
		if err := t.Take("from "+dir, item, "certificates", found); err != nil {
			return err
		}
	}
	return nil
}
