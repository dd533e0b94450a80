package cli_test

import (
	"io"
	"strings"
	"testing"

	"opsafe/internal/host"
)

const oneFile = `
-- backends/x/backend.yaml --
files:
  /etc/motd: {content: "hello\n"}
`

// manageAsking answers a run of manage --ask.
func manageAsking(t *testing.T, answer string) *world {
	t.Helper()
	w := newWorld(t, oneFile)
	w.app.In = strings.NewReader(answer)
	code := 1
	if strings.HasPrefix(strings.ToLower(answer), "y") {
		code = 0
	}
	w.want(code, []string{"+ /etc/motd", "Plan: 1 to add."}, []string{"Carry it out? yes or no [no]: "}, "manage", "--ask", "--backend", "x")
	return w
}

func TestManageAsks(t *testing.T) {
	for _, answer := range []string{"yes\n", "Y\n"} {
		w := manageAsking(t, answer)
		if got := w.file("/etc/motd"); got != "hello\n" || !strings.Contains(w.out.String(), "Done: 1 added.") {
			t.Errorf("after %q: %q\n%s", answer, got, w.out.String())
		}
	}
	for _, answer := range []string{"no\n", "\n", "yes please\n", "yes"} {
		w := manageAsking(t, "n"+answer)
		w.untouched()
		if !strings.Contains(w.err.String(), "nothing has been changed: ") {
			t.Error(w.err.String())
		}
	}
}

// TestManageAsksOfChangesAlone does not ask where there is nothing to do.
func TestManageAsksOfChangesAlone(t *testing.T) {
	w := newWorld(t, "-- backends/x/backend.yaml --\ndescription: nothing\n")
	w.app.In = strings.NewReader("")
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--ask", "--backend", "x")
}

// TestManageAskRefuses needs somebody who sees the plan and can answer.
func TestManageAskRefuses(t *testing.T) {
	w := newWorld(t, oneFile)
	w.want(1, nil, []string{"--ask needs a terminal to ask on"}, "manage", "--ask", "--backend", "x")
	w.untouched()
	w.app.In = strings.NewReader("yes\n")
	w.want(1, nil, []string{"leave out --format json"}, "manage", "--ask", "--backend", "x", "--format", "json")
	w.untouched()
}

// whileAsked changes the host while the question stands.
type whileAsked struct {
	io.Reader
	do func()
}

func (r *whileAsked) Read(p []byte) (int, error) {
	if r.do != nil {
		r.do()
		r.do = nil
	}
	return r.Reader.Read(p)
}

// TestManageAskDoesWhatWasShown leaves alone what would be another change than the
// one that was agreed to.
func TestManageAskDoesWhatWasShown(t *testing.T) {
	w := newWorld(t, oneFile+"  /etc/issue: {content: \"x\\n\"}\n")
	w.app.In = &whileAsked{strings.NewReader("yes\n"), func() {
		w.do(host.WriteFile{Path: "/etc/motd", Content: host.NewContent([]byte("by hand\n")), Owner: "root", Group: "root", Access: host.AccessOf(0o644)})
	}}
	w.want(1, []string{"it would not be the change that was planned"}, nil, "manage", "--ask", "--backend", "x")
	if got := w.file("/etc/motd"); got != "by hand\n" {
		t.Errorf("/etc/motd: %q", got)
	}
	if got := w.file("/etc/issue"); got != "x\n" {
		t.Errorf("/etc/issue: %q", got)
	}
}
