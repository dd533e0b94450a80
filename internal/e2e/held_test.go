package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// failsAlike demands that a plan says of a resource what manage then says, that both end
// with 1, and that a plan by recorded facts says it, too.
func (e *env) failsAlike(words ...string) {
	e.t.Helper()
	e.says(1, e.opsafe("plan", "--backend", "lab"), words...)
	copied := filepath.Join(e.t.TempDir(), "facts.json")
	e.recordTo("lab", copied)
	e.says(1, e.away("plan", "--backend", "lab", "--facts", copied), words...)
	e.says(1, e.opsafe("manage", "--backend", "lab"), words...)
}

// TestHeld proves that the plan knows what not even root can change.
func TestHeld(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	for _, c := range []struct {
		name, spec string
		make, undo [][]string
		says       []string
	}{
		{
			name: "immutable file", spec: `files: {/etc/held: {content: "new\n"}}`,
			make: [][]string{{"chattr", "+i", "/etc/held"}}, undo: [][]string{{"chattr", "-i", "/etc/held"}},
			says: []string{"cannot write /etc/held: it is immutable (chattr +i): say chattr -i /etc/held first"},
		},
		{
			name: "immutable file to go", spec: `files: {/etc/held: {state: absent}}`,
			make: [][]string{{"chattr", "+i", "/etc/held"}}, undo: [][]string{{"chattr", "-i", "/etc/held"}},
			says: []string{"cannot remove /etc/held: it is immutable"},
		},
		{
			name: "append-only file", spec: `files: {/etc/held: {mode: "0600"}}`,
			make: [][]string{{"chattr", "+a", "/etc/held"}}, undo: [][]string{{"chattr", "-a", "/etc/held"}},
			says: []string{"cannot set the rights of /etc/held: it can only be appended to (chattr +a)"},
		},
		{
			name: "immutable directory", spec: `files: {/srv/held/f: {content: "new\n"}}`,
			make: [][]string{{"chattr", "+i", "/srv/held"}}, undo: [][]string{{"chattr", "-i", "/srv/held"}},
			says: []string{"cannot write /srv/held/f: its directory /srv/held cannot be changed: it is immutable"},
		},
		{
			name: "immutable file in a tree", spec: `directories: {/srv/held: {recurse: {files: "0600"}}}`,
			make: [][]string{{"chattr", "+i", "/srv/held/f"}}, undo: [][]string{{"chattr", "-i", "/srv/held/f"}},
			says: []string{"opsafe does not touch /srv/held/f (it is immutable (chattr +i)): take that from it with chattr"},
		},
		{
			name: "mount point", spec: `files: {/etc/held: {content: "new\n"}}`,
			make: [][]string{{"mount", "--bind", "/etc/hostname", "/etc/held"}}, undo: [][]string{{"umount", "/etc/held"}},
			says: []string{"cannot write /etc/held: it is a mount point"},
		},
		{
			name: "read-only file system", spec: `files: {/srv/held/f: {content: "new\n"}}`,
			make: [][]string{{"mount", "-t", "tmpfs", "-o", "ro", "none", "/srv/held"}}, undo: [][]string{{"umount", "/srv/held"}},
			says: []string{"cannot write /srv/held/f: its directory /srv/held cannot be changed: its file system is mounted read-only"},
		},
		{
			name: "no ACLs", spec: `acls: {/srv/held: {access: ["user:daemon:rx"]}}`,
			make: [][]string{{"mount", "-t", "ramfs", "none", "/srv/held"}}, undo: [][]string{{"umount", "/srv/held"}},
			says: []string{"cannot set the rights of /srv/held: its file system keeps no ACLs"},
		},
		{
			name: "immutable passwd", spec: `users: {heldone: {system: true}}`,
			make: [][]string{{"chattr", "+i", "/etc/passwd"}}, undo: [][]string{{"chattr", "-i", "/etc/passwd"}},
			says: []string{"/etc/passwd", "it is immutable"},
		},
		{
			name: "fifo in the place of a file", spec: `files: {/srv/held/fifo: {content: "new\n"}}`,
			make: [][]string{{"mkfifo", "/srv/held/fifo"}}, undo: [][]string{{"rm", "/srv/held/fifo"}},
			says: []string{"a special file is in the place of the file"},
		},
		{
			name: "file in the place of a directory", spec: `directories: {/srv/held/f: {recurse: {files: "0600"}}}`,
			says: []string{"a file is in the place of the directory"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := e.on(t)
			e.mustRun("mkdir", "-p", "/srv/held")
			for _, p := range []string{"/etc/held", "/srv/held/f"} {
				e.write(p, "old\n", 0o644)
			}
			e.labSpec(c.spec + "\n")
			for _, argv := range c.make {
				e.mustRun(argv...)
			}
			e.failsAlike(c.says...)
			if strings.Contains(c.name, "file") {
				e.mustRun("test", "!", "-e", "/etc/held+")
			}
			for _, argv := range c.undo {
				e.mustRun(argv...)
			}
		})
	}
}

