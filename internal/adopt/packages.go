package adopt

import (
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

func (t *taker) pkg(_ context.Context, name string) error {
	p, err := t.Package(name)
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		return fmt.Errorf("package %s is not installed", name)
	}
	value := text("installed")
	if p.Hold {
		value = newFields().text("state", "installed").flag("hold", true).node
	}
	t.add("", value, "packages", name)
	return nil
}

// packages takes what somebody has asked for.
func (t *taker) packages(ctx context.Context) error {
	names, err := t.Manual()
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := t.pkg(ctx, name); err != nil {
			return err
		}
		if i == 0 {
			t.Items[len(t.Items)-1].From = "those that somebody has asked for: apt did not install them because others need them"
		}
	}
	return nil
}

const (
	keyringsDir = "/etc/apt/keyrings"
)

// source takes a file of apt's in the deb822 layout, or a key.
func (t *taker) source(_ context.Context, name string) error {
	if key, ok := strings.CutPrefix(name, "key/"); ok {
		for _, ext := range []string{".asc", ".gpg"} {
			if n, err := t.Stat(path.Join(keyringsDir, key+ext)); err != nil {
				return err
			} else if n != nil {
				return t.keyring(key, ext)
			}
		}
		return fmt.Errorf("there is no keyring %s/%s.asc or .gpg", keyringsDir, key)
	}
	at := path.Join(debian.AptSourcesDir, name+".sources")
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	if data == nil {
		return fmt.Errorf("there is no %s", at)
	}
	s, ok := kind.ReadDeb822(data)
	if !ok {
		return fmt.Errorf("%s has more than one source, or says what a spec cannot say: leave it to the host, or declare it as file/%[1]s", at)
	}
	f := newFields().list("uris", s.URIs).list("suites", s.Suites).list("components", s.Components)
	if s.SignedBy != "" {
		dir, file := path.Split(s.SignedBy)
		ext := path.Ext(file)
		key := strings.TrimSuffix(file, ext)
		if path.Clean(dir) != keyringsDir || ext != ".asc" && ext != ".gpg" {
			return fmt.Errorf("%s is signed by %s, and a spec's keys are in %s: leave it to the host, or declare it as file/%[1]s", at, s.SignedBy, keyringsDir)
		}
		if err := t.keyring(key, ext); err != nil {
			return err
		}
		f.text("signed_by", key)
	}
	t.add("from "+at, f.node, "apt", "sources", name)
	return nil
}

// keyring takes a key, which has to be a file beside the spec.
func (t *taker) keyring(name, ext string) error {
	at := path.Join(keyringsDir, name+ext)
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	if data == nil {
		return fmt.Errorf("there is no %s", at)
	}
	if t.Options.Beside == "" {
		return fmt.Errorf("the key %s has to be a file beside the spec: say with --files where to", at)
	}
	t.add("from "+at, newFields().text("source", t.beside("apt-"+name+ext, data, false)).node, "apt", "keys", name)
	return nil
}

// sources takes the sources that a spec can declare.
func (t *taker) sources(ctx context.Context) error {
	names, err := t.ReadDir(debian.AptSourcesDir)
	if err != nil {
		return err
	}
	for _, file := range names {
		name, ok := strings.CutSuffix(file, ".sources")
		if !ok {
			if strings.HasSuffix(file, ".list") {
				t.notef("%s is in the one-line layout, and stays the host's own", path.Join(debian.AptSourcesDir, file))
			}
			continue
		}
		if err := t.source(ctx, name); err != nil {
			t.notef("%v", err)
		}
	}
	return nil
}

// beside puts content beside the spec, and says how the spec names it.
func (t *taker) beside(name string, data []byte, secret bool) string {
	name = strings.Trim(strings.ReplaceAll(name, "/", "-"), "-")
	t.Files[name] = Content{Data: data, Secret: secret}
	return path.Join(t.Options.Beside, name)
}
