package compose_test

import (
	"context"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/host"
	"opsafe/internal/kind/kindtest"
)

// unsaidHost keeps what no error about compose may quote.
type unsaidHost struct {
	host.Host
	unsaid []string
}

func (h *unsaidHost) Do(ctx context.Context, s host.Step) error {
	if up, ok := s.(host.UpServices); ok {
		for _, v := range up.File.Unsaid {
			h.unsaid = append(h.unsaid, string(v.Bytes()))
		}
	}
	return h.Host.Do(ctx, s)
}

// TestComposeUnsaid: no error may quote values of environment files, but for words that
// the spec has, too.
func TestComposeUnsaid(t *testing.T) {
	in, h := kindtest.SetUp(t, txtar.Parse([]byte(`
-- backend.yaml --
compose:
  jobrunner: {files: [app.yaml], directory: /srv/app, env_files: [/etc/app/01.env], variables: {MODE: production}, group_ids: {GID: docker}, running: true}
-- app.yaml --
services: {web: {image: "app:1", env_file: [/etc/app/02.env]}}
-- host.yaml --
docker: {version: "20.10.24"}
images:
  app:1: {id: "sha256:1111111111111111"}
units:
  docker.service: {load: loaded, active: active, sub: running, file: enabled}
groups:
  - {name: docker, gid: 995}
files:
  /usr/bin/docker-compose: {content: "", mode: "0755"}
  /etc/app: {type: directory}
  /etc/app/01.env: {content: "A=jobrunner\nB=/srv/app\nC=production\nD=docker\nE=first-canary\n", mode: "0600"}
  /etc/app/02.env: {content: "A=case\nB=second-canary\nC=production-canary\n", mode: "0600"}
`)))
	u := &unsaidHost{Host: h}
	results := kindtest.Converge(t.Context(), in, u)
	if want := []string{"first-canary", "production-canary", "second-canary"}; !slices.Equal(u.unsaid, want) {
		t.Errorf("unsaid are %q, want %q:\n%s", u.unsaid, want, kindtest.Dump(results))
	}
}
