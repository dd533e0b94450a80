package hosttest

import (
	"archive/tar"
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
