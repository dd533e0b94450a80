package e2e

import "strings"

// githubLock is where the host's copy of the repository pins keys.
const githubLock = guestRepository + "/keys/github.lock"

// provePins gives up the name of somebody who has no key but the registered one,
// and has a stranger take it. Solo is there, with their key and a password.
func provePins(e *env, stub *keyStub, solo sshKey) {
	t := e.t
	stranger, second := newSSHKey(t, "stranger"), newSSHKey(t, "second")
	stub.set(func() {
		for _, name := range []string{
			"madwort", "inglesp", "evansd", "iaindillingham", "rebkwok", "lucyb", "jongmassey", "LFISHER7", "HelenCEBM", "andrewscolm",
		} {
			stub.keys[name] = newKey(t)
		}
		stub.keys["solo"] = solo.public
	})
	e.setLab("keys: {github: {mode: live, url: " + stub.url + "}}\n")
	e.mustRun("rm", "-f", githubLock)
	if r := e.opsafe("keys", "update", "--check", "--backend", "tpp"); r.code != 2 || !strings.Contains(r.stdout, "+ solo") || e.exists(githubLock) {
		t.Fatalf("keys update --check: %s", r)
	}
	if r := e.opsafe("keys", "update", "--backend", "tpp"); r.code != 0 || !strings.Contains(r.stdout, "+ solo") {
		t.Fatalf("keys update: %s", r)
	}
	if mode := e.mustRun("stat", "-c", "%U:%G %a", githubLock); mode != "root:root 644" {
		t.Errorf("%s is %s", githubLock, mode)
	}
	e.mustRun(guestBinary, "validate")
	e.manage(0)
	before := e.authorized("solo")
	in := func(k sshKey, where string) {
		t.Helper()
		if r := e.ssh("solo", k, "true"); r.code != 0 {
			t.Errorf("%s, their own key: %s", where, r)
		}
	}
	in(solo, "pinned")

	stub.set(func() { stub.keys["solo"] = solo.public + second.public })
	if said := e.manage(0); !strings.Contains(said, "solo has registered the key ssh-ed25519 SHA256:") || !strings.Contains(said, "not pinned") {
		t.Errorf("a second key: %s", said)
	}
	e.refused("solo", second)
	in(solo, "with a second key that is not pinned")

	stub.set(func() { stub.keys["solo"] = stranger.public })
	said := e.manage(1)
	if !strings.Contains(said, "as if somebody else had taken the name over") || e.authorized("solo") != before {
		t.Errorf("the name is a stranger's: %s", said)
	}
	e.refused("solo", stranger)
	in(solo, "with the name taken")

	// Locked, nobody is asked.
	stub.set(func() { stub.asked = 0 })
	e.setLab("keys: {github: {mode: locked, url: " + stub.url + "}}\n")
	for _, c := range e.planJSON("tpp").Changes {
		if c.Kind != "key" {
			t.Errorf("plan: %s %s/%s", c.Action, c.Kind, c.Name)
		}
	}
	e.manage(0)
	if said := e.manage(0); !strings.Contains(said, "Nothing to do.") {
		t.Errorf("a second run: %s", said)
	}
	stub.set(func() {
		if stub.asked != 0 {
			t.Errorf("%d requests with locked keys", stub.asked)
		}
	})
	e.refused("solo", stranger)
	in(solo, "locked")
}
