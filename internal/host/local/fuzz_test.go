package local

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"opsafe/internal/host"
)

// FuzzAccounts reads any text as account databases: what is found stands in the
// line that counts, and what cannot be understood changes nothing else.
func FuzzAccounts(f *testing.F) {
	f.Add(passwdFile, groupFile, "alice:!$y$a:0:0:99999:7::0:\n")
	f.Add("a:x:4294967295:1::/:\nb:x:4294967296:1::/:\nc:x:-1:1::/:\nd:x:+1:1::/:\n", "g:x:1:a,,b,\n", ":::::::")
	f.Add("a:b\n:x:1:1::/:\n a:x:1:1::/:\n\t\n", "g:x:1\n", "a:*\n")
	f.Add("a\x00:x:1:1::/:/bin/sh\r\n", "é:x:01:\n", "\xff:$:::::::")
	f.Fuzz(func(t *testing.T, passwd, group, shadow string) {
		db := parseNames(passwd, group)
		seen := map[string]bool{}
		for i, u := range db.users {
			if seen[u.Name] || u.Name == "" || strings.ContainsAny(u.Name+u.Home+u.Shell+u.Comment, ":\n") || db.userAt[u.Name] != i {
				t.Fatalf("user %+v", u)
			}
			seen[u.Name] = true
			line := firstLine(passwd, u.Name, 7)
			if f := strings.Split(line, ":"); number(f[2]) != u.UID || number(f[3]) != u.GID || f[6] != u.Shell {
				t.Fatalf("user %+v is read from %q", u, line)
			}
			if j := slices.IndexFunc(db.users, func(o host.User) bool { return o.UID == u.UID }); db.userOf[u.UID] != db.users[j].Name {
				t.Fatalf("the name of %d is %s", u.UID, db.userOf[u.UID])
			}
		}
		for i, g := range db.groups {
			if g.Name == "" || strings.ContainsAny(g.Name, ":\n") || db.groupAt[g.Name] != i || slices.Contains(g.Members, "") || !slices.IsSorted(g.Members) {
				t.Fatalf("group %+v", g)
			}
			if line := firstLine(group, g.Name, 4); number(strings.Split(line, ":")[2]) != g.GID {
				t.Fatalf("group %+v is read from %q", g, line)
			}
		}
		junk := parseNames("junk\n+\n# c\n\n:x:0:0::/:\n"+passwd, "junk\n-x:::\n"+group)
		if len(junk.users) != len(db.users) || len(junk.groups) != len(db.groups) {
			t.Fatal("lines that say nothing change what others say")
		}
		for name, p := range parseShadow(shadow) {
			f := strings.Split(firstLine(shadow, name, -1), ":")
			if (p.State == host.PasswordEmpty) != (f[1] == "") || (p.State == host.PasswordLocked) != strings.ContainsAny(f[1][:min(1, len(f[1]))], "!*") {
				t.Fatalf("password %+v is read from %q", p, f)
			}
		}
	})
}

// firstLine finds the first line for a name that has so many fields, -1 for at
// least those that shadow has, and numbers where ids are.
func firstLine(text, name string, want int) string {
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.Split(line, ":")
		if f[0] != name || len(f) != want && (want >= 0 || len(f) < 8) {
			continue
		}
		if want > 0 && number(f[2]) < 0 || want == 7 && number(f[3]) < 0 {
			continue
		}
		return line
	}
	return strings.Repeat(":", 9)
}

func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return -1
	}
	return int(n)
}

// numbers are names of ids that say the id.
type numbers struct{}

func (numbers) userName(id int) string  { return "#" + strconv.Itoa(id) }
func (numbers) groupName(id int) string { return "#" + strconv.Itoa(id) }
func (numbers) uid(name string) (int, error) {
	id, _, err := numericID("user", name)
	return id, err
}

func (numbers) gid(name string) (int, error) {
	id, _, err := numericID("group", name)
	return id, err
}

