package roster_test

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// Two ordinary roles, as tpp has them.
func developers() *spec.Role {
	return &spec.Role{
		Item: item(10), Groups: []string{"sudo", "docker", "developers"}, Shell: "/bin/bash", HomeMode: "0750",
		Password: spec.PasswordSetAtFirstLogin, Keys: []spec.KeySource{spec.FromRepository, spec.FromGitHub},
	}
}

func reviewers() *spec.Role {
	return &spec.Role{Item: item(20), Groups: []string{"reviewers", "docker"}, Keys: []spec.KeySource{spec.FromRepository}}
}

func names(ms []roster.Member) string {
	var out []string
	for _, m := range ms {
		out = append(out, m.Name)
	}
	return strings.Join(out, " ")
}

func TestResolve(t *testing.T) {
	b := backend([]string{"developers", "reviewers"}, map[string]*spec.Role{"developers": developers(), "reviewers": reviewers(), "researchers": reviewers()})
	b.AuthorizedKeys = map[string]*spec.AuthorizedKeys{"deploy": {Item: item(40), People: []string{"gus", "carol", "ines"}}}
	repo := repository(b,
		person("zoe", 1, "developers"), person("alice", 2, "reviewers", "developers"), person("bob", 3, "reviewers"),
		person("carol", 4, "developers"), person("dave", 5, "researchers"), person("gus", 6, "nothing"), person("ines", 7, "researchers"))
	r, err := roster.Resolve(repo, b, map[string]roster.Tombstone{"carol": {Name: "carol", By: "root"}, "dave": {}, "nobody": {}})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(r.Members); got != "alice bob zoe" {
		t.Errorf("members are %s", got)
	}
	if got := names(r.Guests); got != "gus ines" {
		t.Errorf("guests are %s", got)
	}
	if len(r.Held) != 1 || r.Held[0].Name != "carol" || r.Held[0].By != "root" || r.Held[0].Pos.Line != 4 {
		t.Errorf("held are %+v", r.Held)
	}
	alice := r.Member("alice")
	if got := strings.Join(alice.Groups, " "); got != "developers docker reviewers sudo" {
		t.Errorf("alice is in %s", got)
	}
	if got := strings.Join(alice.Roles, " "); got != "developers reviewers" {
		t.Errorf("alice has the roles %s", got)
	}
	if alice.Shell != "/bin/bash" || alice.HomeMode != "0750" || alice.Password != spec.PasswordSetAtFirstLogin || alice.Pos.Line != 2 {
		t.Errorf("alice is %+v", alice)
	}
	if !alice.ManageKeys || !slices.Equal(alice.Sources, []spec.KeySource{spec.FromRepository}) {
		t.Errorf("the stricter role does not win: %v", alice.Sources)
	}
	if !r.Member("zoe").Uses(spec.FromGitHub) || r.Guests[0].Uses(spec.FromGitHub) || r.Member("carol") != nil || !r.Disabled("dave") {
		t.Errorf("%+v", r)
	}
}

func TestResolveKeysLeftOut(t *testing.T) {
	quiet, none := reviewers(), reviewers()
	quiet.Keys, none.Keys = nil, []spec.KeySource{}
	b := backend([]string{"quiet", "none", "developers"}, map[string]*spec.Role{"quiet": quiet, "none": none, "developers": developers()})
	repo := repository(b, person("a", 1, "quiet"), person("b", 2, "none"), person("c", 3, "quiet", "developers"), person("d", 4, "none", "developers"))
	r, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		managed bool
		sources int
	}{"a": {false, 0}, "b": {true, 0}, "c": {true, 2}, "d": {true, 0}} {
		m := r.Member(name)
		if m.ManageKeys != want.managed || len(m.Sources) != want.sources {
			t.Errorf("%s: managed %v, sources %v", name, m.ManageKeys, m.Sources)
		}
	}
}

func TestResolveLeavesOutUnmanagedRoles(t *testing.T) {
	no := false
	role := developers()
	role.Managed = &no
	b := backend([]string{"developers"}, map[string]*spec.Role{"developers": role})
	r, err := roster.Resolve(repository(b, person("alice", 1, "developers")), b, nil)
	if err != nil || len(r.Members) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestResolveProblems(t *testing.T) {
	second := func(change func(*spec.Role)) map[string]*spec.Role {
		r := reviewers()
		change(r)
		return map[string]*spec.Role{"developers": developers(), "reviewers": r}
	}
	const at = "backends/tpp/backend.yaml:20:5: "
	for name, c := range map[string]struct {
		roles map[string]*spec.Role
		want  []string
	}{
		"shell":        {second(func(r *spec.Role) { r.Shell = "/bin/sh" }), []string{at, "shell /bin/sh", "/bin/bash", "yaml:10:5", "alice, bob have both roles"}},
		"home mode":    {second(func(r *spec.Role) { r.HomeMode = "0700" }), []string{at, "home_mode 0700"}},
		"password":     {second(func(r *spec.Role) { r.Password = spec.PasswordLocked }), []string{at, "password locked"}},
		"disjoint":     {map[string]*spec.Role{"developers": {Item: item(10), Keys: []spec.KeySource{spec.FromGitHub}}, "reviewers": reviewers()}, []string{at, "no source for alice, bob"}},
		"undefined":    {map[string]*spec.Role{"developers": developers()}, []string{"role reviewers", "add roles.reviewers"}},
		"when":         {second(func(r *spec.Role) { r.When = spec.Conditions{{Text: "path /x exists"}} }), []string{at, "when"}},
		"bad options":  {second(func(r *spec.Role) { r.KeyOptions = "restrickt" }), []string{at, `"restrickt"`}},
		"open options": {second(func(r *spec.Role) { r.KeyOptions = "restrict\nssh-rsa AAAA" }), []string{at, "U+000A"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := backend([]string{"developers", "reviewers"}, c.roles)
			repo := repository(b, person("bob", 2, "developers", "reviewers"), person("alice", 1, "developers", "reviewers"))
			r, err := roster.Resolve(repo, b, nil)
			if r != nil {
				t.Error("a roster beside the error")
			}
			mustContain(t, err, c.want...)
		})
	}
}

func TestResolveChecksTheServer(t *testing.T) {
	for address, says := range map[string]string{
		"http://keys.example.org": "not encrypted", "ftp://x/": "no address", "keys.example.org": "no address",
		"https://me:token@keys.example.org/": "token_file", "https://keys.example.org/?a=b": "query",
	} {
		b := backend(nil, nil)
		b.Keys.GitHub.URL = address
		_, err := roster.Resolve(repository(b), b, nil)
		mustContain(t, err, says)
		if strings.Contains(err.Error(), "me:token") {
			t.Errorf("shows the token: %v", err)
		}
	}
	for _, address := range []string{"", "https://github-proxy.opensafely.org", "http://127.0.0.1:80/x", "http://[::1]/", "http://localhost:1/"} {
		b := backend(nil, nil)
		b.Keys.GitHub.URL = address
		if _, err := roster.Resolve(repository(b), b, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	b := backend(nil, nil)
	b.Keys.GitHub.Form = "jsno"
	_, err := roster.Resolve(repository(b), b, nil)
	mustContain(t, err, "form", "plain or api")
}
