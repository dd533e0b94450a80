package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

func perm(p host.Perm) *host.Perm { return &p }

// accesses are values that a path can have, ordinary and not.
func accesses() map[string]host.Access {
	named := []host.Entry{
		{Tag: host.TagUser, Name: "#54322", Perm: host.Read},
		{Tag: host.TagUser, Name: "daemon", Perm: host.Read | host.Write},
		{Tag: host.TagGroup, Name: "#54323", Perm: 0},
		{Tag: host.TagGroup, Name: "users", Perm: 7},
	}
	host.SortEntries(named)
	withACL := host.AccessOf(0o640)
	withACL.Named, withACL.Mask = named, perm(6)
	special := withACL
	special.Special = 0o3000
	special.Mask = perm(0)
	deflt := host.AccessOf(0o2750)
	deflt.Default = &host.Default{User: 7, Group: 5, Other: 0, Named: named, Mask: perm(7)}
	plain := host.AccessOf(0o1777)
	plain.Default = &host.Default{User: 7, Group: 5, Other: 1}
	masked := host.AccessOf(0o750)
	masked.Mask = perm(1)
	return map[string]host.Access{
		"plain": host.AccessOf(0o644), "none": host.AccessOf(0), "setuid": host.AccessOf(0o4755),
		"acl": withACL, "special acl": special, "default": deflt, "plain default": plain, "mask alone": masked,
	}
}

func TestSetAccessCrossed(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	must(t, os.Mkdir(dir+"/dir", 0o700))
	for from, a := range accesses() {
		for to, b := range accesses() {
			for _, path := range []string{dir + "/file", dir + "/dir"} {
				if path == dir+"/file" {
					a.Default, b.Default = nil, nil
				}
				do(t, h, host.SetAccess{Path: path, Access: a})
				do(t, h, host.SetAccess{Path: path, Access: b})
				if got := stat(t, h, path).Access; !got.Equal(b) {
					t.Errorf("%s: from %s to %s: got %+v, want %+v", path, from, to, got, b)
				}
				a, b = accesses()[from], accesses()[to]
			}
		}
	}
	mustFail(t, h.Do(context.Background(), host.SetAccess{Path: dir + "/file", Access: accesses()["default"]}), "not a directory")
	unknown := host.AccessOf(0o600)
	unknown.Named = []host.Entry{{Tag: host.TagUser, Name: "no-such-user", Perm: 4}}
	mustFail(t, h.Do(context.Background(), host.SetAccess{Path: dir + "/file", Access: unknown}), "no-such-user")
}

func TestWriteFile(t *testing.T) {
	h, dir := newTestHost(t)
	path := dir + "/file"
	for name, a := range accesses() {
		a.Default = nil
		do(t, h, host.WriteFile{Path: path, Content: host.NewContent([]byte(name)), Owner: "daemon", Group: "#54321", Access: a})
		n := stat(t, h, path)
		if n.Owner != "daemon" || n.Group != "#54321" || !n.Access.Equal(a) {
			t.Errorf("%s: got %+v, want access %+v", name, n, a)
		}
		if b, err := h.ReadFile(path); string(b) != name || err != nil {
			t.Errorf("%s: content %q, %v", name, b, err)
		}
	}
	// A directory's default ACL does not get through to what is declared.
	do(t, h, host.SetAccess{Path: dir, Access: accesses()["default"]})
	do(t, h, host.WriteFile{Path: dir + "/other", Owner: "root", Group: "root", Access: host.AccessOf(0o644)})
	do(t, h, host.MakeDir{Path: dir + "/dir", Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	for p, m := range map[string]host.Mode{"/other": 0o644, "/dir": 0o755} {
		if a := stat(t, h, dir+p).Access; !a.Equal(host.AccessOf(m)) {
			t.Errorf("%s has %+v", p, a)
		}
	}
	mustFail(t, h.Do(context.Background(), host.WriteFile{Path: dir + "/dir", Owner: "root", Group: "root"}), "cannot write", "directory")
	mustFail(t, h.Do(context.Background(), host.WriteFile{Path: dir + "/no/file", Owner: "root", Group: "root"}), "cannot write", "parent directory", "does not exist")
	mustFail(t, h.Do(context.Background(), host.WriteFile{Path: dir + "/file2", Owner: "no-such-user"}), "no-such-user")
	noTemps(t, dir)
}

func TestWriteFileTakesThePlaceOfALink(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, os.WriteFile(dir+"/victim", []byte("old"), 0o600))
	must(t, os.Symlink(dir+"/victim", dir+"/file"))
	do(t, h, host.WriteFile{Path: dir + "/file", Content: host.NewContent([]byte("new")), Access: host.AccessOf(0o644)})
	if b, _ := os.ReadFile(dir + "/victim"); string(b) != "old" {
		t.Errorf("the link's target became %q", b)
	}
	if n := stat(t, h, dir+"/file"); n.Type != host.TypeFile {
		t.Errorf("it is %+v", n)
	}
}

func noTemps(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), stagePrefix) {
			t.Errorf("%s is left over", e.Name())
		}
	}
}