// FuzzACL reads any attribute as an ACL. What can be written again is the same
// when it is read again, and as the kernel writes it, byte for byte.
func FuzzACL(f *testing.F) {
	for name, a := range accesses() {
		raw, err := encodeACL(host.Default{User: a.User, Group: a.Group, Other: a.Other, Named: onlyNumbers(a.Named), Mask: a.Mask}, numbers{})
		if err != nil {
			f.Fatalf("%s: %v", name, err)
		}
		f.Add(raw)
		f.Add(append(raw, raw[aclHeader:]...))
		f.Add(raw[:len(raw)-1])
	}
	f.Add([]byte{2, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := decodeACL(raw, numbers{})
		if err != nil {
			return
		}
		again, err := encodeACL(d, numbers{})
		if err != nil {
			return // two entries for one id, or one for no id
		}
		back, err := decodeACL(again, numbers{})
		if err != nil || !(host.Access{Default: &d}).Equal(host.Access{Default: withMaskOf(d, back)}) {
			t.Fatalf("%+v became %+v, %v", d, back, err)
		}
		if third, err := encodeACL(back, numbers{}); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%x is written as %x", again, third)
		}
	})
}

func onlyNumbers(es []host.Entry) []host.Entry {
	es = slices.Clone(es)
	for i := range es {
		es[i].Name = "#" + strconv.Itoa(i+1)
	}
	return es
}

// withMaskOf is what was read again, but for a mask that encoding has added.
func withMaskOf(d, back host.Default) *host.Default {
	if d.Mask == nil {
		back.Mask = nil
	}
	return &back
}

// FuzzStatus reads any text as dpkg's status: each package has the stanza that
// begins with its name.
func FuzzStatus(f *testing.F) {
	f.Add([]byte("Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\nPackage: a\nStatus: hold ok unpacked\nArchitecture: i386\n\nPackage: dpkg\nArchitecture: amd64\n"))
	f.Add([]byte("\nPackage: \nPackage: a\n Package: b\nStatus: a b\n"))
	f.Add([]byte("Package: "))
	f.Add([]byte("xPackage: a\r\nPackage: b:c\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := indexStatus(data)
		for name := range s.at {
			st, ok := s.find(name)
			if !strings.Contains(name, ":") && (!ok || !bytes.HasPrefix(st, []byte(packageField)) || !bytes.Contains(bytes.SplitN(st, []byte("\n"), 2)[0], []byte(name))) {
				t.Fatalf("package %q has stanza %q", name, st)
			}
		}
		for p := range s.all {
			if p.State == "" || p.State == "not-installed" {
				t.Fatalf("package %+v", p)
			}
		}
		if !slices.IsSorted(s.broken()) {
			t.Fatal("not sorted")
		}
	})
}

// FuzzIndex reads any text as apt's index, in pieces of any size: the names are
// those of the lines that say so.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("Package: a\nVersion: 1\n\nPackage: b\n Package: c\n"))
	f.Add([]byte("Package: \nPackage: a"))
	f.Add([]byte("Package:Package: a\n\nPackage:  a b \r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		want := map[string]struct{}{}
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if name, ok := bytes.CutPrefix(line, []byte(packageField)); ok {
				want[string(bytes.TrimSpace(name))] = struct{}{}
			}
		}
		for how, r := range map[string]aptIndex{"whole": {}, "bytes": {}, "halves": {}} {
			r.names = map[string]struct{}{}
			var err error
			switch how {
			case "whole":
				err = r.add(bytes.NewReader(data))
			case "bytes":
				err = r.add(iotest.OneByteReader(bytes.NewReader(data)))
			default:
				err = r.add(iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(data))))
			}
			if err != nil || len(r.names) != len(want) {
				t.Fatalf("%s: %d names, not %d, %v", how, len(r.names), len(want), err)
			}
			for name := range want {
				if _, ok := r.names[name]; !ok {
					t.Fatalf("%s: no %q", how, name)
				}
			}
		}
	})
}

