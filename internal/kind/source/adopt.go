package source

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// keyringSuffixes are those of the keyrings that apt reads.
func keyringSuffixes() []string { return []string{".asc", ".gpg"} }

// adopt takes a source, a key, or all sources that a spec can declare.
func adopt(_ context.Context, t kind.Taker, name string) error {
	if key, ok := strings.CutPrefix(name, "key/"); ok {
		return takeNamedKeyring(t, key)
	}
	if name != "" {
		return takeSource(t, name)
	}
	names, err := t.ReadDir(debian.AptSourcesDir)
	if err != nil {
		return err
	}
	for _, file := range names {
		name, ok := strings.CutSuffix(file, ".sources")
		if !ok {
			if strings.HasSuffix(file, ".list") {
				t.Notef("%s is in the one-line layout, and stays the host's own", path.Join(debian.AptSourcesDir, file))
			}
			continue
		}
		if err := takeSource(t, name); err != nil {
			t.Notef("%v", err)
		}
	}
	return nil
}

// takeSource takes a file of apt's in the deb822 layout.
func takeSource(t kind.Taker, name string) error {
	at := path.Join(debian.AptSourcesDir, name+".sources")
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	if data == nil {
		return fmt.Errorf("there is no %s", at)
	}
	s, ok := readSource(data)
	if !ok {
		return fmt.Errorf("%s has more than one source, or says what a spec cannot say: leave it to the host, or declare it as file/%[1]s", at)
	}
	d := spec.NewDraft().List("uris", s.uris).List("suites", s.suites).List("components", s.components)
	if s.signedBy != "" {
		dir, file := path.Split(s.signedBy)
		ext := path.Ext(file)
		key := strings.TrimSuffix(file, ext)
		if path.Clean(dir) != keyrings || !slices.Contains(keyringSuffixes(), ext) {
			return fmt.Errorf("%s is signed by %s, and a spec's keys are in %s: leave it to the host, or declare it as file/%[1]s", at, s.signedBy, keyrings)
		}
		if err := takeKeyring(t, key, ext); err != nil {
			return err
		}
		d.Text("signed_by", key)
	}
	return t.Take("from "+at, d, "apt", "sources", name)
}

func takeNamedKeyring(t kind.Taker, key string) error {
	for _, ext := range keyringSuffixes() {
		if n, err := t.Stat(path.Join(keyrings, key+ext)); err != nil {
			return err
		} else if n != nil {
			return takeKeyring(t, key, ext)
		}
	}
	return fmt.Errorf("there is no keyring %s/%s.asc or .gpg", keyrings, key)
}

// takeKeyring takes a key, which has to be a file beside the spec.
func takeKeyring(t kind.Taker, name, ext string) error {
	at := path.Join(keyrings, name+ext)
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	if data == nil {
		return fmt.Errorf("there is no %s", at)
	}
	source := t.Beside("apt-"+name+ext, data, false)
	if source == "" {
		return fmt.Errorf("the key %s has to be a file beside the spec: say with --files where to", at)
	}
	return t.Take("from "+at, spec.NewDraft().Text("source", source), "apt", "keys", name)
}
