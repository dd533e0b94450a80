package spec

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// validators are the schemas of both files, compiled once for a test.
type validators struct{ backend, people *validator }

func compileBoth(t testing.TB) validators {
	t.Helper()
	return validators{compile(t, NewLanguage(testParts).BackendSchema), compile(t, NewLanguage(testParts).PeopleSchema)}
}

// of is the schema of a file of a repository; nil: it has none.
func (v validators) of(name string) *validator {
	switch {
	case name == peopleFile:
		return v.people
	case strings.HasPrefix(name, "backends/") && strings.HasSuffix(name, ".yaml"):
		return v.backend
	}
	return nil
}

// beyond are the problems that no schema of one file can see.
var beyond = regexp.MustCompile(strings.Join([]string{
	// YAML itself, of which a schema sees what comes out.
	`anchor &`, `duplicate key`, `got the number 010`,
	// Another file, or another item.
	`cannot read`, `include goes round`, `there is no`, `is not in developers\.yaml`, `has no role in`,
	`no (user|group|unit|key|role) ".*" is declared`, `no declared package brings it`, `is declared (absent )?at`,
	`managed: false takes out`, `one of them has to go`, `above it at .* is no directory`, `needs it\s*$`, `, too\b`,
	`differs only in capitals`, `is answered as`, `has no ACL`, `is (an account of the system|a person of developers\.yaml|root's)`,
	`no backend has a role`, `github_id is only checked`, `github needs keys\.github\.url`,
	// Fields beside each other: an including file can replace either.
	`want one or the other`, `says nothing`, `has no (text|form|owner|source|components|id:|port:|uid:)`, `does not end in`, `has one number for`, `application \S+ at \S+ has`, `it is the same on every host`, `want uris and suites`, `wants a subnet6?, too`, `a range of IPv[46]`, `is false, so say`, `overlaps`, `is outside`, `contradicts the section`, `says Conflicts=`, `is not to run, and unit`, `say RemainAfterExit=yes`, `keep the accounts of the host`, `gives each account a range`, `keeps (in it what is installed|its own notes)`, `unit file of a scope`, `a link has no`, `comment begins the marker lines`,
	`trust live contradicts`, `once goes with`, `what is absent has`, `the ACL is not recursive`, `bits`, `say one or the other`, `its hold is not that of`, `is for directories, acls, files and units`, `no deployment has triggers`, `cannot be: want`, `want any alone`, `is GitHub's form`, `the receiver's own`,
	// Arithmetic with addresses, and the values of docker's own options.
	`has no room for`, `is the (address of the network itself|broadcast address)`, `is the host's loopback`,
	`option com\.docker\.network\.`, `docker keeps this name`,
	// What files and directories of some names are.
	`lets everybody (at the passwords|remove and replace)`,
	// A text in another language.
	`it is no keyring`, `the name does not fit the content`, `line \d+ of the text`, `the text is empty`, `release "bookworm" twice`,
}, "|"))

// TestSchemaRefuses compares what the schemas say of the archives of testdata
// with what the loader says: nothing more, and of what is wrong in form nothing
// less.
func TestSchemaRefuses(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	schemas, n := compileBoth(t), 0
	for _, file := range cases {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Not in archives of what is no YAML, or of which one backend alone is loaded.
		if strings.HasPrefix(filepath.Base(file), "syntax") || strings.Contains(string(ar.Comment), "backend: ") {
			continue
		}
		want := string(ar.Files[len(ar.Files)-1].Data)
		for _, f := range ar.Files {
			s := schemas.of(f.Name)
			if s == nil {
				continue
			}
			got, all := s.refused(t, string(f.Data)), set{}
			for at, problem := range problemsOf(want, f.Name) {
				all.add(at)
				if beyond.MatchString(problem) {
					continue
				}
				if n++; !got[at] {
					t.Errorf("%s: the schema takes %s:%s: %s", file, f.Name, at, problem)
				}
			}
			for line := range got {
				if !all[line] {
					t.Errorf("%s: the schema refuses %s:%s, which the loader takes", file, f.Name, line)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d problems of form were compared", n)
	}
}

// oddValues are values of all types, as YAML.
func oddValues() []string {
	return []string{
		`~`, `""`, `" "`, `x`, `a b`, `"a\nb"`, `"a\x07b"`, `0`, `-1`, `1`, `65534`, `70000`, `99999999999`, `1.5`, `2026-01-02`, `true`, `"true"`, `yes`, `{}`, `{x: 1}`,
		`[]`, `[x]`, `[""]`, `[x, x]`, `[1]`, `[~]`, `[[x]]`, `[{}]`, `/`, `/x`, `/x/`, `/x/../y`, `x/y`, `/x/.y`, `/..x`, `"0644"`, `"64"`, `"07777"`, `"0888"`,
		`x.service`, `.service`, `x.conf`, `absent`, `user:x:rw`, `[user:x:rw]`, `[user::rw]`, `[user:x:rwz]`, `[user:x:]`, `https://x`, `https:x`, `10.0.0.0/8`, `10.0.0.1`,
		`{x: absent}`, `{x: {}}`, `{x: {state: absent}}`, `{"": {}}`, `{a b: {}}`, `{/x: {}}`, `{/x/..: {}}`, `{x.service: {}}`, `{x: ~}`, `{X: {}}`, `{"1": {}}`,
		`release bookworm`, `release Bookworm`, `not path /x exists`, `[device /dev/x exists, path /y exists]`, `[]`, `path x exists`, `mounted /x`, `mounted x`, `exists`, `not exists`, `package vim installed`, `unit x exists`,
	}
}

// TestSchemaAgrees writes odd values into each field at each place, and compares
// what schema and loader say.
func TestSchemaAgrees(t *testing.T) {
	schemas := compileBoth(t)
	backend := newSingle(t, "backends/one/backend.yaml")
	people := newSingle(t, peopleFile, txtar.File{Name: "backends/one/backend.yaml", Data: []byte("roles: {x: {}}\n")})
	tried := 0
	eachField(t, func(e Explained) {
		if e.Field.Name == "include" {
			return // it changes what is loaded
		}
		for _, value := range oddValues() {
			// With -short, each field gets another tenth of the values.
			const tenth = 10
			if tried++; testing.Short() && tried%tenth != 0 {
				continue
			}
			text := e.with(t, value)
			s, loader := schemas.backend, backend
			if e.Place.people {
				s, loader = schemas.people, people
				if e.Field.Name != "roles" {
					text += "  roles: []\n"
				}
			}
			said, formal := loader.problems(t, text), ""
			for line := range strings.Lines(said) {
				if !beyond.MatchString(line) {
					formal += line
				}
			}
			switch refused := s.refused(t, text); {
			case len(refused) > 0 && said == "":
				t.Errorf("%s: the schema refuses what the loader takes:\n%s", e, text)
			case len(refused) == 0 && formal != "":
				t.Errorf("%s: the schema takes\n%swhich the loader refuses: %s", e, text, formal)
			}
		}
	})
}

// problemsOf yields what is wrong with a file, by the line.
func problemsOf(want, file string) func(yield func(line, problem string) bool) {
	return func(yield func(line, problem string) bool) {
		for line := range strings.Lines(want) {
			rest, ok := strings.CutPrefix(line, file+":")
			at, problem, _ := strings.Cut(rest, ":")
			if _, err := strconv.Atoi(at); ok && err == nil && !yield(at, problem) {
				return
			}
		}
	}
}
