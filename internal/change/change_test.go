package change_test

import (
	"testing"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// TestCount: each result is counted once, by what became of it; what something else
// kept from being tried has failed, too.
func TestCount(t *testing.T) {
	made := func(a change.Action) change.Result {
		return change.Result{Status: change.Changed, Change: change.Change{Action: a}}
	}
	got := change.Count([]change.Result{
		made(change.Add), made(change.Add), made(change.Modify), made(change.Remove), made(change.Run),
		{Status: change.Unchanged},
		{Status: change.Unknown},
		{Status: change.NotApplicable},
		{Status: change.Failed, Change: change.Change{Action: change.Add}},
		{Status: change.Blocked},
	})
	want := change.Summary{Add: 2, Change: 1, Remove: 1, Run: 1, Unchanged: 1, Unknown: 1, NotApplicable: 1, Failed: 2}
	if got != want {
		t.Errorf("%+v, not %+v", got, want)
	}
	if got.Changes() != 5 {
		t.Errorf("%d changes, not 5", got.Changes())
	}
}

// TestEmpty: what is known after apply only is no reason to think that there is
// nothing to do.
func TestEmpty(t *testing.T) {
	for name, tt := range map[string]struct {
		change change.Change
		want   bool
	}{
		"nothing":  {change.Change{}, true},
		"notes":    {change.Change{Notes: []string{"by the way"}}, true},
		"steps":    {change.Change{Steps: []host.Step{host.MakeDir{Path: "/srv"}}}, false},
		"deferred": {change.Change{Deferred: "its package is not installed yet"}, false},
	} {
		if got := tt.change.Empty(); got != tt.want {
			t.Errorf("%s: empty is %v", name, got)
		}
	}
}

// TestText: no text is no value, which is another thing than one that is not known.
func TestText(t *testing.T) {
	if v := change.Text(""); v != (change.Value{}) || v.Kind != change.Absent {
		t.Errorf("no text is %+v", v)
	}
	if v := change.Text("x"); v.Kind != change.Known || v.Text != "x" {
		t.Errorf("a text is %+v", v)
	}
	if v := change.Later(); v.Kind != change.AfterApply || v == change.Text("") {
		t.Errorf("a later value is %+v", v)
	}
}
