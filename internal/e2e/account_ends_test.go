package e2e

import (
	"strings"
	"testing"
)

// TestAccountEnds closes accounts that are hard to close: of somebody who is called
// otherwise now, and of somebody who has but a password; and takes one key out.
func TestAccountEnds(t *testing.T) {
	t.Parallel()
	e := newTPP(t, "description: lab\n")
	k := e.giveKey("madwort")
	e.manage(0)
	e.setPassword("madwort")
	e.mustRun("sed", "-i", "s/^madwort:/madwort-q:/", guestPeople)
	e.mustRun("mv", guestRepository+"/keys/madwort", guestRepository+"/keys/madwort-q")
	e.mustRun("rm", "-f", guestRepository+"/keys/github.lock")
	if said := e.manage(0); !strings.Contains(said, "madwort is on no list and keeps docker, sudo") && !strings.Contains(said, "madwort is on no list and keeps sudo, docker") {
		t.Errorf("a run does not say who has two accounts now:\n%s", said)
	}
	e.setPassword("madwort-q")
	if r := e.opsafe("disable-user", "--backend", "tpp", "madwort"); r.code != 0 || !strings.Contains(r.stderr, "listed under another name, too (keys/madwort-q:") {
		t.Fatalf("disable-user of the old name: %s", r)
	}
	e.refused("madwort", k)
	if r := e.ssh("madwort-q", k, "id", "-Gn"); r.code != 0 || !strings.Contains(r.stdout, "sudo") {
		t.Fatalf("the new name: %s", r)
	}
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		t.Errorf("the record of the old name fights with the lists: %q", changed(again))
	}

	e.mustRun("useradd", "--create-home", "--shell", "/bin/bash", "onlypass")
	e.feed(e.Command(t.Context(), "chpasswd"), "onlypass:"+goodPassword+"\n")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	e.mustRun("docker", "run", "--detach", "--name", "stray", "--network", "none", "lab:1", "sleep", "1000000")
	status := e.opsafe("status", "--backend", "tpp")
	for _, want := range []string{"password/onlypass", "opsafe disable-user onlypass", "container/stray", "docker rm -f stray"} {
		if !strings.Contains(status.stdout, want) {
			t.Errorf("status does not say %q: %s", want, status)
		}
	}
	if r := e.opsafe("prune", "--backend", "tpp", "container/stray"); r.code != 1 || !strings.Contains(r.stderr, "docker rm -f stray") {
		t.Errorf("prune of what it cannot remove: %s", r)
	}
	e.mustRun("docker", "rm", "--force", "stray")
	if r := e.opsafe("disable-user", "--backend", "tpp", "onlypass"); r.code != 0 || !strings.Contains(r.stdout, "onlypass has no access to this host any more") {
		t.Errorf("disable-user of somebody with a password: %s", r)
	}
	if status := e.opsafe("status", "--backend", "tpp"); status.code != 0 || strings.Contains(status.stdout, "on no list") {
		t.Errorf("status of a closed account: %s", status)
	}

	e.mustRun("usermod", "--shell", "/bin/sh", "backup")
	e.feed(e.Command(t.Context(), "chpasswd"), "backup:"+goodPassword+"\n")
	const closes = "usermod --lock --expiredate 1970-01-02 backup"
	if said := e.manage(0, "--backend", "tpp"); !strings.Contains(said, "backup is on no list and keeps a password: sudo "+closes) {
		t.Errorf("a run does not name an account of the system with a password:\n%s", said)
	}
	if status := e.opsafe("status", "--backend", "tpp"); !strings.Contains(status.stdout, closes) {
		t.Errorf("status does not say how to close an account of the system: %s", status)
	}
	e.mustRun(strings.Fields(closes)...)
	if status := e.opsafe("status", "--backend", "tpp"); strings.Contains(status.stdout, "on no list") {
		t.Errorf("status of a closed account of the system: %s", status)
	}

	fields := strings.Fields(e.mustRun("ssh-keygen", "-l", "-f", "/home/madwort-q/.ssh/authorized_keys"))
	fingerprint := ""
	for i, f := range fields {
		if strings.HasPrefix(f, "SHA256:") && i+1 < len(fields) && fields[i+1] == "madwort@test" {
			fingerprint = f
		}
	}
	if r := e.opsafe("revoke-key", fingerprint, "--allow-locking-out-every-admin"); r.code != 0 {
		t.Fatalf("revoke-key %s: %s", fingerprint, r)
	}
	e.refused("madwort-q", k)
	if said := e.manage(0, "--allow-locking-out-every-admin"); !strings.Contains(said, "revoked on this host") {
		t.Errorf("a run does not say that a list still has a revoked key:\n%s", said)
	}
	e.refused("madwort-q", k)
}
