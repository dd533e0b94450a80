package before_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/before"
	"opsafe/internal/host"
)

// TestEarlierRecords reads images as they stand in records that earlier versions have
// left on hosts: undo has to find the same things in them.
func TestEarlierRecords(t *testing.T) {
	t.Parallel()
	mode := host.Mode(0o640)
	rule := host.TreeRule{Root: "/srv/app", Owner: "app", FileMode: &mode}
	for _, tt := range []struct {
		record string
		want   host.Subject
	}{
		{`{"path":{"path":"/etc/x","content":"b2xk","digest":"d"}}`, host.Subject{Type: host.SubjectPath, Name: "/etc/x"}},
		{`{"unseen":{"sort":"path","name":"/etc/x","why":"permission denied"}}`, host.Subject{Type: host.SubjectPath, Name: "/etc/x"}},
		{`{"unseen":{"sort":"network","name":"apps","why":"docker does not answer"}}`, host.Subject{Type: host.SubjectNetwork, Name: "apps"}},
		{`{"user":{"name":"alice","user":{"Name":"alice","UID":1000,"GID":1000,"Comment":"","Home":"/home/alice","Shell":"/bin/bash","Source":""}}}`, host.Subject{Type: host.SubjectUser, Name: "alice"}},
		{`{"password":{"user":"alice"}}`, host.Subject{Type: host.SubjectPassword, Name: "alice"}},
		{`{"unit":{"name":"a.service","running":true,"enabled":true,"masked":false}}`, host.Subject{Type: host.SubjectUnit, Name: "a.service"}},
		{`{"tree":{"root":"/srv/app","rule":"RULE"}}`, host.Subject{Type: host.SubjectTree, Name: "/srv/app RULE"}},
	} {
		var i before.Image
		if err := json.Unmarshal([]byte(tt.record), &i); err != nil {
			t.Errorf("%s: %v", tt.record, err)
			continue
		}
		if d := cmp.Diff(tt.want, i.Subject()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.record, d)
		}
		again, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		var back before.Image
		if err := json.Unmarshal(again, &back); err != nil || !before.Same(i, back) {
			t.Errorf("%s is written as %s: %v", tt.record, again, err)
		}
	}
	// The name of a rule tells trees of one root apart, also in those records.
	if got, want := rule.Name(), "845141b1"; got != want {
		t.Errorf("the rule is called %s, in earlier records %s", got, want)
	}
}