func TestCheck(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	path := dir + "/file"
	good := &host.Check{Argv: []string{"grep", "-q", "good", "%"}}
	shows := &host.Check{Argv: []string{"grep", "-c", "good", "%", "/dev/null"}}
	beside := &host.Check{Argv: shows.Argv, Companion: path}
	do(t, h, host.WriteFile{Path: path, Content: host.NewContent([]byte("good\n")), Access: host.AccessOf(0o600), Check: good})
	for _, c := range []*host.Check{good, shows, beside} {
		must(t, h.Check(ctx, *c, host.NewContent([]byte("good\n"))))
		var verdict *host.CheckError
		err := h.Check(ctx, *c, host.NewContent([]byte("bad\n")))
		if !errors.As(err, &verdict) || verdict.Program != "grep" || strings.Contains(err.Error(), stagePrefix) || strings.Contains(err.Error(), "staged") {
			t.Errorf("%v: %v", c, err)
		}
		if c == beside && !strings.Contains(err.Error(), path+":0") {
			t.Errorf("the verdict does not name the file: %v", err)
		}
		err = h.Do(ctx, host.WriteFile{Path: path, Content: host.NewContent([]byte("bad\n")), Access: host.AccessOf(0o600), Check: c})
		if !errors.As(err, &verdict) {
			t.Errorf("%v: %v", c, err)
		}
	}
	err := h.Check(ctx, host.Check{Argv: []string{"cat", "%", "/no/such/file"}}, host.NewSecret([]byte("canary")))
	mustFail(t, err, "kept back")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret got out: %v", err)
	}
	err = h.Check(ctx, host.Check{Argv: []string{"no-such-program", "%"}}, host.NewContent(nil))
	if !errors.Is(err, host.ErrNoProgram) {
		t.Errorf("a program that is not there: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "good\n" {
		t.Errorf("refused content got through: %q", b)
	}
	noTemps(t, dir)
	if names, err := h.ReadDir(h.options.RunDir); err != nil || len(names) != 0 {
		t.Errorf("left over in the run directory: %v, %v", names, err)
	}
}

func TestSweep(t *testing.T) {
	h, dir := newTestHost(t)
	dead := dir + "/" + stagePrefix + "0123456789abcdef"
	deadDir := dir + "/" + stagePrefix + "0123456789abcde0"
	deadLink := dir + "/" + stagePrefix + "0123456789abcde1"
	live := dir + "/" + stagePrefix + "0123456789abcde2"
	other := dir + "/" + stagePrefix + "notes"
	must(t, os.WriteFile(dead, nil, 0o600))
	must(t, os.MkdirAll(deadDir+"/sub/sub", 0o700))
	must(t, os.WriteFile(deadDir+"/sub/f", nil, 0o600))
	must(t, os.Symlink(dir, deadDir+"/sub/up"))
	must(t, os.Symlink("/etc", deadLink))
	must(t, os.WriteFile(other, nil, 0o600))
	f, err := os.Create(live)
	must(t, err)
	defer f.Close()
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))

	do(t, h, host.WriteFile{Path: dir + "/file", Access: host.AccessOf(0o600)})
	names, err := h.ReadDir(dir)
	must(t, err)
	if got, want := strings.Join(names, " "), filepath.Base(live)+" "+filepath.Base(other)+" file"; got != want {
		t.Errorf("left: %s, want %s", got, want)
	}
}

