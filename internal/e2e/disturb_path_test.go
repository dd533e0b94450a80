package e2e

import "strings"

// The trees of backends/tpp that are disturbed.
const (
	workspaces = "/srv/high_privacy/workspaces"
	collector  = "/home/opensafely/collector"
)

func pathDisturbances() []disturbance {
	stat := func(path string) []string { return []string{"stat", "--format", "%a %U %G", path} }
	return []disturbance{
		{
			name:  "mode of a directory changed",
			do:    by("chmod", "0777", collector),
			want:  []string{"change directory/" + collector},
			check: says("750 opensafely opensafely", stat(collector)...),
		},
		{
			name:  "owner of a directory changed",
			do:    by("chown", "stranger", "/etc/opensafely"),
			want:  []string{"change directory//etc/opensafely"},
			check: says("755 root root", stat("/etc/opensafely")...),
		},
		{
			name:  "directory removed",
			do:    by("rmdir", collector),
			want:  []string{"add directory/" + collector},
			check: says("750 opensafely opensafely", stat(collector)...),
		},
		{
			name:  "directory replaced by a link",
			do:    all(by("rmdir", collector), by("ln", "-s", "/etc", collector)),
			fails: []string{"directory/" + collector},
			says:  "a symlink is in its place, which opsafe does not follow",
			cure:  all(by("rm", collector), manages),
		},
		{
			name:  "ACL entry added",
			do:    by("setfacl", "-m", "u:stranger:rwx", workspaces),
			want:  []string{"change acl/" + workspaces},
			check: wantACL,
		},
		{
			name:  "ACL entry removed",
			do:    by("setfacl", "-x", "g:researchers", workspaces),
			want:  []string{"change acl/" + workspaces},
			check: wantACL,
		},
		{
			// The mask is the group's bits of the mode.
			name:  "ACL mask changed",
			do:    by("setfacl", "-m", "m::---", workspaces),
			want:  []string{"change directory/" + workspaces},
			check: wantACL,
		},
		{
			name:  "default ACL changed",
			do:    by("setfacl", "-d", "-m", "g:reviewers:rwx", workspaces),
			want:  []string{"change acl/" + workspaces},
			check: wantACL,
		},
		{
			name:  "ACL deleted",
			do:    by("setfacl", "-b", workspaces),
			want:  []string{"change acl/" + workspaces},
			check: wantACL,
		},
	}
}

// wantACL checks the whole ACL of a tree's root.
func wantACL(e *env) {
	e.t.Helper()
	const want = `user::rwx
group::r-x
group:researchers:r-x
mask::r-x
other::---
default:user::rwx
default:group::r-x
default:group:researchers:r-x
default:mask::r-x
default:other::---`
	if got := e.mustRun("getfacl", "--omit-header", "--absolute-names", workspaces); got != want {
		e.t.Errorf("ACL:\n%s\nnot\n%s", got, want)
	}
}

func treeDisturbances() []disturbance {
	const dir, file, below = workspaces + "/study", workspaces + "/study/output.csv", workspaces + "/**"
	writes := func(argv ...string) func(*env) {
		return by(append([]string{"runuser", "-u", "opensafely", "--"}, argv...)...)
	}
	return []disturbance{
		{
			// What its services write below a tree has the rights of the tree
			// by the default ACL: a new output is no difference.
			name: "file made in a tree",
			do:   all(writes("mkdir", dir), writes("touch", file)),
			check: func(e *env) {
				if acl := e.mustRun("getfacl", "-cp", file); !strings.Contains(acl, "group:researchers:r-") {
					e.t.Errorf("ACL:\n%s", acl)
				}
			},
		},
		{
			name:  "mode in a tree changed",
			do:    writes("chmod", "0666", file),
			want:  []string{"change directory/" + below},
			check: says("640 opensafely opensafely", "stat", "--format", "%a %U %G", file),
		},
		{
			name:  "owner in a tree changed",
			do:    by("chown", "root:root", file),
			want:  []string{"change directory/" + below},
			check: says("640 opensafely opensafely", "stat", "--format", "%a %U %G", file),
		},
		{
			name: "ACL in a tree changed",
			do:   by("setfacl", "-m", "g:reviewers:rw", file),
			want: []string{"change acl/" + below},
		},
		{
			name:  "hard link in a tree",
			do:    all(by("chmod", "0666", file), by("ln", file, dir+"/again")),
			fails: []string{"directory/" + below, "acl/" + below},
			says:  "again",
			cure:  all(by("rm", dir+"/again"), by("chmod", "0640", file)),
		},
		{
			name: "hard link in a tree, and something that can be repaired",
			do: all(by("chmod", "0666", file), by("ln", file, dir+"/again"),
				by("install", "-o", "opensafely", "-g", "opensafely", "-m", "0777", "/dev/null", dir+"/wrong")),
			want:  []string{"change directory/" + below, "change acl/" + below},
			fails: []string{"directory/" + below, "acl/" + below},
			says:  "again",
			cure:  all(by("rm", dir+"/again"), manages),
			check: says("640 opensafely opensafely", "stat", "--format", "%a %U %G", dir+"/wrong"),
		},
		{
			name: "link in a tree",
			do:   by("ln", "-s", "/etc/shadow", dir+"/shadow"),
			want: []string{"change directory/" + below}, // its owner, not that of what it leads to
			check: all(says("640 root shadow", "stat", "--format", "%a %U %G", "/etc/shadow"),
				by("rm", "-r", dir)),
		},
	}
}
