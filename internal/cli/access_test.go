package cli_test

import "testing"

// TestAccessAwaits: who is to be given a password is known by that, until they have one.
func TestAccessAwaits(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
rhea: {roles: [reviewers]}
ruth: {roles: [reviewers]}
-- backends/one/backend.yaml --
people: [reviewers]
roles: {reviewers: {shell: /bin/bash, password: set-by-admin, keys: []}}
-- host.yaml --
groups: [{name: rhea, gid: 1001}, {name: ruth, gid: 1002}]
users:
  - {name: rhea, uid: 1001, home: /home/rhea, password: locked}
  - {name: ruth, uid: 1002, home: /home/ruth, password: set must-change}
`)
	w.want(0, []string{"  password    to be set by an administrator: passwd rhea\n"}, nil, "access", "--backend", "one", "--user", "rhea")
	w.want(0, []string{"\n      password to be set by an administrator\n"}, nil, "access", "--backend", "one")
	w.run("access", "--backend", "one", "--format", "json")
	for _, p := range w.document()["people"].([]any) {
		p := p.(map[string]any)
		if is, _ := p["password_to_be_set_by_administrator"].(bool); is != (p["name"] == "rhea") {
			t.Errorf("%v: %v", p["name"], is)
		}
	}
}
