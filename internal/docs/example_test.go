package docs

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// example is a block of YAML in a document.
type example struct {
	at   string // the document and the line
	kind string // spec=…: people, lock, include, backend
	text string
	// chapter is the kind in whose chapter it stands; empty: in none.
	chapter string
}

// examples finds all blocks of YAML in all documents. Each says what it is: none
// goes unchecked.
func examples(t *testing.T) []example {
	t.Helper()
	var out []example
	for _, p := range pages(t) {
		out = append(out, examplesOf(t, p)...)
	}
	return out
}

func examplesOf(t *testing.T, p page) []example {
	t.Helper()
	var out []example
	var open *example
	chapter, inside := "", false
	number := 0
	for line := range strings.Lines(p.text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && inside:
			if open != nil {
				out = append(out, *open)
			}
			open, inside = nil, false
		case fence:
			inside = true
			language, what, _ := strings.Cut(info, " ")
			if p.name == "docs/tutorial.md" && strings.HasPrefix(what, "file=") {
				continue // written by a test that does all that stands there
			}
			if language == "yaml" {
				name, ok := strings.CutPrefix(strings.Fields(what + " -")[0], "spec=")
				if !ok {
					t.Fatalf("%s:%d: a block of YAML without spec=people, spec=lock, spec=include or spec=backend", p.name, number)
				}
				open = &example{at: fmt.Sprintf("%s:%d", p.name, number), kind: name, chapter: chapter}
			}
		case open != nil:
			open.text += line + "\n"
		case !inside && strings.HasPrefix(line, "#"):
			chapter = ""
			if m := chapterPattern.FindStringSubmatch(line); m != nil {
				chapter = m[2]
			}
		}
	}
	return out
}

// scaffold is what stands around each example in a repository of its own:
// developers.yaml and base.yaml of docs/spec.md, and the files that examples refer
// to.
func scaffold(t *testing.T, all []example) map[string]string {
	t.Helper()
	files := map[string]string{
		"keys/alice": key("alice"), "keys/bob": key("bob"), "keys/carol": key("carol"),

		"backends/example/files/tools.asc":          "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
		"backends/example/files/backup.pub":         key("backup"),
		"backends/example/files/app.yaml":           "services:\n  app: {image: \"app:${TAG:-1}\"}\n",
		"backends/example/files/app.override.yaml":  "services:\n  app: {environment: {A: \"1\"}}\n",
		"backends/example/files/app.conf":           "workers = 4\n",
		"backends/example/files/hooks.conf":         "server {}\n",
		"backends/example/files/proxy.sh":           "export https_proxy={{ .Values.proxy }}\n",
		"backends/example/files/sudo-restart":       "%developers ALL=(root) /usr/bin/systemctl restart app\n",
		"backends/example/files/sudo-checks":        "%reviewers ALL=(app) /usr/bin/true\n",
		"backends/example/files/sshd-banner":        "Banner /etc/issue.net\n",
		"backends/example/files/sshd-listen":        "# {{ .Host.Hostname }}\nListenAddress 0.0.0.0\n",
		"backends/example/files/backup.service":     "[Service]\nExecStart=/usr/bin/true\n",
		"backends/example/files/backup-proxy.conf":  "[Service]\nEnvironment=BACKEND={{ .Backend }}\n",
		"backends/example/files/backup-banner.conf": "[Unit]\nDescription=backup\n",
		"backends/example/files/report.service":     "[Service]\nExecStart=/usr/bin/echo %i {{ .Host.Release }}\n",
	}
	for _, e := range all {
		switch e.kind {
		case "people":
			files["developers.yaml"] = e.text
		case "lock":
			files[spec.LockFile] = e.text
		case "include":
			files["backends/common/base.yaml"] = e.text
		}
	}
	return files
}

// key is a public key, always the same for a name.
func key(name string) string {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil {
		return err.Error()
	}
	return string(ssh.MarshalAuthorizedKey(pub))
}

// load writes the files into a repository and loads it.
func load(t *testing.T, files map[string]string) (*spec.Repository, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err == nil {
		err = roster.Validate(repo)
	}
	return repo, err
}

var includePattern = regexp.MustCompile(`(?m)^include:`)

