package roster_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/spec"
)

// newKey makes a key line of its own, without a comment.
func newKey(t testing.TB) string {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return line(t, pub)
}

func line(t testing.TB, pub crypto.PublicKey) string {
	t.Helper()
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(k)), "\n")
}

// rsaLine makes an RSA key of the size once per test binary.
func rsaLine(t testing.TB, bits int) string {
	t.Helper()
	rsaMu.Lock()
	defer rsaMu.Unlock()
	if l, ok := rsaLines[bits]; ok {
		return l
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	rsaLines[bits] = line(t, &k.PublicKey)
	return rsaLines[bits]
}

var (
	rsaMu    sync.Mutex
	rsaLines = map[int]string{}
)

func ecdsaLine(t testing.TB, c elliptic.Curve) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return line(t, &k.PublicKey)
}

// blobLine renders a key from the fields of its blob.
func blobLine(typ string, fields any) string {
	return typ + " " + base64.StdEncoding.EncodeToString(ssh.Marshal(fields))
}

func skEd25519Line(t testing.TB) string {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return blobLine(ssh.KeyAlgoSKED25519, struct {
		Type string
		Key  []byte
		App  string
	}{ssh.KeyAlgoSKED25519, pub, "ssh:"})
}

func skECDSALine(t testing.TB) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return blobLine(ssh.KeyAlgoSKECDSA256, struct {
		Type, Curve string
		Key         []byte
		App         string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, "ssh:"})
}

func dsaLine() string {
	return blobLine("ssh-dss", struct {
		Type       string
		P, Q, G, Y *big.Int
	}{"ssh-dss", big.NewInt(23), big.NewInt(11), big.NewInt(4), big.NewInt(9)})
}

func certLine(t testing.TB) string {
	t.Helper()
	_, caKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerFromKey(caKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: ca.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(cert)), "\n")
}

// person is an entry on the given line of developers.yaml.
func person(name string, at int, roles ...string) *spec.Person {
	return &spec.Person{Meta: spec.Meta{Pos: spec.Pos{File: "developers.yaml", Line: at, Column: 3}}, Name: name, Roles: roles}
}

// item is an item on the given line of a backend's file.
func item(at int) spec.Item {
	return spec.Item{Meta: spec.Meta{Pos: spec.Pos{File: "backends/tpp/backend.yaml", Line: at, Column: 5}}}
}

func backend(people []string, roles map[string]*spec.Role) *spec.Backend {
	return &spec.Backend{
		Meta: spec.Meta{Pos: spec.Pos{File: "backends/tpp/backend.yaml", Line: 1, Column: 1}},
		Name: "tpp", People: people, Roles: roles,
		Keys: spec.Keys{GitHub: spec.GitHub{Trust: "live"}}, // pins have tests of their own
	}
}

func repository(b *spec.Backend, people ...*spec.Person) *spec.Repository {
	return &spec.Repository{People: people, KeyFiles: map[string][]byte{}, Backends: map[string]*spec.Backend{b.Name: b}}
}

// mustContain fails unless err says all of the words.
func mustContain(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}
