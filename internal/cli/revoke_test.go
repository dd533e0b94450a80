package cli_test

import (
	"strings"
	"testing"
)

const aliceFingerprint = "SHA256:gCuZ9DIPLj5oO/lTDK5/4OAu8z+7sFkm7zVTLl0F9KI"

// TestRevokeKey takes one key out of a host, keeps it out while the lists have it,
// and forgets about it once they have not.
func TestRevokeKey(t *testing.T) {
	w := newWorld(t, people)
	w.env["SUDO_USER"] = "admin"
	w.want(0, nil, nil, "manage")
	const hers, carols, record = "/home/alice/.ssh/authorized_keys", "/home/carol/.ssh/authorized_keys2", "/var/lib/opsafe/revoked/SHA256-gCuZ9DIPLj5oO_lTDK5_4OAu8z+7sFkm7zVTLl0F9KI"
	w.want(1, nil, []string{"is not the fingerprint of a key", "ssh-keygen -l"}, "revoke-key", "SHA256:short")
	w.want(0, []string{"+ " + aliceFingerprint, carols}, nil, "revoke-key", aliceFingerprint, "--plan", "--allow-locking-out-every-admin")
	w.untouched()
	before := w.file(hers)
	w.want(0, []string{"lets nobody in on this host"}, nil, "revoke-key", aliceFingerprint, "--allow-locking-out-every-admin")
	for _, at := range []string{hers, carols} {
		if got := w.file(at); strings.Contains(got, "AAAA") {
			t.Errorf("%s still has it: %q", at, got)
		}
	}
	w.want(0, []string{"Nothing to do."}, nil, "revoke-key", aliceFingerprint, "--allow-locking-out-every-admin")

	w.want(0, []string{"the key " + aliceFingerprint + " is revoked on this host since", "take it out of keys/alice:1"}, nil, "plan")
	w.want(0, []string{"revoked on this host"}, nil, "manage")
	if got := w.file(hers); strings.Contains(got, "AAAA") {
		t.Errorf("a run has brought it back: %q", got)
	}
	if w.file(record) == "" {
		t.Error("the record went while a list had the key")
	}
	w.want(0, nil, nil, "undo", "2", "--allow-locking-out-every-admin")
	if got := w.file(hers); got != before || w.file(record) != "" {
		t.Errorf("after undo: %q, record %q", got, w.file(record))
	}

	w.want(0, nil, nil, "revoke-key", aliceFingerprint, "--allow-locking-out-every-admin")
	// Somebody puts it back by hand, where no list is for.
	w.do(rootsFile(carols, aliceKey+"\n"))
	w.want(0, nil, nil, "manage")
	if got := w.file(carols); got != "" {
		t.Errorf("it is back: %q", got)
	}

	remove(t, w.dir+"/keys/alice")
	w.want(0, []string{"no list has it any more"}, nil, "manage", "--allow-locking-out-every-admin")
	if w.file(record) != "" {
		t.Error("the record stays though no list has the key")
	}
	w.want(0, []string{"Nothing to do."}, nil, "manage")
	for _, said := range []string{"plan", "manage"} {
		w.want(0, nil, nil, said)
		if strings.Contains(w.err.String(), "key/SHA256:") {
			t.Errorf("%s says that the spec has declared the revoked key: %s", said, w.err.String())
		}
	}
}

// TestRevokeKeyElsewhere: a key goes out of files that the spec declares, and out of
// those of authorities for certificates, too; a run does not bring it back.
func TestRevokeKeyElsewhere(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
{}
-- backends/one/backend.yaml --
files:
  /etc/keys/svc: {content: "`+aliceKey+` alice\n"}
  /etc/notes: {content: "`+aliceKey+` is not hers any more\n"}
-- host.yaml --
users: [{name: svc, uid: 1500, home: /home/svc, shell: /bin/sh}]
files:
  /etc/opsafe/backend: {content: "one\n"}
  /etc/keys: {type: directory}
  /etc/ssh/sshd_config: {content: "AuthorizedKeysFile /etc/keys/%u\nTrustedUserCAKeys /etc/ssh/ca\nAuthorizedPrincipalsFile /etc/principals/%u\n"}
  /etc/ssh/ca: {content: "`+aliceKey+` authority\n"}
  /etc/principals/svc: {content: "eve\n"}
`)
	w.want(0, nil, nil, "manage")
	w.want(0, []string{"/etc/ssh/ca", "/etc/keys/svc"}, nil, "revoke-key", aliceFingerprint)
	for _, at := range []string{"/etc/ssh/ca", "/etc/keys/svc"} {
		if got := w.file(at); strings.Contains(got, "AAAA") {
			t.Errorf("%s still has it: %q", at, got)
		}
	}
	for range 2 {
		w.want(1, []string{"it holds the key " + aliceFingerprint + ", which revoke-key has taken out of this host"}, nil, "manage")
		if got := w.file("/etc/keys/svc"); strings.Contains(got, "AAAA") {
			t.Errorf("a run has brought it back: %q", got)
		}
	}
	w.write("backends/one/backend.yaml", "files: {}\n")
	w.want(0, []string{"no list has it any more"}, nil, "manage")
}
