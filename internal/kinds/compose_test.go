package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestComposeProblems says what is wrong with a compose project before a host is looked
// at, in one go.
func TestComposeProblems(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"backends/x/backend.yaml": `
compose:
  made: {files: [made.yaml]}
  typo: {files: [typo.yaml]}
  wishes: {files: [wishes.yaml], services: {web: {recreate_on: [/etc/a]}, debug: {recreate_on: [/etc/a]}, gone: {recreate_on: [/etc/a]}}}
  unset: {files: [unset.yaml]}
  shop: {files: [shop.yaml], overrides: [stranger.yaml]}
  map: {files: [shop.yaml]}
  quiet: {files: [shop.yaml], overrides: [quiet.yaml]}
  there: {files: [wishes.yaml]}
  goes: {state: absent}
  front: {files: [front.yaml]}
  later: {files: [front.yaml], when: path /etc/later exists}
  other: {files: [front.yaml], variables: {PORT: "8443"}}
applications:
  shop: {id: 60101, port: 3101}
  map: {id: 60102, port: 3102}
  quiet: {id: 60103, port: 3103}
files:
  /etc/a: {content: a, notify: {restart: [compose/there, compose/goes]}}
  /etc/b: {link: /etc/a, notify: {restart: [compose/there]}}
  /etc/c: {content: a, notify: {reload: [compose/there]}}
directories:
  /etc/d: {notify: {restart: [compose/there]}}
chrony: {stop_around: [compose/there, compose/nowhere]}
`,
		"backends/x/typo.yaml":     "services:\n  web:\n    imagee: app\n",
		"backends/x/made.yaml":     "services: {web: {build: .}}\n",
		"backends/x/wishes.yaml":   "services: {web: {image: app}, debug: {image: app, profiles: [debug]}}\n",
		"backends/x/shop.yaml":     "services: {web: {image: app, user: \"${APPLICATION_ID}:${APPLICATION_ID}\", ports: [\"127.0.0.1:${APPLICATION_PORT}:80\"]}}\n",
		"backends/x/stranger.yaml": "services: {cron: {image: app, user: \"60101:60102\", ports: [\"3100-3102:80\"]}}\n",
		"backends/x/quiet.yaml":    "services: {web: {ports: !override [\"8080:80\"]}}\n",
		"backends/x/front.yaml":    "services: {front: {image: app, ports: [\"${PORT:-8080}:80\"]}}\n",
		"backends/x/unset.yaml":    "services: {web: {image: \"app:${TAG}\"}}\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err == nil {
		t.Fatal("there is no problem")
	}
	for _, want := range []string{
		"backends/x/made.yaml:1:18: compose project made: service web: build: opsafe makes no images",
		`backends/x/typo.yaml:3:5: compose project typo: unknown field "imagee" in service web: did you mean "image"?`,
		"service debug belongs to a profile, and is left as it is",
		"there is no service gone in its files",
		"backends/x/unset.yaml:1:25: compose project unset: nothing sets TAG: say it under variables",
		"compose project shop: service cron runs as 60101:60102, and the application at backends/x/backend.yaml:16:3 has 60101: say ${APPLICATION_ID}",
		"compose project shop: service cron takes port 3102, which is application map's, too, at backends/x/backend.yaml:17:3",
		"compose project quiet: takes ports, and not 3103, which is that of application quiet at backends/x/backend.yaml:18:3",
		"backends/x/backend.yaml:9:18: compose project quiet: service web publishes port 8080 of the host, which service front of compose project front publishes already",
		`file /etc/a: notify: restart: there is no compose project "goes"`,
		"file /etc/b: notify: restart: a link has no content",
		"directory /etc/d: notify: restart: only a file has a content",
		`chrony: stop_around: there is no compose project "nowhere"`,
		`file /etc/c: notify: reload: unit name "compose/there"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	for _, fine := range []string{"project map", "service web runs", "service web takes", "project shop: takes", "project later", "project other"} {
		if strings.Contains(err.Error(), fine) {
			t.Errorf("%q: it refuses what is as the registry of applications says:\n%v", fine, err)
		}
	}
	if strings.Contains(err.Error(), "service web belongs") || strings.Contains(err.Error(), "no service web") || strings.Contains(err.Error(), `project "there"`) {
		t.Errorf("it refuses a service that is there:\n%v", err)
	}
}
