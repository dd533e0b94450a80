package compose_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"opsafe/internal/compose"
)

// TestProblems places what is wrong with a file in it, in the words of opsafe's own files.
func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"services:\n  app:\n    imagee: a\n":                                                        "app.yaml:3:5: unknown field \"imagee\" in service app",
		"services:\n  a.b:\n    image: a\n    restrt: always\n":                                     "app.yaml:4:5: unknown field \"restrt\" in services.a.b",
		"servces:\n  app: {image: a}\n":                                                             "app.yaml:1:1: unknown field \"servces\"",
		"services:\n  app: {image: [a]}\n":                                                          "app.yaml:2:9: services.app.image: want a string",
		"services:\n  app:\n    image: a\n    healthcheck: {tst: a}\n":                              "app.yaml:4:19: unknown field \"tst\" in services.app.healthcheck",
		"services:\n  app: {image: a, deploy: {resources: {limits: {memry: 5}}}}\n":                 "app.yaml:2:49: unknown field \"memry\" in services.app.deploy.resources.limits",
		"services:\n  app:\n    image: a\n    networks: [x]\n":                                      "app.yaml:2:3: service app refers to undefined network x",
		"services:\n  app:\n    image: a:${X:?no}\n":                                                "app.yaml:3:5: services.app.image: required variable X is missing a value: no",
		"services:\n  app:\n    image: a\n    ports: ['80:80:80:80']\n":                             "app.yaml:4:13: services.app.ports: 80:80:80:80: invalid IP address: 80:80",
		"services:\n  app:\n    image: a\n    ports:\n      - '${P}:80'\n      - '8080:http'\n":     "app.yaml:6:9: services.app.ports: 8080:http: invalid containerPort: http",
		"services:\n  app:\n    image: a\n    volumes: ['a:/x', ':/y']\n":                           "app.yaml:4:23: services.app.volumes: :/y: invalid spec: :/y: empty section between colons",
		"services:\n  app:\n    image: a\n    mem_limit: 1zb\n    shm_size: 64q\n":                  "app.yaml:4:5: services.app.mem_limit: want a size such as 512m or 2g, got zb\napp.yaml:5:5: services.app.shm_size: want a size such as 512m or 2g, got q",
		"services:\n  app:\n    image: a\n    cpus: two\n":                                          "app.yaml:4:5: services.app.cpus: want a number, got \"two\"",
		"services:\n  app:\n    image: a\n    stop_grace_period: 3 days\n":                          "app.yaml:4:5: services.app.stop_grace_period: want a time such as 30s or 1m30s, got \"3 days\"",
		"services:\n  app:\n    image: a\n    environment: [A=1, 2]\n":                              "app.yaml:4:24: services.app.environment.1: want text: write it in quotes",
		"services:\n  app:\n    image: ab\n    restart: sometimes\n    expose: [http]\n":            "app.yaml:4:5: services.app.restart: want no, always, unless-stopped, on-failure or on-failure:TIMES, got \"sometimes\"\napp.yaml:5:14: services.app.expose.0: want a port, as 80 or 53/udp, got \"http\"",
		"services:\n  app: {image: ab:1:2, restart: always:3}\n":                                    "app.yaml:2:9: services.app.image: want the name of an image, as NAME:TAG or NAME@sha256:DIGEST, got \"ab:1:2\"\napp.yaml:2:24: services.app.restart: want no, always, unless-stopped, on-failure or on-failure:TIMES, got \"always:3\"",
		"services:\n  app: {image: ab, tmpfs: [tmp], working_dir: srv, user: a b}\n":                "app.yaml:2:52: services.app.user: want a user, or USER:GROUP, got \"a b\"\napp.yaml:2:34: services.app.working_dir: want an absolute path within the container, got \"srv\"\napp.yaml:2:28: services.app.tmpfs.0: want an absolute path within the container, got \"tmp\"",
		"services:\n  app: {image: ab, dns: [x], stop_signal: SIGFOO, mac_address: zz}\n":           "app.yaml:2:30: services.app.stop_signal: want a signal such as SIGTERM, got \"SIGFOO\"\napp.yaml:2:51: services.app.mac_address: want an address such as 02:42:ac:11:00:02, got \"zz\"\napp.yaml:2:26: services.app.dns.0: want an IP address, got \"x\"",
		"services:\n  a: {image: ab, ports: [80:80]}\n  b: {image: ab, ports: ['10.0.0.1:80:8']}\n": "app.yaml:3:18: services.b.ports: service a publishes port 80 of the host already",
		"services:\n  app:\n    image: a\n    cpus: two\n    init: maybe\n":                         "app.yaml:4:5: services.app.cpus: want a number, got \"two\"\napp.yaml:5:5: services.app.init: want true or false, got maybe",
		"services:\n  app: {image: a, container_name: a b}\n":                                       "app.yaml:2:19: services.app.container_name: want a value of the pattern [a-zA-Z0-9][a-zA-Z0-9_.-]+, got \"a b\"",
		"services:\n  app: {image: a, command: {a: b}}\n":                                           "app.yaml:2:19: services.app.command: want text or a list",
	} {
		_, err := compose.Load(t.Context(), compose.Source{Name: "p", Dir: "/", Files: []compose.File{{Name: "app.yaml", Data: []byte(text)}}})
		if err == nil || err.Error() != want {
			t.Errorf("%s\nsays %v\nwant %s", text, err, want)
		}
		var p *compose.Problem
		if meant := map[string]string{"imagee": "image", "servces": "services", "tst": "test"}; errors.As(err, &p) && meant[p.Word] != "" && !slices.Contains(slices.Collect(p.Known), meant[p.Word]) {
			t.Errorf("%s is not known where %s is", meant[p.Word], p.Word)
		}
	}
	for text, line := range map[string]int{"a: 1\nb: c: d\n": 2, "a: 1\nb: [c\n": 3, "a:\n\t- b\n": 2} {
		got := compose.Check(compose.File{Name: "app.yaml", Data: []byte(text)})
		var p *compose.Problem
		if len(got) != 1 || !errors.As(got[0], &p) || p.Line != line {
			t.Errorf("%q: it says %v", text, got)
		}
	}
	broken := compose.File{Name: "app.yaml", Data: []byte("services:\n  app:\n    image: a\n   b: a\n")}
	if got := compose.Check(broken); len(got) != 1 || got[0].Error() != "app.yaml:4:4: cannot be parsed as YAML: while parsing a block mapping at line 1, column 3: line 3, column 4: did not find expected key" {
		t.Errorf("of a file that is no YAML it says %v", got)
	}
	for text, want := range map[string]string{
		"services:\n  app: {image: a}\n  app: {image: b}\n":                      "app.yaml:3:1: duplicate key \"app\": it is already at line 2",
		"services:\n  app: {image: a, healthcheck: {test: [curl, localhost]}}\n": "app.yaml:2:33: service app: healthcheck: test: a list begins with CMD, CMD-SHELL or NONE",
	} {
		if got := compose.Check(compose.File{Name: "app.yaml", Data: []byte(text)}); len(got) != 1 || got[0].Error() != want {
			t.Errorf("%q: it says %v", text, got)
		}
	}
	for _, fine := range []string{
		"services:\n  a: {image: 'sha256:" + strings.Repeat("0a", 32) + "', restart: on-failure:3, expose: [53/udp, 80-90], stop_signal: rtmin+3, user: '1:1', tmpfs: '/x:size=1m', ports: [80]}\n",
		"services:\n  a: {image: ab, ports: ['127.0.0.1:80:80', '53:53/udp']}\n  b: {image: ab, ports: ['[::]:80:8', '53:53/tcp', '127.0.0.2:80:80']}\n",
	} {
		if _, err := compose.Load(t.Context(), compose.Source{Name: "p", Dir: "/", Files: []compose.File{{Name: "app.yaml", Data: []byte(fine)}}}); err != nil {
			t.Errorf("%s\nis refused: %v", fine, err)
		}
	}
	made := compose.File{Name: "app.yaml", Data: []byte("services:\n  app:\n    build: .\n")}
	if got := compose.Check(made); len(got) != 1 || got[0].Error() != "app.yaml:3:5: service app: build: opsafe makes no images: name one" {
		t.Errorf("of an image that is made it says %v", got)
	}
	files := []compose.File{{Name: "a.yaml", Data: []byte("x-a: $$TAG\n")}, {Name: "b.yaml", Data: []byte("services:\n  app: {image: \"a:${TAG}\"}\n")}}
	if got := compose.Uses(files[1:], "TAG"); got.File != "b.yaml" || got.Line != 2 || got.Column != 16 {
		t.Errorf("the variable is at %+v", got)
	}
}

// TestQuiet has the library write nothing by itself, to whatever it took for standard
// error when the program began.
func TestQuiet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was, err := unix.Dup(unix.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(int(w.Fd()), unix.Stderr, 0); err != nil {
		t.Fatal(err)
	}
	_, err = compose.Load(t.Context(), compose.Source{Name: "p", Dir: "/", Files: []compose.File{
		{Name: "app.yaml", Data: []byte("services: {app: {image: a, networks: [jobs]}}\nnetworks: {jobs: {external: {name: x}}}\n")},
	}})
	if back := unix.Dup3(was, unix.Stderr, 0); back != nil {
		t.Fatal(back)
	}
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if said, _ := io.ReadAll(r); len(bytes.TrimSpace(said)) > 0 {
		t.Errorf("it writes %s", said)
	}
}
