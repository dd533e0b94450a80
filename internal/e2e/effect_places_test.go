package e2e

import (
	"slices"
	"strings"
)

// place is a file, and what each sort of person may do in a login of theirs: r, it can
// be read; w, it can be added to; n, a new file can be made beside it.
type place struct {
	file                                                  string
	developer, researcher, reviewer, opensafely, outsider string
}

func places() []place {
	return []place{
		{highPrivacy + "/w/sub/out.csv", "r--", "r--", "---", "rwn", "---"},
		{mediumPrivacy + "/w/sub/out.csv", "r--", "r--", "r--", "rwn", "---"},
		{"/srv/medium_privacy/requests/w/sub/out.csv", "r--", "r--", "r--", "rwn", "---"},
		{"/home/opensafely/config/02_secrets.env", "---", "---", "---", "rwn", "---"},
		{"/home/opensafely/secret/key", "---", "---", "---", "rwn", "---"},
		{"/home/opensafely/bin/tool", "---", "---", "---", "rwn", "---"},
		{"/home/madwort/notes", "rwn", "---", "---", "---", "---"},
		{"/home/rosalind/notes", "---", "rwn", "---", "---", "---"},
		{"/etc/opensafely/profile", "r--", "r--", "r--", "r--", "r--"},
		{"/etc/sudoers.d/opensafely", "---", "---", "---", "---", "---"},
		{"/var/lib/opsafe/new", "---", "---", "---", "---", "---"},
	}
}

// tryPlaces tries each file that it is given.
const tryPlaces = `for f in "$@"; do
	r=- w=- n=-
	cat "$f" >/dev/null 2>&1 && r=r
	(: >>"$f") 2>/dev/null && w=w
	(: >"${f%/*}/of-$(id -un)") 2>/dev/null && n=n
	echo "$r$w$n"
done`

// provePlaces logs in as each sort of person, and tries each place. Somebody who has
// been disabled does not come that far.
func provePlaces(e *env, who people) {
	e.makeWorkspace("/srv/medium_privacy/requests")
	e.may("opensafely", "echo k > ~/secret/key", "touch ~/bin/tool")
	e.may("madwort", "touch ~/notes")
	e.may("rosalind", "touch ~/notes")
	e.mustRun("useradd", "--create-home", "outsider")
	script := []string{"sh", "-c", tryPlaces, "sh"}
	for _, p := range places() {
		script = append(script, p.file)
	}
	for _, person := range []struct {
		name  string
		login result
		want  func(place) string
	}{
		{"madwort", e.ssh("madwort", who.developer, script...), func(p place) string { return p.developer }},
		{"rosalind", e.ssh("rosalind", who.researcher, script...), func(p place) string { return p.researcher }},
		{"rhea", e.ssh("rhea", who.reviewer, script...), func(p place) string { return p.reviewer }},
		{"opensafely", e.runAs("opensafely", script...), func(p place) string { return p.opensafely }},
		{"outsider", e.runAs("outsider", script...), func(p place) string { return p.outsider }},
	} {
		got := strings.Fields(person.login.stdout)
		if len(got) != len(places()) {
			e.t.Errorf("%s: %s", person.name, person.login)
			continue
		}
		for i, p := range places() {
			if got[i] != person.want(p) {
				e.t.Errorf("%s may do %s with %s, not %s", person.name, got[i], p.file, person.want(p))
			}
		}
	}
	e.removePeople("rosalind")
	e.mustRun("rm", guestRepository+"/keys/rosalind")
	if r := e.opsafe("disable-user", "rosalind"); r.code != 0 {
		e.t.Fatal(r)
	}
	e.refused("rosalind", who.researcher)
	if r := e.feed(e.As(e.t.Context(), "rhea", "su", "-c", "id", "rosalind"), goodPassword+"\n"); r.code == 0 || slices.Contains(strings.Fields(r.stdout), "uid=") {
		e.t.Errorf("somebody disabled is let in by su: %s", r)
	}
}