// TestLinkOnTheWay holds the plans for what lies behind a link of root's to what is
// done: on the host, by its facts, and kept.
func TestLinkOnTheWay(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("mkdir", "-p", "/data/disk/a/b", "/data/theirs")
	e.write("/data/disk/a/b/f", "x", 0o644)
	e.mustRun("ln", "-s", "../data/./x/../disk", "/srv/l1")
	e.mustRun("mkdir", "/data/x")
	e.labSpec(`directories: {/srv/l1/a: {mode: "0711", recurse: {owner: daemon, files: "0600"}}}
files: {/srv/l1/a/own: {content: "own\n"}}
`)
	e.planAlikeBut("lab")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--full"), "/srv/l1/a/b/f")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--out", "/root/kept.json"))
	e.says(0, e.opsafe("manage", "--backend", "lab", "--plan", "/root/kept.json", "--full"), "/srv/l1/a/b/f")
	if got := e.mustRun("stat", "-c", "%U %a", "/data/disk/a", "/data/disk/a/b/f", "/data/disk/a/own"); got != "root 711\ndaemon 600\nroot 644" {
		t.Errorf("the tree is %s", got)
	}
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
	e.planAlikeBut("lab")
	e.says(0, e.opsafe("undo", "1"))
	if got := e.mustRun("stat", "-c", "%U %a", "/data/disk/a", "/data/disk/a/b/f"); got != "root 755\nroot 644" {
		t.Errorf("after undo, the tree is %s", got)
	}

	// A link that somebody else can make is refused everywhere in the same words.
	e.mustRun("chown", "daemon", "/data/theirs")
	e.mustRun("ln", "-s", "/data/disk", "/data/theirs/l")
	e.labSpec(`files: {/etc/lab-first: {content: "1\n"}}
directories: {/data/theirs/l/a: {mode: "0700", recurse: {owner: daemon}}}
`)
	e.failsAlike("cannot use /data/theirs/l: it is a symbolic link, in a directory that daemon can write")
	if got := e.mustRun("stat", "-c", "%U %a", "/data/disk/a", "/data/disk/a/b/f"); got != "root 755\nroot 644" {
		t.Errorf("behind the link of another, the tree is %s", got)
	}
}

// TestForeignInTree proves that nobody gets at others' files by moving them into a
// tree whose rule would open them.
func TestForeignInTree(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("groupadd", "research")
	e.mustRun("useradd", "-m", "-G", "research", "bob")
	e.mustRun("useradd", "-m", "alice")
	e.mustRun("useradd", "-r", "app")
	e.mustRun("install", "-d", "-o", "app", "-g", "research", "-m", "2770", "/srv/data", "/srv/data/x")
	e.mustRun("install", "-d", "-g", "research", "-m", "2770", "/srv/shared")
	for name, owner := range map[string]string{"root.txt": "root", "alice.txt": "alice", "bob.txt": "bob"} {
		e.write("/srv/shared/"+name, "private\n", 0o600)
		e.mustRun("chown", owner+":"+owner, "/srv/shared/"+name)
	}
	rule := func(from string) string {
		return `users: {app: {system: true}, bob: {}, alice: {}}
groups: {research: {}}
directories: {/srv/data: {owner: app, group: research, mode: "2770", recurse: {owner: app, group: research, files: "0660", directories: "2770"` + from + `}}}
`
	}
	if r := e.runAs("bob", "mv", "/srv/shared/root.txt", "/srv/shared/alice.txt", "/srv/shared/bob.txt", "/srv/data/x"); r.code != 0 {
		t.Fatal(r)
	}
	e.labSpec(rule(", from: [group:research]"))
	e.failsAlike("/srv/data/x/alice.txt (it belongs to alice)", "/srv/data/x/root.txt (it belongs to root)")
	for _, name := range []string{"root.txt", "alice.txt"} {
		if r := e.runAs("bob", "cat", "/srv/data/x/"+name); r.code == 0 {
			t.Errorf("bob reads %s", name)
		}
	}
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/srv/data/x/bob.txt"); got != "app:research 660" {
		t.Errorf("what those listed under from have brought is %s", got)
	}
	e.labSpec(rule(", from: [alice, root, bob]"))
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	if got := e.mustRun("stat", "-c", "%U:%G %a", "/srv/data/x/alice.txt", "/srv/data/x/root.txt"); got != "app:research 660\napp:research 660" {
		t.Errorf("taken over: %s", got)
	}
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
}