// FuzzInclude stages any text as a main file of sudo's and sshd's: nothing but
// the lines that include changes, and none of those leads to the real directory.
func FuzzInclude(f *testing.F) {
	for _, s := range []string{
		"Include /etc/ssh/sshd_config.d/*.conf\n", "@includedir /etc/sudoers.d\n#includedir sudoers.d", "include \"/etc/sudoers.d/a\" b\nPort 22\n",
		"Include=/etc/sudoers.d/../sudoers.d/x\n", "INCLUDE\t\"\n", "include \"\"\n", "@include /etc/sudoers.d/ \n", "Match all\r\n Include x\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, main []byte) {
		for _, tree := range []host.CheckTree{{Main: "/etc/ssh/sshd_config", Dir: "/etc/ssh/sshd_config.d"}, {Main: "/etc/sudoers", Dir: "/etc/sudoers.d"}} {
			staged := includeStaged(main, func(arg string) string { return stagedInclude(arg, tree, "/s") })
			was, is := bytes.Split(main, []byte("\n")), bytes.Split(staged, []byte("\n"))
			if len(was) != len(is) {
				t.Fatalf("%d lines became %d", len(was), len(is))
			}
			for i := range was {
				if !bytes.Contains(bytes.ToLower(was[i]), []byte("include")) && !bytes.Equal(was[i], is[i]) {
					t.Fatalf("%q became %q", was[i], is[i])
				}
				m := host.IncludeLine().FindSubmatch(is[i])
				if m == nil {
					continue
				}
				for _, arg := range strings.Fields(string(m[2])) {
					if p := filepath.Clean(strings.Trim(arg, `"`)); p == tree.Dir || filepath.Dir(p) == tree.Dir {
						t.Fatalf("%q became %q", was[i], is[i])
					}
				}
			}
		}
	})
}

// FuzzPending reads any text as what is owed. What can be read survives a round.
func FuzzPending(f *testing.F) {
	for _, s := range []string{"", "{}", "null", `{"format_version":1}`, `{"format_version":1,"pending":[{"unit":"a.service","verb":"restart","why":"x"}]}`, `{"format_version":1,"pending":[null,{}]}`, `{"format_version":1}{}`} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	h := New(Options{StateDir: dir, RunDir: dir})
	f.Fuzz(func(t *testing.T, data []byte) {
		must(t, os.WriteFile(h.pendingPath(), data, 0o600))
		owed, err := h.Pending()
		if err != nil {
			mustFail(t, err, "cannot read what is owed", h.pendingPath())
			return
		}
		must(t, h.writePending(owed))
		again, err := h.Pending()
		if err != nil || len(again) != len(owed) {
			t.Fatalf("%+v became %+v, %v", owed, again, err)
		}
	})
}

// FuzzTexts reads any text as the small files and outputs that opsafe looks at.
func FuzzTexts(f *testing.F) {
	f.Add("ID=debian\nA=\"x\nB=\"\nC='a\\\"'\n", "/a/../b")
	f.Add("UID_MIN 0x10\nUID_MAX\t99999999999999999999\nSYS_UID_MIN -1\n", "a")
	f.Add("Inst a [1] (2 b [amd64])\nInst a (\nRemv\nConf a\nPurg a [1]\n", "/\x00")
	f.Fuzz(func(t *testing.T, text, path string) {
		for key := range parseOSRelease([]byte(text)) {
			if strings.ContainsAny(key, "=\n") {
				t.Fatalf("os-release has %q", key)
			}
		}
		_ = parseRanges(text)
		_ = parseSimulation(text)
		if clean, err := cleanPath(path); err == nil && (clean != filepath.Clean(clean) || !filepath.IsAbs(clean) || strings.ContainsRune(clean, 0)) {
			t.Fatalf("path %q is taken for %q", path, clean)
		}
	})
}
