package kind

import (
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/spec"
)

// TestSettingsEdit compares files before and after: what is declared is said once, and
// all else is left alone to the last blank.
func TestSettingsEdit(t *testing.T) {
	yes := true
	set := func(pairs ...string) spec.SettingsGroup {
		g := spec.SettingsGroup{Set: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			g.Set[pairs[i]] = pairs[i+1]
		}
		return g
	}
	exact := func(g spec.SettingsGroup) spec.SettingsGroup { g.Exact = &yes; return g }
	ini := func(top spec.SettingsGroup, name string, g spec.SettingsGroup) spec.Settings {
		return spec.Settings{Form: spec.SettingINI, SettingsGroup: top, Sections: map[string]*spec.SettingsSection{name: {SettingsGroup: g}}}
	}
	words := func(g spec.SettingsGroup) spec.Settings {
		return spec.Settings{Form: spec.SettingWords, SettingsGroup: g}
	}
	equals := func(g spec.SettingsGroup) spec.Settings {
		return spec.Settings{Form: spec.SettingEquals, SettingsGroup: g}
	}
	none := spec.SettingsGroup{}
	for name, c := range map[string]struct {
		s          spec.Settings
		have, want string
	}{
		"in its place":     {words(set("UMASK", "027")), "# UMASK is a mask\nA 1\n UMASK\t\t022 \nB 2\n", "# UMASK is a mask\nA 1\n UMASK\t\t027\nB 2\n"},
		"below a comment":  {words(set("UMASK", "027")), "# UMASK is a mask\n#UMASK\t022\nA 1\n", "# UMASK is a mask\n#UMASK\t022\nUMASK\t027\nA 1\n"},
		"at the end":       {words(set("UMASK", "027")), "A\t1\n# UMASK is a mask", "A\t1\n# UMASK is a mask\nUMASK\t027\n"},
		"an empty file":    {words(set("UMASK", "027")), "", "UMASK 027\n"},
		"the last counts":  {words(set("UMASK", "027")), "UMASK 027\nA 1\nUMASK 077\n", "UMASK 027\nA 1\n"},
		"the first counts": {words(set("UMASK", "027")), "UMASK 077\nA 1\nUMASK 027", "UMASK 027\nA 1\n"},
		"twice the same":   {words(set("UMASK", "027")), "UMASK 027\nA 1\nUMASK\t027", "UMASK 027\nA 1\nUMASK\t027"},
		"no value":         {words(set("A", "1")), "A\nB", "A 1\nB"},
		"capitals":         {words(set("umask", "027")), "UMASK 022\n", "UMASK 022\numask 027\n"},
		"unset":            {words(spec.SettingsGroup{Unset: []string{"A"}}), "A 1\n#A 1\nAB 1\nA 2\n", "#A 1\nAB 1\n"},
		"exact":            {words(exact(set("A", "1"))), "# x\nB 1\nA 1\n\nC\n", "# x\nA 1\n\n"},

		"export":        {equals(set("A", "2")), "export A=1\nB=1\n", "export A=2\nB=1\n"},
		"added to":      {equals(set("A", "2")), "A=1\nA+=2\nB=1\n", "A=2\nB=1\n"},
		"only added to": {equals(set("A", "2")), "A+=2\n", "A=2\n"},
		"not exported":  {equals(set("B", "2")), "export A=1\n", "export A=1\nB=2\n"},
		"blanks":        {equals(set("minlen", "14")), "# minlen = 8\nx = 1\n", "# minlen = 8\nminlen = 14\nx = 1\n"},
		"quotes":        {equals(set("A", "2", "B", "3")), "A=\"1\nB=1\nC=1\"\nD=4\\\nB=5\nB=\n", "A=2\nD=4\\\nB=5\nB=3\n"},
		"an apostrophe": {equals(set("A", "2")), "A=don't\nB='x' # A=1\n", "A=2\nB='x' # A=1\n"},

		"sections":          {ini(none, "two", set("a", "2")), "a=0\n[one]\na=1\n[two]\na=1\n[three]\na=1\n", "a=0\n[one]\na=1\n[two]\na=2\n[three]\na=1\n"},
		"above sections":    {ini(set("a", "2"), "two", set("b", "1")), "; x\n[two]\nb=1\n", "; x\na=2\n[two]\nb=1\n"},
		"a new section":     {ini(none, "two", set("b", "2", "a", "1")), "[one]\n\tx = 1", "[one]\n\tx = 1\n\n[two]\n\ta = 1\n\tb = 2\n"},
		"an empty section":  {ini(none, "one", set("b", "2", "a", "1")), "[one]\n\n[two]\n", "[one]\na = 1\nb = 2\n\n[two]\n"},
		"a section twice":   {ini(none, "one", set("a", "1", "b", "1")), "[one]\na=1\n[two]\na=3\n[One]\nA = 2\nc=1\n", "[one]\na=1\n[two]\na=3\n[One]\nc=1\nb=1\n"},
		"two names for it":  {ini(none, "global", set("a", "2")), "[Globals]\na = 1\n", "[Globals]\na = 2\n"},
		"names as declared": {ini(none, "level 4", set("read only", "yes")), "[Level4]\nReadOnly = yes\nwrite = no\n", "[Level4]\nread only = yes\nwrite = no\n"},
		"commented out":     {ini(none, "g", set("wins support", "yes")), "[g]\n   a = 1\n\n;   wins support = no\n\n   b = 2\n", "[g]\n   a = 1\n\n;   wins support = no\n   wins support = yes\n\n   b = 2\n"},
		"continued":         {ini(none, "g", set("a", "1")), "[g]\na = x \\\n  b = 3 \\\n\tc\nb = 2 \\\n\n# a = \\\na = 0\n", "[g]\na = 1\nb = 2 \\\n\n# a = \\\n"},
		"CRLF":              {ini(none, "g", set("a", "2", "b", "3")), "[g]\r\na = 1\r\n\r\n[h]\r\n", "[g]\r\na = 2\r\nb = 3\r\n\r\n[h]\r\n"},
		"CRLF continued":    {ini(none, "g", set("a", "2")), "[g]\r\na = 1 \\\r\n 2\r\nb = 1", "[g]\r\na = 2\r\nb = 1"},
		"a hash in a value": {ini(none, "g", set("a", "1 # x")), "[g]\na = 1\n", "[g]\na = 1 # x\n"},
		"no such sign":      {ini(none, "g", set("a", "1")), "[g]\na\na: 2\n", "[g]\na = 1\na\na: 2\n"},
		"others go": {
			spec.Settings{Form: spec.SettingINI, SettingsGroup: exact(none), Sections: map[string]*spec.SettingsSection{"g": {SettingsGroup: exact(set("a", "1"))}, "h": {State: Absent}}},
			"top=1\n[g]\na=1\nb=2\n# of h\n[h]\n#h\nx=1\n# of i\n[I]\nx\n\n[G]\nc=1\n[h]\n", "[g]\na=1\n# of h\n# of i\n\n[G]\n",
		},
	} {
		f := settingsForm{&c.s}
		got, err := f.content(t.Context(), nil, []byte(c.have))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v instead of %q", name, got, err, c.want)
		}
		if more := f.edit(got); len(more.changes) > 0 || string(more.content()) != string(got) {
			t.Errorf("%s: a second run changes %v", name, more.changes)
		}
		if lacks := f.missing([]byte(c.have)); (len(lacks) > 0) != (c.have != c.want) {
			t.Errorf("%s: missing are %v", name, lacks)
		}
	}
}