// TestForeignDirectory proves that nobody gets at root's files by giving their
// directory the name of a declared one.
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("groupadd", "research")
	e.mustRun("useradd", "-r", "-G", "research", "app")
	e.mustRun("install", "-d", "-o", "app", "-g", "app", "-m", "755", "/srv/dir")
	e.labSpec(`users: {app: {system: true}}
groups: {research: {}}
directories:
  /srv/dir/s1: {mode: "0755", recurse: {group: research, files: "0640", directories: "0750"}}
  /srv/dir/s2: {mode: "0700"}
  /srv/dir/sub: {owner: app, group: research, mode: "0755"}
acls:
  /srv/dir/s2: {access: [group:research:rX], recursive: true}
  /srv/dir/sub: {access: [user:app:rwx]}
`)
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")
	for _, name := range []string{"s1", "s2", "sub"} {
		e.mustRun("install", "-d", "-m", "700", "/srv/dir/root-"+name)
		e.write("/srv/dir/root-"+name+"/secret", "private\n", 0o600)
		if r := e.runAs("app", "sh", "-c", "cd /srv/dir && mv "+name+" old-"+name+" && mv root-"+name+" "+name); r.code != 0 {
			t.Fatal(r)
		}
	}
	e.failsAlike("it belongs to root, and others than root can write /srv/dir", "with all that is in it")
	for _, name := range []string{"s1", "s2", "sub"} {
		if r := e.runAs("app", "cat", "/srv/dir/"+name+"/secret"); r.code == 0 {
			t.Errorf("app reads what is in %s", name)
		}
		if got := e.mustRun("stat", "-c", "%U:%G %a", "/srv/dir/"+name, "/srv/dir/"+name+"/secret"); got != "root:root 700\nroot:root 600" {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// TestKeyPairFaults proves that a plan says of a pair that is not as declared what
// manage then does.
func TestKeyPairFaults(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("useradd", "-r", "-m", "-d", "/var/lib/deploy", "deploy")
	const key = "/var/lib/deploy/.ssh/id_rsa"
	spec := func(more string) {
		e.labSpec(`users: {deploy: {system: true, home: /var/lib/deploy}}
key_pairs: {` + key + `: {owner: deploy, type: rsa` + more + `}}
`)
	}
	spec(", comment: ours")
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	public := strings.Fields(e.read(key + ".pub"))[1]

	e.mustRun("rm", key+".pub")
	e.mustRun("chmod", "644", key)
	e.says(0, e.opsafe("plan", "--backend", "lab"), "derived from the private one", "0644", "0600")
	e.says(0, e.opsafe("manage", "--backend", "lab"))
	if got := e.mustRun("stat", "-c", "%U %a", key, key+".pub"); got != "deploy 600\ndeploy 644" || strings.Fields(e.read(key + ".pub"))[1] != public {
		t.Errorf("the pair is %s", got)
	}
	e.says(0, e.opsafe("manage", "--backend", "lab"), "Nothing to do")

	spec(", bits: 4096, comment: theirs")
	for _, command := range []string{"plan", "manage"} {
		e.says(0, e.opsafe(command, "--backend", "lab"), "its size is 3072 bits, not 4096 bits as declared", `its comment is "ours", not "theirs" as declared`)
	}
	e.mustRun("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/other")
	e.mustRun("cp", "/root/other.pub", key+".pub")
	e.mustRun("chown", "deploy:deploy", key+".pub")
	e.failsAlike(key + ".pub belongs to another key")
	e.mustRun("rm", key+".pub")
	e.write(key, "", 0o600)
	e.mustRun("chown", "deploy:deploy", key)
	e.failsAlike("the public half is missing, and " + key + " holds no private key that it can be derived from")
	e.mustRun("cp", "/root/other", key)
	e.mustRun("cp", "/root/other.pub", key+".pub")
	e.mustRun("chown", "deploy:deploy", key, key+".pub")
	for _, command := range []string{"plan", "manage"} {
		e.says(0, e.opsafe(command, "--backend", "lab"), "its type is ssh-ed25519, not rsa as declared")
	}
}
