package receive

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"os"
	"path/filepath"

	"opsafe/internal/kind/deployment"
)

// Secrets are those of the hooks, by the names of systemd's credentials.
type Secrets map[string][]byte

// ReadSecrets reads the credentials of all hooks. One that is missing, empty, too short
// or a placeholder is reported, and with it nothing is let in.
func ReadSecrets(dir string, hooks []deployment.Hook, log *slog.Logger) Secrets {
	out := Secrets{}
	for _, h := range hooks {
		for _, name := range []string{h.Secret, h.Key} {
			if name == "" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				data, err = deployment.HookSecret(data)
			}
			if err != nil {
				log.Error("a hook lets nobody in", "deployment", h.Deployment, "credential", name, "why", err.Error())
				continue
			}
			out[name] = data
		}
	}
	return out
}

var errUnknown = errors.New("its secret could not be read")

// same compares what was sent with a secret, in a time that tells nothing of either.
func (s Secrets) same(name, sent string) error {
	secret, ok := s[name]
	want, got := sha256.Sum256(secret), sha256.Sum256([]byte(sent))
	equal := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	switch {
	case !ok:
		return errUnknown
	case !equal:
		return fmt.Errorf("it is not that of %s", name)
	}
	return nil
}

// signers work out a signature with each secret, while the body comes in.
type signers []signer

type signer struct {
	hash.Hash
	repositories []string
}

// signers are those of GitHub's form; hooks that share a secret share one.
func (s Secrets) signers(hooks []deployment.Hook) signers {
	var out signers
	by := map[string]int{}
	for _, h := range hooks {
		secret, ok := s[h.Secret]
		if h.Secret == "" || !ok {
			continue
		}
		i, known := by[string(secret)]
		if !known {
			i = len(out)
			by[string(secret)] = i
			out = append(out, signer{Hash: hmac.New(sha256.New, secret)})
		}
		out[i].repositories = append(out[i].repositories, h.Repository)
	}
	return out
}

// Write hands a part of the body to each.
func (s signers) Write(data []byte) (int, error) {
	for _, one := range s {
		_, _ = one.Write(data) // never fails
	}
	return len(data), nil
}

// with lists the repositories of the secret by which a signature is. It compares with
// each secret, in constant time.
func (s signers) with(signature []byte) []string {
	var out []string
	for _, one := range s {
		if hmac.Equal(one.Sum(nil), signature) {
			out = append(out, one.repositories...)
		}
	}
	return out
}
