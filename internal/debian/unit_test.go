package debian_test

import (
	"testing"

	"opsafe/internal/debian"
)

func TestUnitTypes(t *testing.T) {
	type answers struct{ name, file, program, generated bool }
	for name, want := range map[string]answers{
		"a.service":   {true, true, true, false},
		"a.timer":     {true, true, true, false},
		"a.mount":     {true, true, false, true},
		"a.automount": {true, true, false, true},
		"a.swap":      {true, true, false, true},
		"a.target":    {true, true, false, false},
		"a.scope":     {true, false, false, true},
		"a.device":    {true, false, false, true},
		"a.conf":      {},
		".service":    {false, false, true, false},
		"a":           {},
	} {
		got := answers{debian.IsUnitName(name), debian.IsFileUnit(name), debian.IsProgramUnit(name), debian.IsGeneratedUnit(name)}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	for name, want := range map[string]string{"a@b.service": "a@.service", "a@.service": "", "a.service": ""} {
		if got := debian.TemplateOf(name); got != want {
			t.Errorf("%s is an instance of %q, want %q", name, got, want)
		}
	}
	if !debian.IsTemplate("a@.service") || debian.IsTemplate("a@b.service") {
		t.Error("a@.service alone is a template")
	}
}

func TestMountPoint(t *testing.T) {
	for name, want := range map[string]string{
		"srv-data.mount":        "/srv/data",
		"srv-a\\x2db.automount": "/srv/a-b",
		"-.mount":               "/",
		"srv-data.service":      "",
		"a@b.mount":             "",
	} {
		if got := debian.MountPoint(name); got != want {
			t.Errorf("%s mounts at %q, want %q", name, got, want)
		}
	}
}
