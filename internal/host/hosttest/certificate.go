package hosttest

import (
	"path"
	"time"

	"opsafe/internal/host"
)

// certificateDays is how long certificates here are valid.
const certificateDays = 30

func makeCertificate(e *env) {
	room := e.room()
	step := host.MakeCertificate{Path: room + "/c.pem", Key: room + "/c.key", Names: []string{"ct.test", "127.0.0.1"}, Days: certificateDays, Owner: "daemon", Group: "sudo"}
	e.do(step)
	for p, m := range map[string]host.Mode{step.Path: 0o644, step.Key: 0o600} {
		n := e.node(p)
		if n == nil {
			e.Fatalf("%s is not there", p)
		}
		n.Size = 0
		e.same("node", n, &host.Node{Type: host.TypeFile, Owner: "daemon", Group: "sudo", Access: host.AccessOf(m), Links: 1})
	}
	key := e.belongs(step)
	// The key is kept; the certificate is another.
	step.Names = []string{"other.test"}
	e.do(step)
	if again := e.belongs(step); again != key {
		e.Errorf("the key was %s and is %s", key, again)
	}
	step.Path = room + "/no/c.pem"
	e.refuse(step)
	step.Path, step.Key, step.Owner = room+"/d.pem", room+"/d.key", "ctnobody"
	e.refuse(step)
	e.same("names", e.names(room), []string{"c.key", "c.pem"})
}

// belongs checks a pair that has been made, and gives the digest of its public key; empty
// where it is known after apply.
func (e *env) belongs(s host.MakeCertificate) string {
	e.Helper()
	data, err := e.host.ReadFile(s.Path)
	if host.AfterApply(err) {
		return ""
	}
	e.ok(err)
	c, err := host.ReadCertificate(data)
	e.ok(err)
	data, err = e.host.ReadFile(s.Key)
	e.ok(err)
	key, err := host.ReadPrivateKey(data)
	e.ok(err)
	digest, err := host.PublicKeyDigest(key)
	e.ok(err)
	if left := time.Until(c.Until); !c.SelfSigned || c.Authority || !c.For(s.Names) || c.Key != digest || left > certificateDays*24*time.Hour || left < (certificateDays-1)*24*time.Hour {
		e.Errorf("certificate %+v for the key %s", c, digest)
	}
	return digest
}

func updateTrust(e *env) {
	room := e.room()
	made := host.MakeCertificate{Path: room + "/t.pem", Key: room + "/t.key", Names: []string{"ct.test"}, Days: certificateDays, Owner: "root", Group: "root"}
	trust := host.UpdateTrust{From: made.Path, To: path.Join(host.TrustedDir, "ct.crt"), Names: made.Names}
	e.refuse(trust) // there is nothing to trust
	e.do(made)
	if e.node(host.TrustedDir) == nil {
		e.do(dir(host.TrustedDir))
	}
	e.do(trust)
	n := e.node(trust.To)
	if n == nil {
		e.Fatalf("%s is not there", trust.To)
	}
	n.Size = 0
	e.same("node", n, &host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644), Links: 1})
	e.do(host.RemovePath{Path: trust.To}, host.UpdateTrust{})
	e.absent(trust.To)
}
