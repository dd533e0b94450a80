package cli_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

const envSpec = `
-- backends/north/backend.yaml --
environments:
  app:
    files: [/etc/app/defaults.env, /etc/app/secrets.env, /etc/app/local.env]
    optional: [/etc/app/local.env]
    required: [TOKEN, PORT]
-- host.yaml --
files:
  /etc/app/defaults.env: {content: "PORT=1\nA='x y' \nWORKERS=\n"}
  /etc/app/secrets.env: {content: "TOKEN=hunter2;$(id)\nA=3\n"}
`

// ran is what env has been asked to run.
type ran struct {
	argv []string
	vars map[string]string
}

func (w *world) catch() *ran {
	r := &ran{}
	w.app.Exec = func(argv []string, vars map[string]string) error {
		r.argv, r.vars = argv, vars
		return nil
	}
	return r
}

// TestEnv: a command gets what the files assign, the last of them first, and a list
// has names and files, and no value.
func TestEnv(t *testing.T) {
	w := newWorld(t, envSpec)
	r := w.catch()
	w.want(1, nil, []string{"there is no environment on this host: declare one under environments"}, "env", "--", "true")
	w.want(0, nil, nil, "manage", "--backend", "north")
	w.app.Root = false
	for _, args := range [][]string{{"env", "--"}, {"env", "app", "--"}} {
		*r = ran{}
		w.want(0, nil, nil, append(args, "printenv", "--null", "A B")...)
		if d := cmp.Diff([]string{"printenv", "--null", "A B"}, r.argv); d != "" {
			t.Error(d)
		}
		if want := map[string]string{"PORT": "1", "A": "3", "TOKEN": "hunter2;$(id)", "WORKERS": ""}; !maps.Equal(want, r.vars) {
			t.Errorf("it gets %q", r.vars)
		}
	}
	*r = ran{}
	w.want(0, []string{"A        /etc/app/secrets.env\n", "PORT     /etc/app/defaults.env\n", "TOKEN    /etc/app/secrets.env\n"}, nil, "env")
	if r.argv != nil || strings.Contains(w.out.String()+w.err.String(), "hunter2") {
		t.Errorf("%q is run, or a value is shown:\n%s", r.argv, w.out.String())
	}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{`there is no environment "ap" on this host: did you mean "app"? (there is: app); a command comes behind --`, []string{"ap", "--", "true"}},
		{"opsafe env app -- true x", []string{"app", "true", "x"}},
		{"no command is behind --", []string{"app", "--"}},
	} {
		w.want(1, nil, []string{tc.want}, append([]string{"env"}, tc.args...)...)
	}
	if r.argv != nil {
		t.Errorf("%q is run", r.argv)
	}
	w.write("backends/north/backend.yaml", "environments: {app: {state: absent}, b: {files: [/etc/app/defaults.env]}, c: {files: [/etc/app/defaults.env]}}\n")
	w.app.Root = true
	w.want(0, nil, nil, "manage", "--backend", "north")
	w.want(1, nil, []string{"which environment, b or c?"}, "env", "--", "true")
}

// TestEnvRefused: all that is wrong is said at once, in plans and status as well, with
// names and no values; nothing is run.
func TestEnvRefused(t *testing.T) {
	w := newWorld(t, envSpec)
	r := w.catch()
	w.want(0, nil, nil, "manage", "--backend", "north")
	said := []string{
		"environment app is not fit to run anything with:\n",
		"/etc/app/defaults.env: OTHER has a placeholder in the place of its value",
		"/etc/app/local.env: TOKEN is empty, and required",
		"PORT is in none of the files, and required",
	}
	for at, text := range map[string]string{"/etc/app/defaults.env": "export PORT=80\nOTHER=change-me-hunter3\n", "/etc/app/local.env": "TOKEN=\n"} {
		w.do(host.WriteFile{Path: at, Content: host.NewContent([]byte(text)), Owner: "root", Group: "root", Access: host.AccessOf(0o600)})
	}
	for _, args := range [][]string{{"env", "--", "true"}, {"env"}} {
		w.want(1, nil, said, args...)
		if strings.Contains(w.out.String()+w.err.String(), "hunter") {
			t.Errorf("a value is shown:\n%s%s", w.out.String(), w.err.String())
		}
	}
	w.want(0, []string{"TOKEN, PORT: required, and empty, a placeholder or in none of its files"}, nil, "plan", "--backend", "north")
	w.run("status", "--backend", "north")
	if !strings.Contains(w.out.String()+w.err.String(), "\n\nnotes\n  environment app\n      TOKEN, PORT: required, and empty") {
		t.Errorf("status says\n%s%s", w.out.String(), w.err.String())
	}
	state := snapshot.Bare("bookworm")
	w.settle(state)
	w.want(0, []string{"/etc/app/defaults.env, /etc/app/secrets.env: not there"}, nil, "manage", "--backend", "north")
	w.want(1, nil, []string{"/etc/app/defaults.env: there is no such file", "/etc/app/secrets.env: there is no such file"}, "env", "--", "true")
	if r.argv != nil {
		t.Errorf("%q is run", r.argv)
	}
}

// TestEnvSpec: what makes no environment is refused with its place.
func TestEnvSpec(t *testing.T) {
	w := newWorld(t, "-- backends/north/backend.yaml --\n"+`environments:
  one: {}
  two: {files: [/a.env], optional: [/b.env]}
  three: {state: absent, required: [A]}
  four: {files: [a.env], required: [A-B]}
`)
	w.want(1, nil, []string{
		"backend.yaml:2:3: environment one: has no files",
		"backend.yaml:3:37: environment two: optional: /b.env is none of its files",
		"backend.yaml:4:36: environment three: is absent and has required",
		"backend.yaml:5:18: environment four: files",
		"backend.yaml:5:37: environment four: required",
	}, "validate")
}
