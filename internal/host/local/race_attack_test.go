package local

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// attacks are the ways in which mallory tries to have what is root's changed,
// each told where that is.
func attacks() map[string]func(victim string) attack {
	return map[string]func(string) attack{
		".ssh": sshDirectory, "key file": keyFile, "home": homeItself, "tree": wholeTree, "tree of links": treeOfLinks, "stage": stageThief,
	}
}

// hers is a step of laying out: what fails shows in the race, where nothing is
// then exchanged.
func hers(paths ...string) {
	for _, p := range paths {
		_ = os.Lchown(p, mallory, mallory)
	}
}

func directory(path string, mode os.FileMode) {
	_ = os.Mkdir(path, mode)
	_ = os.Chmod(path, mode)
	hers(path)
}

func file(path string) {
	_ = os.WriteFile(path, []byte("hers"), 0o644)
	hers(path)
}

func link(target, path string) {
	_ = os.Symlink(target, path)
	hers(path)
}

// hard gives mallory a name of root's file, as she could make one herself where
// fs.protected_hardlinks is off.
func hard(victim, path string) { _ = os.Link(victim+"/hard", path) }

// wideOpen is the most that a step could do to somebody else's file.
func wideOpen(dir bool) host.Access {
	a := host.ACLRule{
		Access:  []host.Entry{{Tag: host.TagUser, Name: "#54321", Perm: 7}},
		Default: []host.Entry{{Tag: host.TagUser, Name: "#54321", Perm: 7}},
	}.Apply(host.AccessOf(0o777), dir)
	return a
}

// insideSteps are all steps on files, below a directory that may be exchanged.
func insideSteps(dir string) []host.Step {
	return []host.Step{
		host.WriteFile{Path: dir + "/authorized_keys", Owner: "#54321", Group: "#54321", Access: wideOpen(false)},
		host.SetOwner{Path: dir, Owner: "#54321", Group: "#54321"},
		host.SetAccess{Path: dir, Access: wideOpen(true)},
		host.SetOwner{Path: dir + "/authorized_keys", Owner: "#54321"},
		host.SetAccess{Path: dir + "/authorized_keys", Access: wideOpen(false)},
		host.SetOwner{Path: dir + "/sub", Owner: "#54321"},
		host.MakeDir{Path: dir + "/new", Owner: "#54321", Access: host.AccessOf(0o700)},
		host.RemovePath{Path: dir + "/new"},
		host.MakeDir{Path: dir + "/newhome", Owner: "#54321", Access: host.AccessOf(0o700), Skeleton: true},
		host.MakeLink{Path: dir + "/newlink", Target: "/", Owner: "#54321"},
		host.RemovePath{Path: dir + "/newlink"},
		host.MakeKeyPair{Path: dir + "/newid", Type: "ed25519", Owner: "#54321"},
		host.RemovePath{Path: dir + "/id"},
		host.FixTree{Rule: host.TreeRule{Root: dir, Owner: "#54321", FileMode: mode(0o666)}},
		host.RemovePath{Path: dir + "/authorized_keys"},
	}
}

// sshDirectory exchanges .ssh for a link to root's directory.
func sshDirectory(victim string) attack {
	return attack{
		lay: func(dir string) {
			directory(dir+"/.ssh", 0o700)
			directory(dir+"/.ssh/sub", 0o700)
			file(dir + "/.ssh/authorized_keys")
			link(victim, dir+"/link")
		},
		strike: exchanger([2]string{".ssh", "link"}),
		steps:  func(mine string) []host.Step { return insideSteps(mine + "/.ssh") },
	}
}

// homeItself exchanges a home for a link, where the homes are hers, too.
func homeItself(victim string) attack {
	return attack{
		lay: func(dir string) {
			directory(dir+"/home", 0o755)
			directory(dir+"/home/.ssh", 0o700)
			file(dir + "/home/.ssh/authorized_keys")
			file(dir + "/home/authorized_keys")
			link(victim, dir+"/link")
		},
		strike: exchanger([2]string{"home", "link"}),
		steps: func(mine string) []host.Step {
			return append(insideSteps(mine+"/home/.ssh"), insideSteps(mine+"/home")...)
		},
	}
}

// keyFile exchanges authorized_keys for links and hard links to root's.
func keyFile(victim string) attack {
	return attack{
		lay: func(dir string) {
			file(dir + "/authorized_keys")
			link(victim+"/authorized_keys", dir+"/link")
			hard(victim, dir+"/hard")
		},
		strike: exchanger([2]string{"authorized_keys", "link"}, [2]string{"authorized_keys", "hard"}),
		steps: func(mine string) []host.Step {
			var steps []host.Step
			for range 8 {
				steps = append(steps,
					host.SetOwner{Path: mine + "/authorized_keys", Owner: "#54321", Group: "#54321"},
					host.SetAccess{Path: mine + "/authorized_keys", Access: wideOpen(false)},
					host.FixTree{Rule: host.TreeRule{Root: mine, Owner: "#54322", FileMode: mode(0o666)}},
					host.FixTree{Rule: host.TreeRule{Root: mine, Owner: "#54321", FileMode: mode(0o600)}},
				)
			}
			return append(steps,
				host.WriteFile{Path: mine + "/authorized_keys", Owner: "#54321", Access: wideOpen(false)},
				host.MakeLink{Path: mine + "/authorized_keys", Target: "/", Owner: "#54321"},
				host.RemovePath{Path: mine + "/authorized_keys"})
		},
	}
}

