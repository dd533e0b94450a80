package local

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// treeCheck has a program that refuses what holds BAD, or ONCE in two files,
// of the copy of a configuration in dir.
func treeCheck(t *testing.T, dir string) *host.Check {
	t.Helper()
	program := dir + "/judge"
	must(t, os.WriteFile(program, []byte(`#!/bin/sh
files="$1"
dir=$(sed -n 's/^@includedir //p' "$1")
test "$(stat -c %a "$1" "$dir"/* | sort -u)" = 440 || exit 9
for f in "$dir"/*; do files="$files $f"; done
if grep BAD $files; then exit 1; fi
if test "$(grep -l ONCE $files | wc -l)" -gt 1; then grep -H ONCE $files; exit 1; fi
`), 0o700))
	return &host.Check{Argv: []string{program, "%"}, Tree: &host.CheckTree{Main: dir + "/main", Dir: dir + "/main.d", Name: "50-mine"}}
}

func TestCheckTree(t *testing.T) {
	h, dir := newTestHost(t)
	ctx := context.Background()
	c := treeCheck(t, dir)
	must(t, os.Mkdir(dir+"/main.d", 0o750))
	put := func(name, content string) { must(t, os.WriteFile(dir+name, []byte(content), 0o600)) }
	put("/main", "rules\n@includedir "+dir+"/main.d\n")
	put("/main.d/10-there", "fine\n")
	put("/main.d/50-mine", "fine\n")
	put("/main.d/.opsafe-0123456789abcdef", "BAD\n") // of another run
	content := func(s string) *host.Content { c := host.NewContent([]byte(s)); return &c }
	check := func(s string) error { return h.Check(ctx, *c, *content(s)) }
	refused := func(err error, already bool, words ...string) {
		t.Helper()
		mustFail(t, err, words...)
		var verdict *host.CheckError
		if !errors.As(err, &verdict) || verdict.Already != already || strings.Contains(err.Error(), "/check-") {
			t.Errorf("%#v: %v", verdict, err)
		}
	}

	must(t, check("ONCE\n"))
	refused(check("BAD\n"), false, dir+"/main.d/50-mine:BAD")
	put("/main.d/10-there", "ONCE\n")
	refused(check("ONCE\n"), false, "refuses it", dir+"/main.d/10-there:ONCE", dir+"/main.d/50-mine:ONCE")
	err := h.Do(ctx, host.WriteFile{Path: dir + "/main.d/50-mine", Content: *content("ONCE\n"), Access: host.AccessOf(0o600), Check: c})
	refused(err, false, "cannot write "+dir+"/main.d/50-mine")
	if b, _ := os.ReadFile(dir + "/main.d/50-mine"); string(b) != "fine\n" {
		t.Errorf("refused content got through: %q", b)
	}

	// What is to go, or would have gone, is not counted; what a plan has put there is.
	c.Tree.Declared = map[string]*host.Content{dir + "/main.d/10-there": nil}
	must(t, check("ONCE\n"))
	c.Tree.Declared, c.Tree.Predicted = nil, c.Tree.Declared
	must(t, check("ONCE\n"))
	c.Tree.Predicted = map[string]*host.Content{dir + "/main.d/10-there": nil, dir + "/main.d/60-new": content("ONCE\n")}
	refused(check("ONCE\n"), false, dir+"/main.d/60-new:ONCE")
	c.Tree.Predicted = nil
	// A rule that moves is refused as long as it is in both.
	c.Tree.Declared = map[string]*host.Content{dir + "/main.d/10-there": content("fine\n")}
	refused(check("ONCE\n"), false, "refuses it")
	c.Tree.Declared = nil

	put("/main.d/10-there", "BAD\n")
	refused(check("fine\n"), true, "refuses what is there already", dir+"/main.d/10-there:BAD")
	// Two declared files that are both broken can be repaired one by one.
	put("/main.d/50-mine", "BAD\n")
	c.Tree.Declared = map[string]*host.Content{dir + "/main.d/10-there": content("fine\n")}
	must(t, check("fine\n"))
	do(t, h, host.WriteFile{Path: dir + "/main.d/50-mine", Content: *content("fine\n"), Access: host.AccessOf(0o600), Check: c})
	c.Tree.Declared[dir+"/main.d/10-there"] = content("BAD\n")
	refused(check("fine\n"), true)
	if names, err := h.ReadDir(h.options.RunDir); err != nil || len(names) != 0 {
		t.Errorf("left over in the run directory: %v, %v", names, err)
	}
}

// TestCheckTreeWithoutMain shows that content is judged alone where the main
// file is missing.
func TestCheckTreeWithoutMain(t *testing.T) {
	h, dir := newTestHost(t)
	c := host.Check{
		Argv: []string{"grep", "good", "%"},
		Tree: &host.CheckTree{Main: dir + "/main", Dir: dir + "/main.d", Name: "x"},
	}
	must(t, h.Check(t.Context(), c, host.NewContent([]byte("good\n"))))
	mustFail(t, h.Check(t.Context(), c, host.NewContent([]byte("bad\n"))), "refuses it")
}

func TestIncludeStaged(t *testing.T) {
	tree := host.CheckTree{Main: "/etc/ssh/sshd_config", Dir: "/etc/ssh/sshd_config.d"}
	for in, want := range map[string]string{
		"Port 22\n": "Port 22\n",
		"Include /etc/ssh/sshd_config.d/*.conf\n":            "Include /s/etc/ssh/sshd_config.d/*.conf\n",
		"  include=sshd_config.d/*.conf /etc/more.conf":      "  include=/s/etc/ssh/sshd_config.d/*.conf /etc/more.conf",
		"Include \"/etc/ssh/sshd_config.d/*.conf\" x.conf\n": "Include /s/etc/ssh/sshd_config.d/*.conf /etc/ssh/x.conf\n",
		"# Include sshd_config.d/*\n":                        "# Include sshd_config.d/*\n",
		"@includedir /etc/ssh/sshd_config.d/\n":              "@includedir /s/etc/ssh/sshd_config.d\n",
		"#includedir /etc/ssh/sshd_config.d\nx\n":            "#includedir /s/etc/ssh/sshd_config.d\nx\n",
		"@include /etc/sudo.%h\n":                            "@include /etc/sudo.%h\n",
	} {
		if got := string(includeStaged([]byte(in), func(arg string) string { return stagedInclude(arg, tree, "/s") })); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
