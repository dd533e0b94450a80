package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// rawNames are files whose names are not UTF-8, and a link to such a name.
const rawNames = `set -e
mkdir -p /srv/nu/d; touch /srv/nu/$'\xff\xfe' /srv/nu/d/$'ok\xe9' /srv/nu/plain; chmod 644 /srv/nu/* /srv/nu/d/*; chmod 755 /srv/nu/d
ln -s $'/srv/\xff' /etc/odd`

// TestRawNames: names that are not UTF-8 are shown alike on the host and off it, a kept
// plan with them is carried out, and undo brings back their rights and what they lead to.
func TestRawNames(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("rm", "-r", guestPeople, guestRepository+"/keys")
	e.mustRun("bash", "-c", rawNames)
	e.labSpec("directories: {/srv/nu: {recurse: {owner: daemon, files: \"0600\"}}}\nfiles: {/etc/odd: {link: /etc/hostname}}\n")
	state := func() string {
		t.Helper()
		return e.mustRun("bash", "-c", `find /srv/nu /etc/odd -printf '%m %u %p %l\n' | sort | cat -v`)
	}
	before := state()

	e.mustRun(guestBinary, "facts", "--backend", "lab", "--out", guestFacts)
	for _, format := range []string{"text", "json", "markdown"} {
		here := e.mustRun(guestBinary, "plan", "--backend", "lab", "--format", format)
		there := e.mustRun(guestBinary, "plan", "--backend", "lab", "--format", format, "--facts", guestFacts)
		if here = untimed(here); here != untimed(factless(there)) {
			t.Errorf("%s\n%s", here, there)
		}
		if format != "markdown" && !strings.Contains(here, `/srv/nu/`) || strings.Contains(here, "\ufffd") {
			t.Errorf("names cannot be read:\n%s", here)
		}
		if format == "text" && (!strings.Contains(here, `/srv/nu/\xff\xfe`) || !strings.Contains(here, `/srv/nu/d/ok\xe9`) || !strings.Contains(here, `target /srv/\xff`)) {
			t.Errorf("names cannot be read:\n%s", here)
		}
	}

	e.mustRun(guestBinary, "plan", "--backend", "lab", "--out", "/root/plan.json")
	e.says(0, e.opsafe("manage", "--plan", "/root/plan.json"), "Done: 2 changed")
	after := state()
	if after == before || !strings.Contains(after, "600 daemon /srv/nu/M-^?M-~") {
		t.Errorf("it has not been carried out:\n%s", after)
	}
	for i, want := range []string{before, after, before} {
		run := string(rune('1' + i))
		e.says(0, e.opsafe("undo", run, "--plan"))
		e.says(0, e.opsafe("undo", run))
		if got := state(); got != want {
			t.Errorf("after undo %s:\n%s\nnot\n%s", run, got, want)
		}
	}
}

// untimed is a document without how long it took.
func untimed(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `"seconds"`) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestFailedKeyPair: of a key pair that fails, what was made is planned, shown and undone.
func TestFailedKeyPair(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("rm", "-r", guestPeople, guestRepository+"/keys")
	// What validate cannot know: no disk has room for the pair.
	e.mustRun("mkdir", "-p", "/srv/t")
	e.mustRun("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "none", "/srv/t")
	e.labSpec(`groups: {ga: {}}
users: {svc3: {group: ga}}
directories: {/srv/t: {owner: svc3}}
key_pairs: {/srv/t/in/key: {owner: svc3}}
`)
	state := func() string {
		t.Helper()
		return e.mustRun("bash", "-c", `find /srv/t -printf '%m %u:%g %p\n' | sort; getent passwd svc3; getent group ga; true`)
	}
	before := state()
	plan := e.opsafe("plan", "--backend", "lab")
	e.says(1, plan, "+ svc3", "~ /srv/t", "/srv/t/in/key", "there is no directory /srv/t/in")
	e.says(1, e.opsafe("manage", "--backend", "lab"), "+ svc3", "~ /srv/t", "there is no directory /srv/t/in")
	e.says(0, e.opsafe("show", "1"), "~ /srv/t", "owner root → svc3")
	e.says(0, e.opsafe("undo", "1"))
	if got := state(); got != before {
		t.Errorf("after undo:\n%s\nbefore:\n%s", got, before)
	}

	// One that fails half way leaves neither half, nor a directory.
	e.labSpec("users: {svc3: {home: /srv/t/home, home_mode: \"0755\"}}\nkey_pairs: {/srv/t/home/.k/key: {owner: svc3}}\n")
	before = state()
	r := e.opsafe("manage", "--backend", "lab")
	e.says(1, r, "/srv/t/home")
	last := e.history().Runs
	e.says(0, e.opsafe("show", string(rune('0'+last[len(last)-1].Run))))
	e.opsafe("undo", string(rune('0'+last[len(last)-1].Run)))
	if got := state(); got != before {
		t.Errorf("after undo:\n%s\nbefore:\n%s\n%s", got, before, r)
	}
}
