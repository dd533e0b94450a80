package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/crypto/argon2"
)

// What a digest of a secret costs: some hundredths of a second and so many KiB.
// Plans are shown in many places, and a secret can be a word: whoever has a list
// of words must not be able to try them all.
const (
	digestPasses = 1
	digestMemory = 16 << 10
	digestBytes  = 16
)

// SecretDigest stands for a secret at a path wherever something has to. The same
// content at the same path has the same digest, on every host.
func SecretDigest(path string, data []byte) string {
	asked := digestOf{path, sha256.Sum256(data)}
	if known, ok := digests.Load(asked); ok {
		return known.(string) //nolint:forcetypeassert // it holds strings alone
	}
	digest := hex.EncodeToString(argon2.IDKey(data, []byte("opsafe "+path), digestPasses, digestMemory, 1, digestBytes))
	digests.Store(asked, digest)
	return digest
}

// digestOf is a path and the SHA-256 of a content there.
type digestOf struct {
	path    string
	content [sha256.Size]byte
}

// digests are those that have been worked out: a run asks for the same one up to a
// dozen times, and has no more secrets than its spec and its host.
var digests sync.Map //nolint:gochecknoglobals // a cache of a pure function

// RedactedError is the answer for content that was recorded without what is
// secret in it. It is unknown to whoever asks for the content itself; what can be
// told all the same stands in its fields.
type RedactedError struct {
	Path string
	// Digest is the SecretDigest of the content, if all of it is secret.
	Digest string
	// Variables are the names that it assigns, if it is an environment file.
	Variables []string
	// Unset are those of them that are empty, or a placeholder.
	Unset []string
	// Assigned is what Assigned gives of its content, if a declared environment has it
	// among its files; nil: it was not recorded.
	Assigned map[string]bool
	// Text is the content with a digest, as Hidden writes it, in the place of
	// each secret; nil if all of it is secret.
	Text []byte
	// Part is what is known of declared parts of it; nil for nothing.
	Part *Part
}

func (e *RedactedError) Error() string { return e.Unwrap().Error() }

// Unwrap makes it an *UnknownError.
func (e *RedactedError) Unwrap() error {
	return &UnknownError{What: "content of " + e.Path, Why: "it is secret, and was recorded without what is secret in it"}
}

// Redacted finds a *RedactedError in err; nil: there is none.
func Redacted(err error) *RedactedError {
	var r *RedactedError
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// Assigns is Assigned of the content; nil: that cannot be told. Of what was recorded
// without it, or before an environment had the file, the rest of what is known tells.
func (e *RedactedError) Assigns() map[string]bool {
	switch {
	case e.Assigned != nil:
		return e.Assigned
	case e.Text != nil:
		return Assigned(e.Text)
	case !IsEnvFile(e.Path):
		return nil
	}
	all := map[string]bool{}
	for _, name := range e.Variables {
		all[name] = !slices.Contains(e.Unset, name)
	}
	return all
}

// Hidden is how the digest of a secret stands in the middle of a text.
func Hidden(digest string) string { return fmt.Sprintf("(secret, digest %.12s)", digest) }

// Secrecy says what of a host's files may not be recorded.
type Secrecy struct {
	// Paths of files whose content is secret as a whole.
	Paths map[string]bool
	// Variables are the names of those whose values are secret, by the path of
	// the environment file.
	Variables map[string]map[string]bool
	// Layers are the paths of files of environments: of which variables they assign,
	// and whether with a value, is recorded also where the values are secret.
	Layers map[string]bool
	// Open reports whether the content of a file is recorded although not
	// everybody may read it; nil: always.
	Open func(path string, n Node) bool
	// Closed reports whether a content is secret by what it is, whoever may read it;
	// nil: never.
	Closed func(path string, data []byte) bool
	// Part is what is recorded of what is declared of a part of a secret file;
	// nil: nothing.
	Part func(path string, data []byte) *Part
}

// Part is what is known of a part of a secret file.
type Part struct {
	// Lines are digests of those of the declared ones that are in it, and Lacks
	// of those that are not.
	Lines []string `json:"lines,omitempty"`
	Lacks []string `json:"lacks,omitempty"`
	// Blocks are the digests of its blocks, by the sign that begins their marker
	// lines; empty for none.
	Blocks map[string]string `json:"blocks,omitempty"`
	// Addresses are what variables of it list, by their names.
	Addresses map[string]AddressList `json:"addresses,omitempty"`
	// Paths are the files that variables of it name, by their names; empty for none.
	Paths map[string]string `json:"paths,omitempty"`
	// Certificate is what is known of the certificates in it, and PublicKey the digest
	// of the public half of the private key in it.
	Certificate *Certificate `json:"certificate,omitempty"`
	PublicKey   string       `json:"public_key,omitempty"`
}
