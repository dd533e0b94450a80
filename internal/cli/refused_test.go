package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPlanRefused: that manage would refuse a plan stands first in the plan itself,
// where a reviewer sees it, and is said once.
func TestPlanRefused(t *testing.T) {
	const refusal = "manage would refuse this: afterwards, nobody whom the spec names could log in with a key and become root"
	w := newWorld(t, lockedWorld)
	plan := []string{"plan", "--backend", "one"}
	w.want(1, []string{"--allow-locking-out-every-admin", "Plan: 1 to add, and this would be refused."}, nil, plan...)
	if got := w.out.String(); !strings.HasPrefix(got, refusal+"\n  root has no way") || strings.Contains(w.err.String(), "refuse") {
		t.Errorf("the refusal is not the first of the text, or is said again:\n%s\nerrors:\n%s", got, w.err.String())
	}
	w.want(1, nil, []string{"opsafe: " + refusal}, append(plan, "--format", "markdown")...)
	if got := w.out.String(); !strings.HasPrefix(got, "**✗ "+strings.Replace(refusal, ":", colon, 1)+"**<br>\n") {
		t.Errorf("the refusal is not the first of the Markdown:\n%s", got)
	}
	w.want(1, nil, []string{"opsafe: " + refusal}, append(plan, "--format", "json")...)
	if got, _ := w.document()["refused"].(string); !strings.HasPrefix(got, refusal+"\n") {
		t.Errorf("the document has %q", got)
	}
	// Facts without sshd's own word cannot tell, which a reviewer has to know, too.
	file := filepath.Join(t.TempDir(), "facts.json")
	w.want(0, nil, nil, "facts", "--backend", "one", "--out", file)
	const untold = "whether an admin can get in afterwards cannot be told from the recorded facts"
	w.want(0, []string{untold}, []string{untold}, append(plan, "--facts", file, "--format", "markdown")...)
}

// colon is one in Markdown, where it is to begin nothing.
const colon = "&#58;<!-- -->"

// TestPlanNamesFacts: by which facts a plan is made, how old they are and what they
// lack stands in Markdown and JSON, too.
func TestPlanNamesFacts(t *testing.T) {
	w := newWorld(t, lockedWorld)
	w.app.Root = false
	file := filepath.Join(t.TempDir(), "facts.json")
	w.want(0, nil, nil, "facts", "--backend", "one", "--out", file)
	recorded := w.app.Now()
	w.app.Now = func() time.Time { return recorded.Add(61 * 24 * time.Hour) }
	plan := []string{"plan", "--backend", "one", "--facts", file, "--format"}
	const lack = "the facts were not recorded by root: much is unknown"
	w.want(0, []string{"61 days ago (2026-01-02 03", "by the facts of opsafe", strings.Replace(lack, ":", colon, 1)}, nil, append(plan, "markdown")...)
	w.want(0, nil, []string{"61 days ago (2026-01-02 03:04 UTC)", lack}, append(plan, "text")...)
	if strings.Contains(w.out.String(), "61 days") {
		t.Errorf("the text is not the plan alone:\n%s", w.out.String())
	}
	w.want(0, nil, nil, append(plan, "json")...)
	facts, _ := w.document()["facts"].(map[string]any)
	if facts["recorded"] != "2026-01-02T03:04:05Z" || facts["lack"].([]any)[0] != lack {
		t.Errorf("the document has %v", facts)
	}
	w.want(0, []string{"planned for a bare Debian host"}, nil, "plan", "--backend", "one", "--facts", "none", "--format", "markdown")
}
