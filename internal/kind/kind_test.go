package kind_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/kind/kindtest"
)

var update = flag.Bool("update", false, "write what the cases give into their golden part")

// TestCases crosses what is declared with what is there.
func TestCases(t *testing.T) { kindtest.Run(t, *update) }

// TestSecretsStaySecret searches all that a plan consists of for a secret.
func TestSecretsStaySecret(t *testing.T) {
	const canary = "hunter2-canary"
	archive := txtar.Parse([]byte(`-- backend.yaml --
files:
  /etc/token: {content: "TOKEN=` + canary + `-new\n", secret: true}
  /etc/line: {lines: ["PASSWORD=` + canary + `"], secret: true}
  /etc/old: {state: absent, secret: true}
-- host.yaml --
files:
  /etc/token: {content: "TOKEN=` + canary + `-old\n"}
  /etc/old: {content: "` + canary + `\n"}
`))
	in, h := kindtest.SetUp(t, archive)
	var b bytes.Buffer
	for _, r := range kindtest.Converge(context.Background(), in, h) {
		if r.Err != nil {
			t.Error(r.Err)
		}
		fmt.Fprintf(&b, "%+v %#v\n", r, r)
		for _, s := range r.Change.Steps {
			fmt.Fprintf(&b, "%+v %#v %v\n", s, s, errors.New(fmt.Sprint(s)))
		}
		if d := r.Change.Diff; d != nil {
			fmt.Fprintf(&b, "%+v\n", *d)
		}
	}
	if strings.Contains(b.String(), canary) {
		t.Errorf("the secret shows in %s", b.String())
	}
	if !strings.Contains(b.String(), "secret") {
		t.Error("the plan does not speak about secrets at all")
	}
}