// TestSettingsHide: the value of a hidden variable is not shown, however it is spelled.
func TestSettingsHide(t *testing.T) {
	hidden := map[string]bool{"API_TOKEN": true}
	for _, have := range []string{"API_TOKEN=canary\n", "api-token=canary\n", "API_TOKEN+=canary\n", "B=\"x\nAPI_TOKEN=canary\"\n"} {
		yes := true
		f := settingsForm{&spec.Settings{Form: spec.SettingEquals, SettingsGroup: spec.SettingsGroup{Exact: &yes, Set: map[string]string{"A": "1"}}}}
		attrs := f.attrs("/x", []byte(have), hidden)
		if text := fmt.Sprintf("%+v", attrs); len(attrs) != 2 || strings.Contains(text, "canary") {
			t.Errorf("%q: %s", have, text)
		}
	}
}

// FuzzSettings edits any file: it comes to what is declared, and a second time nothing
// is left to do.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{"A 1\nB", "[x]\r\na = \\\r\n1\n", "export A='\nB=1", ";[x]\n;a=1", "[x\na==\\", "#a=\n[]\n = 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, have string) {
		for _, form := range []string{spec.SettingWords, spec.SettingEquals, spec.SettingINI} {
			whole := ""
			for _, l := range settingLines(form, have) {
				whole += l.text + l.end
			}
			if whole != have {
				t.Fatalf("%s: the lines of %q are %q", form, have, whole)
			}
			s := spec.Settings{Form: form, SettingsGroup: spec.SettingsGroup{Set: map[string]string{"A": "1"}, Unset: []string{"B"}}}
			if form == spec.SettingINI {
				s.Sections = map[string]*spec.SettingsSection{"x": {SettingsGroup: spec.SettingsGroup{Set: map[string]string{"a": "2"}}}, "y": {State: Absent}}
			}
			got, err := settingsForm{&s}.content(t.Context(), nil, []byte(have))
			if err == nil && len(settingsForm{&s}.missing(got)) > 0 {
				t.Fatalf("%s: %q becomes %q, which is not what is declared", form, have, got)
			}
			// Only what goes on beyond the end is refused.
			if err != nil && !strings.ContainsAny(have, `\"'`) {
				t.Fatalf("%s: %q: %v", form, have, err)
			}
		}
	})
}
