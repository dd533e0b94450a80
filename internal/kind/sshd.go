package kind

import (
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Where sshd reads its configuration, the unit that runs it on Debian and
// Ubuntu, and the directory without which it does not even check one.
const (
	sshdMain     = debian.SSHDConfig
	sshdDir      = debian.SSHDConfigDir
	sshdUnit     = "ssh.service"
	sshdSocket   = "ssh.socket"
	sshdPrivSep  = "/run/sshd"
	sshdFileMode = host.Mode(0o644)
)

// Sshd is the kind sshd.
func Sshd() Kind {
	return Kind{
		Part: spec.Part{
			Name: "sshd", Plural: "sshd", Is: "how people get in", Sections: []string{"sshd"},
			Own: dropInSection(spec.Field{
				Name: "sshd", Item: "sshd drop-in NAME", Is: "files NAME.conf in /etc/ssh/sshd_config.d",
				More: "sshd has to accept its whole configuration with them; then it is reloaded.", Unset: "none",
				Example: `{00-north: {content: "PermitRootLogin no\n"}, 10-limits: {source: files/sshd-limits}, 20-listen: {template: files/sshd-listen.tmpl}}`, Names: new(spec.DropInForm()),
			}, "sudoers", "sshd"),
			Owns: ownDropIns("sshd", sshdDir, ".conf"),
		},
		Stage: StageAccess, WayIn: true, Declare: declareSshd, Adopt: adoptSshd, TakenOver: true,
		Covers:  coverSshd,
		Orphans: []Orphans{{Find: Strays{Dir: sshdDir, Suffix: ".conf"}.Find, Absent: dropInGone("sshd")}},
	}
}

// adoptSshd takes a drop-in, or all.
func adoptSshd(ctx context.Context, t Taker, name string) error {
	return dropInsAdopted{section: "sshd", dir: sshdDir, suffix: ".conf", text: draftContent}.adopt(ctx, t, name)
}

// declareSshd lists the drop-ins of sshd. Sshd has to accept the configuration
// as a whole before one of them takes effect; it is told to read them again,
// never restarted.
func declareSshd(in *Input) []Resource {
	return dropIns(in, dropInsOf(in.Backend, "sshd"), "sshd", in.NeedPackage("openssh-server"), dropInLook{
		main: sshdMain, dir: sshdDir, suffix: ".conf", mode: sshdFileMode,
		check:  sshdCheck(),
		reader: sshdReads,
		before: sshdRuns,
		notify: []change.Notification{{Unit: sshdUnit, Verb: host.Reload}},
		undo:   true,
	})
}

// sshdRuns makes the directory that sshd needs to check a configuration, which
// only the running service has made.
func sshdRuns(r host.Reader) ([]host.Step, error) {
	n, err := r.Stat(sshdPrivSep)
	if n != nil || err != nil {
		return nil, err
	}
	return []host.Step{host.MakeDir{Path: sshdPrivSep, Owner: Root, Group: Root, Access: host.AccessOf(0o755)}}, nil
}

// sshdReads looks whether the main file reads the drop-in, and whether
// something before it sets the same keywords: the first value wins.
func sshdReads(r host.Reader, l dropInLook, content []byte) error {
	main, err := r.ReadFile(sshdMain)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil // it comes with the package, as Debian has it
	}
	if err != nil {
		return err
	}
	ours := map[string]debian.SSHDLine{}
	for _, d := range debian.Global(debian.ParseSSHD(content)) {
		if _, again := ours[d.Key]; !again && !sshdAccumulates(d.Key) {
			ours[d.Key] = d
		}
	}
	var lost error
	block := 0 // the line of the Match block that we are in
	for _, d := range debian.ParseSSHD(main) {
		reads := d.IncludesFile(l.path)
		switch {
		case d.MatchesAll():
			block = 0
			continue
		case d.Key == "match":
			block = d.Number
			continue
		case reads && block > 0:
			return fmt.Errorf("%s reads %s only within a Match block, from line %d on: it would not have the effect that is declared", sshdMain, sshdDir, block)
		case block > 0:
			continue
		case reads:
			if lost != nil {
				return lost
			}
			return sshdSiblings(r, l, d, ours)
		}
		if own, ok := ours[d.Key]; ok && lost == nil && !slices.Equal(own.Args, d.Args) {
			lost = fmt.Errorf("%q has no effect, since %s says %q in line %d, before it reads %s, and the first value wins: remove that line, or move it below the Include",
				own, sshdMain, d, d.Number, l.path)
		}
		delete(ours, d.Key) // said already, as we would
	}
	return fmt.Errorf("%s has no line \"Include %s/*.conf\": it would have no effect", sshdMain, sshdDir)
}

// sshdSiblings looks whether a file that the same Include reads before the
// drop-in sets one of its keywords to something else.
func sshdSiblings(r host.Reader, l dropInLook, include debian.SSHDLine, ours map[string]debian.SSHDLine) error {
	names, err := r.ReadDir(sshdDir)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		at := path.Join(sshdDir, name)
		if !include.IncludesFile(at) || at >= l.path || l.siblings[at].absent {
			continue
		}
		data, err := r.ReadFile(at)
		if host.IsUnknown(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, d := range debian.Global(debian.ParseSSHD(data)) {
			if own, ok := ours[d.Key]; ok && !slices.Equal(own.Args, d.Args) {
				return fmt.Errorf("%q has no effect, since %s, which is read before it, says %q in line %d, and the first value wins: rename the drop-in so that it sorts first, or remove that line",
					own, at, d, d.Number)
			}
			delete(ours, d.Key)
		}
	}
	return nil
}

// sshdAccumulates reports whether sshd adds up what several lines of a keyword
// say, so that none of them is lost.
func sshdAccumulates(key string) bool {
	switch key {
	case "acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey", "include",
		"listenaddress", "logverbose", "match", "port", "setenv", "subsystem":
		return true
	}
	return false
}
