package local

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// venv makes a Python environment (PEP 405) of wheels, as their format says (PEP 427). No
// program is run for it: neither pip's nor the wheels'.
func (b *builder) venv(ctx context.Context, wheels []openWheel) error {
	v := &venvBuilder{builder: b, ctx: ctx, which: newMembers(b.archive), digests: map[string]string{}}
	v.site = "lib/python" + b.archive.Python + "/site-packages"
	if err := v.base(); err != nil {
		return err
	}
	for _, w := range wheels {
		if err := v.install(w); err != nil {
			return fmt.Errorf("%s %s: %w", w.Name, w.Version, err)
		}
	}
	return nil
}

type venvBuilder struct {
	*builder
	ctx     context.Context //nolint:containedctx // of one step
	which   *members
	site    string            // where modules are
	digests map[string]string // of files that are there, by name
}

// base makes what every environment has: the interpreter's names, and what tells it
// where its modules are.
func (v *venvBuilder) base() error {
	interpreter := filepath.Join(filepath.Dir(host.SystemPython), "python"+v.archive.Python)
	config := fmt.Sprintf("home = %s\ninclude-system-site-packages = false\nversion = %s\nexecutable = %s\n",
		filepath.Dir(host.SystemPython), v.archive.Python, interpreter)
	if err := v.text("pyvenv.cfg", config, false); err != nil {
		return err
	}
	for _, dir := range []string{"bin", v.site} {
		if err := v.take(v.ctx, v.which, member{raw: dir, kind: host.TypeDir}, nil); err != nil {
			return err
		}
	}
	for _, l := range [][2]string{{"bin/python3", interpreter}, {"bin/python", "python3"}, {"bin/python" + v.archive.Python, "python3"}} {
		v.which.taken[l[0]] = host.TypeSymlink
		if err := v.link(member{name: l[0], target: l[1]}); err != nil {
			return err
		}
	}
	return nil
}

func (v *venvBuilder) text(name, content string, program bool) error {
	return v.put(member{raw: name, kind: host.TypeFile, program: program}, []byte(content))
}

// put makes a file. One that another wheel has brought is left if it is the same.
func (v *venvBuilder) put(m member, content []byte) error {
	digest := host.NewContent(content).Digest()
	name := path.Clean(m.raw)
	if v.which.taken[name] == host.TypeFile && v.digests[name] == digest {
		return nil
	}
	v.digests[name] = digest
	return v.take(v.ctx, v.which, m, bytes.NewReader(content))
}

// interpreter is what programs of the environment are run by, once it has its name.
func (v *venvBuilder) interpreter() string { return path.Join(v.archive.Path, "bin/python3") }

// install puts what a wheel brings in its places, and its record.
func (v *venvBuilder) install(w openWheel) error {
	var names []string
	add := func(m member, content []byte) error {
		names = append(names, path.Clean(m.raw))
		return v.put(m, content)
	}
	for _, f := range w.zip.File {
		at, script, err := v.place(w, f.Name)
		if err != nil || at == "" {
			if err != nil {
				return err
			}
			continue
		}
		if err := v.copy(f, at, script, add); err != nil {
			return err
		}
	}
	commands, err := w.commands()
	if err != nil {
		return err
	}
	for _, c := range commands {
		if err := add(member{raw: "bin/" + c.name, kind: host.TypeFile, program: true}, []byte(c.script(v.interpreter()))); err != nil {
			return err
		}
	}
	if err := add(member{raw: path.Join(v.site, w.info, "INSTALLER"), kind: host.TypeFile}, []byte("opsafe\n")); err != nil {
		return err
	}
	return v.record(w, names)
}

// place is where a member of a wheel goes, and whether it is a program of its data;
// empty: nowhere, since it is a directory, or is written anew.
func (v *venvBuilder) place(w openWheel, name string) (at string, script bool, err error) {
	if strings.HasSuffix(name, "/") {
		return "", false, nil
	}
	if rest, ok := strings.CutPrefix(name, w.info+"/"); ok {
		if slices.Contains([]string{"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER"}, rest) {
			return "", false, nil
		}
	}
	data := strings.TrimSuffix(w.info, ".dist-info") + ".data/"
	rest, ok := strings.CutPrefix(name, data)
	if !ok {
		return v.site + "/" + name, false, nil
	}
	scheme, rest, _ := strings.Cut(rest, "/")
	switch scheme {
	case "purelib", "platlib":
		return v.site + "/" + rest, false, nil
	case "scripts":
		return "bin/" + rest, true, nil
	case "data":
		return rest, false, nil
	case "headers":
		return path.Join("include/site/python"+v.archive.Python, w.Name) + "/" + rest, false, nil
	}
	return "", false, refuseMember(name, "belongs to a part of an environment that opsafe does not know")
}

// copy puts a file of a wheel where it goes.
func (v *venvBuilder) copy(f *zip.File, at string, script bool, add func(member, []byte) error) error {
	return readZipped(f, func(m member, content io.Reader) error {
		if m.kind != host.TypeFile {
			return refuseMember(f.Name, "is no file: a wheel has nothing else")
		}
		// Checked before it is put together with the directory, which would hide it.
		if path.IsAbs(f.Name) || slices.Contains(strings.Split(f.Name, "/"), "..") {
			return refuseMember(f.Name, `has ".." in its name, or an absolute one`)
		}
		data, err := io.ReadAll(io.LimitReader(content, maxWheelFile+1))
		if err != nil {
			return fmt.Errorf("cannot read its member %q: %w", f.Name, err)
		}
		if len(data) > maxWheelFile {
			return refuseMember(f.Name, fmt.Sprintf("comes to more than %d MiB", maxWheelFile>>20))
		}
		if script {
			m.program, data = true, v.adapt(data)
		}
		m.raw = at
		return add(m, data)
	})
}

// maxWheelFile is how large a file of a wheel may be, in bytes: it is held in memory.
const maxWheelFile = 512 << 20

// adapt has a program be run by the environment's interpreter, where it asks for that.
func (v *venvBuilder) adapt(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte("#!python")) {
		return data
	}
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	return slices.Concat([]byte("#!"+v.interpreter()+"\n"), rest)
}

// record writes the list of a wheel's files, as programs read it that ask what is
// installed.
func (v *venvBuilder) record(w openWheel, names []string) error {
	var out bytes.Buffer
	c := csv.NewWriter(&out)
	made := map[string]noteMember{}
	for _, m := range v.made {
		made[m.Path] = m
	}
	at := path.Join(v.site, w.info, "RECORD")
	rows := [][]string{}
	for _, name := range names {
		m, ok := made[name]
		sum, err := hex.DecodeString(m.SHA256)
		if !ok || err != nil {
			return errors.Join(fmt.Errorf("%s is not there", name), err)
		}
		shown, err := filepath.Rel(v.site, name)
		if err != nil {
			return err
		}
		rows = append(rows, []string{shown, "sha256=" + base64.RawURLEncoding.EncodeToString(sum), strconv.FormatInt(m.Size, 10)})
	}
	slices.SortFunc(rows, slices.Compare[[]string])
	rows = append(rows, []string{w.info + "/RECORD", "", ""})
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return v.text(at, out.String(), false)
}