func TestDiskFull(t *testing.T) {
	h, dir := newTestHost(t)
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=755"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	do(t, h, host.WriteFile{Path: dir + "/file", Content: host.NewContent([]byte("old")), Access: host.AccessOf(0o600)})
	err := h.Do(context.Background(), host.WriteFile{Path: dir + "/file", Content: host.NewContent(make([]byte, 1<<20)), Access: host.AccessOf(0o600)})
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if b, _ := os.ReadFile(dir + "/file"); string(b) != "old" {
		t.Errorf("the old content became %q", b)
	}
	noTemps(t, dir)
}

func TestMakeDir(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	for name, a := range accesses() {
		do(t, h, host.MakeDir{Path: dir + "/" + name, Owner: "daemon", Group: "users", Access: a})
		if n := stat(t, h, dir+"/"+name); n.Owner != "daemon" || n.Group != "users" || !n.Access.Equal(a) {
			t.Errorf("%s: got %+v, want %+v", name, n, a)
		}
	}
	mustFail(t, h.Do(ctx, host.MakeDir{Path: dir + "/plain", Access: host.AccessOf(0o700)}), "already")
	mustFail(t, h.Do(ctx, host.MakeDir{Path: dir + "/no/dir", Access: host.AccessOf(0o700)}), "parent directory", "does not exist")

	home := dir + "/home"
	do(t, h, host.MakeDir{Path: home, Owner: "#54321", Group: "#54321", Access: host.AccessOf(0o750), Skeleton: true})
	if n := stat(t, h, home); n.Owner != "#54321" || n.Access.Mode() != 0o750 {
		t.Errorf("home is %+v", n)
	}
	skel, err := h.ReadDir(debian.Skeleton)
	must(t, err)
	names, err := h.ReadDir(home)
	must(t, err)
	if strings.Join(names, " ") != strings.Join(skel, " ") {
		t.Errorf("home has %v, the skeleton %v", names, skel)
	}
	for _, name := range names {
		n, want := stat(t, h, home+"/"+name), stat(t, h, debian.Skeleton+"/"+name)
		if n.Owner != "#54321" || n.Group != "#54321" || n.Access.Mode() != want.Access.Mode() || n.Size != want.Size {
			t.Errorf("%s is %+v", name, n)
		}
	}
	mustFail(t, h.Do(ctx, host.MakeDir{Path: home, Access: host.AccessOf(0o700), Skeleton: true}), "already")
	noTemps(t, dir)
}

func TestMakeLinkAndRemove(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	link := dir + "/link"
	for _, target := range []string{"/etc/hosts", "nowhere"} {
		do(t, h, host.MakeLink{Path: link, Target: target, Owner: "daemon", Group: "users"})
		if n := stat(t, h, link); n.Type != host.TypeSymlink || n.Target != target || n.Owner != "daemon" || n.Group != "users" {
			t.Errorf("link is %+v", n)
		}
	}
	must(t, os.MkdirAll(dir+"/full/sub", 0o700))
	mustFail(t, h.Do(ctx, host.RemovePath{Path: dir + "/full"}), "not empty")
	mustFail(t, h.Do(ctx, host.MakeLink{Path: dir + "/full", Target: "x"}), "cannot make link")
	for _, p := range []string{"/full/sub", "/full", "/link", "/link", "/no/such"} {
		do(t, h, host.RemovePath{Path: dir + p})
	}
	if names, err := h.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
	mustFail(t, h.Do(ctx, host.RemovePath{Path: "/"}), "cannot")
}

func TestHardLink(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	must(t, os.WriteFile(dir+"/victim", nil, 0o600))
	must(t, os.Mkdir(dir+"/home", 0o755))
	must(t, os.Chown(dir+"/home", mallory, mallory))
	must(t, os.Link(dir+"/victim", dir+"/home/mine"))
	mustFail(t, h.Do(ctx, host.SetOwner{Path: dir + "/home/mine", Owner: "#54321"}), "hard links")
	mustFail(t, h.Do(ctx, host.SetAccess{Path: dir + "/home/mine", Access: host.AccessOf(0o666)}), "hard links")
	must(t, unix.Mkfifo(dir+"/pipe", 0o600))
	must(t, os.Link(dir+"/pipe", dir+"/home/pipe"))
	mustFail(t, h.Do(ctx, host.SetOwner{Path: dir + "/home/pipe", Owner: "#54321"}), "hard links")
	if n := stat(t, h, dir+"/victim"); n.Owner != "root" || n.Access.Mode() != 0o600 {
		t.Errorf("victim is %+v", n)
	}
	do(t, h, host.SetAccess{Path: dir + "/victim", Access: host.AccessOf(0o640)}) // root's own directory
}

