package spec

import (
	"errors"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestRootOwned(t *testing.T) {
	files := "-- backends/one/backend.yaml --\nusers: {}\n-- backends/common/deep/x --\n-- keys/a --\n-- developers.yaml --\na: {roles: []}\n-- other/x --\n"
	for _, tc := range []struct {
		name   string
		change func(dir string) error
		want   string // with DIR for the directory; "": fine
	}{
		{"root's", func(string) error { return nil }, ""},
		{"others can write a key", func(d string) error { return os.Chmod(d+"/keys/a", 0o646) }, "DIR/keys/a has mode 0646"},
		{"others can write a backend", func(d string) error { return os.Chmod(d+"/backends/one/backend.yaml", 0o666) }, "DIR/backends/one/backend.yaml has mode 0666"},
		{"others can write a part", func(d string) error { return os.Chmod(d+"/backends/common/deep/x", 0o602) }, "DIR/backends/common/deep/x has mode 0602"},
		{"others can write a backend's directory", func(d string) error { return os.Chmod(d+"/backends/one", 0o757) }, "DIR/backends/one has mode 0757"},
		{"others can write the people", func(d string) error { return os.Chmod(d+"/developers.yaml", 0o646) }, "DIR/developers.yaml has mode 0646"},
		{"others can write keys/", func(d string) error { return os.Chmod(d+"/keys", 0o777) }, "DIR/keys has mode 0777"},
		{"the group can write a key", func(d string) error { return os.Chmod(d+"/keys/a", 0o664) }, "DIR/keys/a has mode 0664"},
		{"an ACL lets somebody write a key", func(d string) error {
			// Version 2; user::rw, user:1234:rw, group::r, mask::rw, other::r.
			acl := "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x06\x00\xd2\x04\x00\x00\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x06\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff"
			return syscall.Setxattr(d+"/keys/a", "system.posix_acl_access", []byte(acl), 0)
		}, "DIR/keys/a has mode 0664"},
		{"another's key", func(d string) error { return os.Chown(d+"/keys/a", 1234, 0) }, "DIR/keys/a belongs to uid 1234"},
		{"a key that is a link out", func(d string) error {
			return errors.Join(os.Remove(d+"/keys/a"), os.Symlink("/etc/shadow", d+"/keys/a"))
		}, "DIR/keys/a is a link to /etc/shadow, outside of what is checked"},
		{"the group can write the directory", func(d string) error { return os.Chmod(d, 0o775) }, "DIR has mode 0775"},
		{"sticky is no excuse", func(d string) error { return os.Chmod(d+"/backends", 0o777|os.ModeSticky) }, "DIR/backends has mode 0777"},
		{"another's file", func(d string) error { return os.Chown(d+"/developers.yaml", 1234, 0) }, "DIR/developers.yaml belongs to uid 1234"},
		{"what is not read does not matter", func(d string) error { return os.Chmod(d+"/other/x", 0o666) }, ""},
		{"a link to what is not checked", func(d string) error { return os.Symlink("../other/x", d+"/backends/x") }, "DIR/backends/x is a link to DIR/other/x, outside of what is checked"},
		{"an absolute link", func(d string) error { return os.Symlink("/etc/hosts", d+"/backends/x") }, "DIR/backends/x is a link to /etc/hosts, outside of what is checked"},
		{"a link up from another link", func(d string) error {
			// By its words it leads to backends/common/other/x.
			return errors.Join(os.Symlink("../../../backends/common", d+"/backends/common/deep/l"), os.Symlink("common/deep/l/../../other/x", d+"/backends/x"))
		}, "DIR/backends/x is a link to common/deep/l/../../other/x, which goes down and up again: nobody can tell where to"},
		{"a link in place of a directory", func(d string) error {
			return errors.Join(os.Rename(d+"/keys", d+"/other/keys"), os.Symlink("other/keys", d+"/keys"))
		}, "DIR/keys is a link to DIR/other/keys, outside of what is checked"},
		{"a link out, in place of a directory", func(d string) error {
			return errors.Join(os.Rename(d+"/keys", d+"/other/keys"), os.Symlink("/etc", d+"/keys"))
		}, "DIR/keys is a link to /etc, outside of what is checked"},
		{"a link to what is checked", func(d string) error { return os.Symlink("../keys/a", d+"/backends/x") }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := unpack(t, txtar.Parse([]byte(files)).Files)
			if err := tc.change(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Load(LoadOptions{Dir: dir, RootOwned: true, Parts: testParts})
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			want := "refusing the repository DIR: others than root can write it: " + tc.want + ": mend it with: chown -R root:root DIR && chmod -R go-w DIR"
			if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestSpecialFiles puts what is no regular file where files of a repository are
// read: it is refused, at once and by name.
func TestSpecialFiles(t *testing.T) {
	const files = "-- backends/one/backend.yaml --\ninclude: [../common/part.yaml]\nfiles: {/etc/a: {source: text}}\nsudoers: {a: {template: tmpl}}\n" +
		"-- backends/one/text --\n-- backends/one/tmpl --\n-- backends/common/part.yaml --\npackages: {vim: installed}\n-- keys/a --\n-- developers.yaml --\na: {roles: []}\n"
	for kind, put := range map[string]func(path string) error{
		"pipe":         func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"device":       func(p string) error { return syscall.Mknod(p, syscall.S_IFCHR|0o600, 1<<8|5) }, // /dev/zero
		"directory":    func(p string) error { return os.Mkdir(p, 0o755) },
		"link to root": func(p string) error { return os.Symlink("/etc/shadow", p) },
	} {
		for _, file := range []string{"backends/one/backend.yaml", "backends/one/text", "backends/one/tmpl", "backends/common/part.yaml", "keys/a", "developers.yaml"} {
			for _, rootOwned := range []bool{false, true} {
				dir := unpack(t, txtar.Parse([]byte(files)).Files)
				if err := errors.Join(os.Remove(dir+"/"+file), put(dir+"/"+file)); err != nil {
					t.Fatal(err)
				}
				r, err := Load(LoadOptions{Dir: dir, RootOwned: rootOwned, Parts: testParts})
				if r != nil || err == nil || !strings.Contains(err.Error(), path.Base(file)) {
					t.Errorf("%s at %s: got %v", kind, file, err)
				}
			}
		}
	}
}

// TestAncestors walks ways to a repository on which others could put another in
// its place.
func TestAncestors(t *testing.T) {
	const moved = ", or move the repository to where only root can write"
	for _, tc := range []struct {
		name   string
		change func(dir string) error
		load   string // relative to the directory above
		want   string // with DIR for that directory; "": fine
	}{
		{"root's", func(string) error { return nil }, "way/repo", ""},
		{
			"another's", func(d string) error { return os.Chown(d+"/way", 1234, 0) }, "way/repo",
			"refusing the repository DIR/way/repo: others than root can put another in its place: DIR/way above it belongs to uid 1234: mend it with: chown root:root DIR/way" + moved,
		},
		{
			"the group can write", func(d string) error { return os.Chmod(d+"/way", 0o775) }, "way/repo",
			"refusing the repository DIR/way/repo: others than root can put another in its place: DIR/way above it has mode 0775: mend it with: chmod go-w DIR/way" + moved,
		},
		{"sticky", func(d string) error { return os.Chmod(d+"/way", 0o777|os.ModeSticky) }, "way/repo", ""},
		{
			"sticky, and another's", func(d string) error {
				return errors.Join(os.Chown(d+"/way", 1234, 0), os.Chmod(d+"/way", 0o777|os.ModeSticky))
			}, "way/repo",
			"refusing the repository DIR/way/repo: others than root can put another in its place: DIR/way above it belongs to uid 1234 and has mode 0777: mend it with: chown root:root DIR/way && chmod go-w DIR/way" + moved,
		},
		{
			"sticky, and the repository another's", func(d string) error {
				return errors.Join(os.Chmod(d+"/way", 0o777|os.ModeSticky), os.Chown(d+"/way/repo", 1234, 0))
			}, "way/repo",
			"refusing the repository DIR/way/repo: others than root can write it: DIR/way/repo belongs to uid 1234: mend it with: chown -R root:root DIR/way/repo && chmod -R go-w DIR/way/repo",
		},
		{"by a link", func(d string) error { return os.Symlink("way/../way/repo", d+"/link") }, "link", ""},
		{"by an absolute link", func(d string) error { return os.Symlink(d+"/way", d+"/link") }, "link/repo", ""},
		{
			"by another's link", func(d string) error {
				return errors.Join(os.Chmod(d, 0o777|os.ModeSticky), os.Symlink("way/repo", d+"/link"), os.Lchown(d+"/link", 1234, 0))
			}, "link",
			"refusing the repository DIR/link: the link DIR/link on the way to it belongs to uid 1234, who can lead it elsewhere: mend it with: chown -h root:root DIR/link",
		},
		{
			"by a link through what others can write", func(d string) error {
				return errors.Join(os.Symlink("way/repo", d+"/link"), os.Chmod(d+"/way", 0o757))
			}, "link",
			"refusing the repository DIR/link: others than root can put another in its place: DIR/way above it has mode 0757: mend it with: chmod go-w DIR/way" + moved,
		},
		{"round in a circle", func(d string) error { return os.Symlink("link", d+"/link") }, "link", "cannot open the repository: DIR/link leads through too many links"},
		{"missing", func(string) error { return nil }, "way/none", "cannot open the repository: DIR/way/none: there is no such file"},
		{"a file", func(string) error { return nil }, "way/repo/developers.yaml", "cannot open the repository: DIR/way/repo/developers.yaml: not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := unpack(t, txtar.Parse([]byte("-- way/repo/backends/one/backend.yaml --\nusers: {}\n-- way/repo/developers.yaml --\n")).Files)
			if err := tc.change(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Load(LoadOptions{Dir: dir + "/" + tc.load, RootOwned: true, Parts: testParts})
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestOpenedOnce exchanges a repository after it was opened: what was looked at
// is what is read.
func TestOpenedOnce(t *testing.T) {
	dir := unpack(t, txtar.Parse([]byte("-- repo/developers.yaml --\nmine\n-- theirs/developers.yaml --\ntheirs\n")).Files)
	root, real, err := openTrusted(dir + "/repo")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := errors.Join(os.Rename(dir+"/repo", dir+"/old"), os.Rename(dir+"/theirs", dir+"/repo"), os.Chmod(dir+"/repo", 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := checkOwners(root, real); err != nil {
		t.Error(err)
	}
	if data, err := root.ReadFile(peopleFile); err != nil || string(data) != "mine\n" {
		t.Errorf("read %q, %v", data, err)
	}
}