// TestExamples validates every example and plans it on a bare host: nothing
// fails, and an example of a kind's chapter makes a change of that kind.
func TestExamples(t *testing.T) {
	all := examples(t)
	if len(all) < len(kinds.Table()) {
		t.Fatalf("there are %d examples, fewer than there are kinds", len(all))
	}
	chapters := map[string]bool{}
	for _, e := range all {
		chapters[e.chapter] = true
		t.Run(e.kind+"/"+strings.ReplaceAll(e.at, "/", "_"), func(t *testing.T) {
			if !slices.Contains([]string{"people", "lock", "include", "backend"}, e.kind) {
				t.Fatalf("%s: spec=%s: want people, lock, include or backend", e.at, e.kind)
			}
			text := "description: the surroundings alone\n"
			if e.kind == "backend" {
				text = e.text
			}
			if !includePattern.MatchString(text) {
				text = "include: [../common/base.yaml]\n" + text
			}
			files := scaffold(t, all)
			files["backends/example/backend.yaml"] = text
			repo, err := load(t, files)
			if err != nil {
				t.Fatalf("%s:\n%v", e.at, err)
			}
			check(t, e, plan(t, repo, repo.Backends["example"]))
		})
	}
	for _, k := range kinds.Table() {
		if !chapters[k.Name] {
			t.Errorf("there is no example of the kind %s", k.Name)
		}
	}
}

func check(t *testing.T, e example, rep *converge.Report) {
	t.Helper()
	changes := 0
	for _, r := range rep.Results {
		switch r.Status {
		case change.Failed, change.Blocked:
			t.Errorf("%s: %s: %v%s", e.at, r.ID, r.Err, r.Reason)
		case change.Changed:
			if r.ID.Kind == e.chapter {
				changes++
			}
		case change.Unchanged:
			if r.ID.Kind == e.chapter && len(r.Notes) > 0 { // of what comes from elsewhere
				changes++
			}
		}
	}
	if e.chapter != "" && changes == 0 {
		t.Errorf("%s: the example of %s changes nothing of that kind on a bare host, and warns of nothing", e.at, e.chapter)
	}
}

// plan plans the backend on a bare host, with a key server that knows everybody.
func plan(t *testing.T, repo *spec.Repository, b *spec.Backend) *converge.Report {
	t.Helper()
	people, err := roster.Resolve(repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	bare := snapshot.Bare("bookworm")
	bare.Files["/etc/apt/sources.list"] = snapshot.File{
		Node: bare.Files["/etc/hosts"].Node, Content: []byte("deb http://deb.debian.org/debian bookworm main\n"),
	}
	o := roster.FetchOptionsOf(b, snapshot.New(bare))
	o.Client = &http.Client{Transport: keyServer{}}
	o.Token = func() (string, error) { return "token", nil }
	fetcher, err := roster.NewFetcher(o)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := people.CollectKeys(t.Context(), repo, b, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	in := &kind.Input{Backend: b, Repo: repo, Roster: people, Keys: keys, ServiceKeys: map[string]roster.KeySet{}}
	for name, a := range b.AuthorizedKeys {
		in.ServiceKeys[name] = people.ServiceKeys(repo, b, a, keys)
	}
	return converge.Run(t.Context(), converge.Options{
		Host: overlay.New(snapshot.New(bare)), Kinds: converge.Declare(in), Now: time.Now,
	})
}

// keyServer answers in GitHub's two forms without a network.
type keyServer struct{}

// RoundTrip implements http.RoundTripper.
func (keyServer) RoundTrip(req *http.Request) (*http.Response, error) {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	contentType, body := "application/json; charset=utf-8", ""
	switch {
	case len(parts) == 1 && strings.HasSuffix(parts[0], ".keys"):
		contentType, body = "text/plain; charset=utf-8", key("registered by "+strings.TrimSuffix(parts[0], ".keys"))
	case len(parts) == 2 && parts[0] == "users":
		body = fmt.Sprintf(`{"login": %q, "id": 4711}`, parts[1])
	case len(parts) == 3 && parts[0] == "users" && parts[2] == "keys":
		data, err := json.Marshal([]map[string]any{{"id": 1, "key": strings.TrimSpace(key("registered by " + parts[1]))}})
		if err != nil {
			return nil, err
		}
		body = string(data)
	default:
		return nil, errors.New("no such address: " + req.URL.String())
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {contentType}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// TestExamplesAreChecked breaks an example to see that it would be noticed.
func TestExamplesAreChecked(t *testing.T) {
	files := scaffold(t, examples(t))
	files["backends/example/backend.yaml"] = "include: [../common/base.yaml]\nfiles:\n  /etc/x: {contents: x}\n"
	if _, err := load(t, files); err == nil || !strings.Contains(err.Error(), "contents") {
		t.Errorf("an unknown field went unnoticed: %v", err)
	}
	files["backends/example/backend.yaml"] = "include: [../common/base.yaml]\nfiles:\n  /no/such/dir/x: {content: x}\n"
	repo, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	if plan(t, repo, repo.Backends["example"]).Converged() {
		t.Error("a file in a missing directory went unnoticed")
	}
}
