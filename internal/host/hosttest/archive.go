package hosttest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"strings"

	"opsafe/internal/host"
)

// tarOf packs files by name; what begins with -> is the target of a link, and a name
// that ends in ! is a program.
func (e *env) tarOf(files ...string) []byte {
	e.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		name, program := strings.CutSuffix(files[i], "!")
		h := &tar.Header{Name: name, Mode: 0o640, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}
		if program {
			h.Mode = 0o755
		}
		if target, ok := strings.CutPrefix(files[i+1], "->"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		e.ok(w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(files[i+1]))
			e.ok(err)
		}
	}
	e.ok(w.Close())
	return b.Bytes()
}

// packed puts an archive there, and says how it is unpacked.
func (e *env) packed(room, name string, files ...string) host.Archive {
	e.Helper()
	data := e.tarOf(files...)
	e.do(file(room+"/"+name+".tar", string(data)))
	return host.Archive{
		Name: "ct-tool", Path: room + "/" + name, Source: room + "/" + name + ".tar", SHA256: host.NewContent(data).Digest(), Format: "tar",
		Owner: "daemon", Group: "daemon", Mode: 0o750,
	}
}

// unpacked lists the trees, each with what differs in it.
func (e *env) unpacked() []string {
	e.Helper()
	trees, err := e.host.Unpacked(e.ctx, "ct-tool")
	e.ok(err)
	var out []string
	for _, u := range trees {
		word := u.Path
		if !u.Whole() {
			word += " differs"
		}
		out = append(out, word)
	}
	return out
}

func unpack(e *env) {
	room := e.room()
	one := e.packed(room, "one", "bin/tool!", "#!/bin/sh\n", "share/a.txt", "text", "share/b", "->a.txt")
	two := e.packed(room, "two", "bin/tool!", "#!/bin/sh\nexit\n")
	e.same("trees", e.unpacked(), []string(nil))
	e.do(host.Unpack{Archive: one})
	e.same("trees", e.unpacked(), []string{one.Path})
	e.same("node", e.node(one.Path), &host.Node{Type: host.TypeDir, Owner: "daemon", Group: "daemon", Access: host.AccessOf(0o750)})
	e.do(host.Unpack{Archive: one}, host.Unpack{Archive: two})
	e.same("trees", e.unpacked(), []string{one.Path, two.Path})
	e.same("names", e.names(room), []string{"one", "one.tar", "two", "two.tar"})

	// Another archive takes the place of what is there as a whole.
	again := two
	again.Path = one.Path
	e.do(host.Unpack{Archive: again})
	nobody, nowhere, theirs := two, two, two
	nobody.Owner, nowhere.Path, theirs.Path = "ctnobody", room+"/none/x", room+"/theirs"
	e.do(dir(room + "/theirs"))
	e.refuse(host.Unpack{Archive: nobody}, host.Unpack{Archive: nowhere}, host.Unpack{Archive: theirs},
		host.RemoveUnpacked{Name: "ct-tool", Path: room + "/theirs"})
	e.do(host.RemoveUnpacked{Name: "ct-tool", Path: one.Path})
	e.absent(one.Path)
	e.same("trees", e.unpacked(), []string{two.Path})
	e.do(host.RemoveUnpacked{Name: "ct-tool", Path: two.Path})
	e.same("trees", e.unpacked(), []string(nil))
	e.same("names", e.names(room), []string{"one.tar", "theirs", "two.tar"})
}

// venv has an environment of a wheel take the place of a tree, and go.
func venv(e *env) {
	room := e.room()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{"x.py": "", "x-1.dist-info/METADATA": "Version: 1\n", "x-1.dist-info/WHEEL": "Wheel-Version: 1.0\n"} {
		w, err := z.Create(name)
		e.ok(err)
		_, err = w.Write([]byte(content))
		e.ok(err)
	}
	e.ok(z.Close())
	e.do(dir(room+"/wheels"), file(room+"/wheels/x-1-py3-none-any.whl", b.String()))
	sum := host.NewContent(b.Bytes()).Digest()
	made := host.Archive{
		Name: "ct-tool", Path: room + "/venv", Source: room + "/wheels", SHA256: sum, Python: "3.11",
		Wheels: []host.Wheel{{Name: "x", Version: "1", SHA256: []string{sum}}}, Owner: "daemon", Group: "daemon", Mode: 0o750,
	}
	e.do(host.Unpack{Archive: made})
	e.same("trees", e.unpacked(), []string{made.Path})
	e.same("node", e.node(made.Path), &host.Node{Type: host.TypeDir, Owner: "daemon", Group: "daemon", Access: host.AccessOf(0o750)})
	newer := made
	newer.Python = "3.12"
	e.do(host.Unpack{Archive: newer})
	all, err := e.host.Unpacked(e.ctx, "ct-tool")
	e.ok(err)
	if len(all) != 1 || !all[0].Same(newer) || all[0].Same(made) {
		e.Errorf("the environment is %+v", all)
	}
	file := newer
	file.Source += "/x-1-py3-none-any.whl"
	file.Path += "2"
	e.refuse(host.Unpack{Archive: file})
	e.do(host.RemoveUnpacked{Name: "ct-tool", Path: made.Path})
	e.same("names", e.names(room), []string{"wheels"})
}