func TestKeyPair(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	for _, s := range []host.MakeKeyPair{
		{Path: dir + "/ed", Type: "ed25519", Comment: "deploy@x", Owner: "daemon", Group: "daemon"},
		{Path: dir + "/ec", Type: "ecdsa", Bits: 384},
		{Path: dir + "/rsa", Type: "rsa"},
	} {
		do(t, h, s)
		private, err := os.ReadFile(s.Path)
		must(t, err)
		signer, err := ssh.ParsePrivateKey(private)
		must(t, err)
		line, err := os.ReadFile(s.Path + ".pub")
		must(t, err)
		public, comment, _, _, err := ssh.ParseAuthorizedKey(line)
		must(t, err)
		if comment != s.Comment || string(public.Marshal()) != string(signer.PublicKey().Marshal()) {
			t.Errorf("%s: the halves do not match, or the comment is %q", s.Path, comment)
		}
		if n := stat(t, h, s.Path); n.Access.Mode() != 0o600 || s.Owner != "" && n.Owner != s.Owner {
			t.Errorf("private half is %+v", n)
		}
		if n := stat(t, h, s.Path+".pub"); n.Access.Mode() != 0o644 {
			t.Errorf("public half is %+v", n)
		}
		// Died in between: the private half stays.
		must(t, os.Remove(s.Path+".pub"))
		do(t, h, s)
		if again, _ := os.ReadFile(s.Path); string(again) != string(private) {
			t.Error("the private half was replaced")
		}
		if again, _ := os.ReadFile(s.Path + ".pub"); string(again) != string(line) {
			t.Errorf("the public half became %q", again)
		}
	}
	mustFail(t, h.Do(ctx, host.MakeKeyPair{Path: dir + "/x", Type: "rsa", Bits: 1024}), "3072")
	mustFail(t, h.Do(ctx, host.MakeKeyPair{Path: dir + "/x", Type: "dsa"}), "unknown type")
	mustFail(t, h.Do(ctx, host.MakeKeyPair{Path: dir + "/x", Type: "ed25519", Comment: "a\nb"}), "line break")
}

func TestPending(t *testing.T) {
	h, _ := newTestHost(t)
	ssh := host.Pending{Unit: "ssh.service", Verb: host.Reload, Why: "sshd_config"}
	cron := host.Pending{Unit: "cron.service", Verb: host.Restart, Why: "crontab"}
	do(t, h, host.Settle{Unit: "ssh.service"})
	do(t, h, host.Owe{Pending: ssh})
	do(t, h, host.Owe{Pending: cron})
	do(t, h, host.Owe{Pending: ssh})
	do(t, h, host.Owe{Pending: host.Pending{Unit: "cron.service", Verb: host.Reload, Why: "less"}})
	if p, err := h.Pending(); err != nil || len(p) != 2 || !reflect.DeepEqual(p[0], ssh) || !reflect.DeepEqual(p[1], cron) {
		t.Errorf("owed: %v, %v", p, err)
	}
	ssh.Verb = host.Restart
	do(t, h, host.Owe{Pending: ssh})
	if p, err := New(h.options).Pending(); err != nil || len(p) != 2 || !reflect.DeepEqual(p[0], ssh) {
		t.Errorf("owed: %v, %v", p, err)
	}
	do(t, h, host.Settle{Unit: "ssh.service"})
	do(t, h, host.Settle{Unit: "cron.service"})
	if p, err := h.Pending(); err != nil || len(p) != 0 {
		t.Errorf("owed: %v, %v", p, err)
	}
	if _, err := os.Stat(h.pendingPath()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	must(t, os.WriteFile(h.pendingPath(), []byte("{"), 0o600))
	_, err := h.Pending()
	mustFail(t, err, "cannot read what is owed")
}