// wholeTree exchanges directories and files all over a tree, for links, for hard
// links, for each other, and for a directory outside of it.
func wholeTree(victim string) attack {
	rule := func(mine, owner string, files host.Mode, acl *host.ACLRule) host.Step {
		return host.FixTree{Rule: host.TreeRule{Root: mine + "/tree", Owner: owner, Group: owner, FileMode: mode(files), DirMode: mode(0o777), ACL: acl}}
	}
	open := &host.ACLRule{
		Access:  []host.Entry{{Tag: host.TagUser, Name: "#54321", Perm: 7}},
		Default: []host.Entry{{Tag: host.TagUser, Name: "#54321", Perm: 7}},
		Exact:   true,
	}
	return attack{
		lay: func(dir string) {
			for _, d := range []string{"/tree", "/tree/d", "/tree/d/e", "/tree/d/e/authorized_keys", "/outside", "/outside/e"} {
				directory(dir+d, 0o777)
			}
			for _, f := range []string{"/tree/f", "/tree/d/file", "/tree/d/e/file", "/outside/e/file"} {
				file(dir + f)
			}
			link(victim, dir+"/tree/l")
			link(victim, dir+"/tree/d/l")
			link(victim+"/file", dir+"/tree/s")
		},
		strike: exchanger([2]string{"tree/d", "tree/l"}, [2]string{"tree/d/e", "tree/d/l"}, [2]string{"tree/f", "tree/s"},
			[2]string{"tree/d", "tree/f"}, [2]string{"tree/d", "outside"}, [2]string{"tree/d/file", "tree/d/e"}),
		steps: func(mine string) []host.Step {
			var steps []host.Step
			for range 8 {
				steps = append(steps, rule(mine, "#54322", 0o666, open), rule(mine, "#54321", 0o600, &host.ACLRule{Exact: true}))
			}
			return steps
		},
	}
}

// treeOfLinks adds hard links to root's file to the tree.
func treeOfLinks(victim string) attack {
	k := wholeTree(victim)
	lay, strike := k.lay, k.strike
	k.lay = func(dir string) {
		lay(dir)
		hard(victim, dir+"/tree/hard")
		hard(victim, dir+"/tree/d/e/hard")
		hard(victim, dir+"/outside/hard")
	}
	more := exchanger([2]string{"tree/f", "tree/hard"}, [2]string{"tree/d/e/file", "tree/d/e/hard"}, [2]string{"tree/s", "tree/hard"})
	k.strike = func(mine string) int { return strike(mine) + more(mine) }
	k.refuses = true
	return k
}

// stageThief exchanges what a step is about to rename for links and hard links
// to root's, as soon as it sees it.
func stageThief(victim string) attack {
	return attack{
		lay: func(dir string) {
			link(victim+"/file", dir+"/link")
			link(victim+"/sub", dir+"/dirlink")
			hard(victim, dir+"/hard")
			directory(dir+"/other", 0o755)
		},
		strike: func(mine string) int {
			d, err := os.Open(mine)
			if err != nil {
				return 0
			}
			names, _ := d.Readdirnames(-1) // what can be read is enough
			d.Close()
			n := 0
			for _, name := range names {
				if !strings.HasPrefix(name, stagePrefix) {
					continue
				}
				for _, bait := range []string{"hard", "link", "dirlink", "other"} {
					if unix.Renameat2(unix.AT_FDCWD, mine+"/"+name, unix.AT_FDCWD, mine+"/"+bait, unix.RENAME_EXCHANGE) == nil {
						n++
					}
				}
			}
			return n
		},
		steps: func(mine string) []host.Step {
			return append(insideSteps(mine)[:1],
				host.MakeDir{Path: mine + "/new", Owner: "#54321", Access: wideOpen(true)},
				host.RemovePath{Path: mine + "/new"},
				host.MakeDir{Path: mine + "/newhome", Owner: "#54321", Access: wideOpen(true), Skeleton: true},
				host.MakeLink{Path: mine + "/newlink", Target: "/", Owner: "#54321"},
				host.MakeKeyPair{Path: mine + "/newid", Type: "ed25519", Owner: "#54321"},
				host.RemovePath{Path: mine + "/newid"},
				host.RemovePath{Path: mine + "/authorized_keys"})
		},
	}
}
