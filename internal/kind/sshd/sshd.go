// Package sshd is the kind of how people get in.
package sshd

import (
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Kind is the kind sshd. Sshd is told to read its configuration again, never restarted.
func Kind() kind.Kind {
	d := kind.DropIns{
		Name: "sshd", Program: "sshd", Package: "openssh-server",
		Dir: debian.SSHDConfigDir, Suffix: ".conf", Mode: 0o644,
		Reads: reads, Before: makeRunDir,
		Notify: []change.Notification{{Unit: debian.SSHDUnit, Verb: host.Reload}},
	}
	return kind.Kind{
		Part: spec.Part{
			Name: d.Name, Plural: d.Name, Is: "how people get in", Sections: []string{d.Name},
			Own: d.Section(spec.Field{
				Is:      "files NAME.conf in /etc/ssh/sshd_config.d",
				More:    "sshd has to accept its whole configuration with them; then it is reloaded.",
				Example: `{00-north: {content: "PermitRootLogin no\n"}, 10-limits: {source: files/sshd-limits}, 20-listen: {template: files/sshd-listen.tmpl}}`,
			}, "sudoers"),
			Owns: d.Owns,
		},
		Stage: kind.StageAccess, WayIn: true, Declare: d.Declare, Adopt: d.Adopt, TakenOver: true,
		// Also the directory without which sshd checks nothing.
		Covers: func(ctx context.Context, r kind.Recorder, b *spec.Backend) ([]string, error) {
			_, _ = r.Stat(debian.SSHDRunDir)
			return d.Covers(ctx, r, b)
		},
		Orphans: []kind.Orphans{{Find: kind.Strays{Dir: d.Dir, Suffix: d.Suffix}.Find, Absent: d.Absent}},
	}
}

// makeRunDir makes the directory that sshd needs to check a configuration, which
// only the running service has made.
func makeRunDir(r host.Reader) ([]host.Step, error) {
	n, err := r.Stat(debian.SSHDRunDir)
	if n != nil || err != nil {
		return nil, err
	}
	return []host.Step{host.MakeDir{Path: debian.SSHDRunDir, Owner: kind.Root, Group: kind.Root, Access: host.AccessOf(0o755)}}, nil
}

// reads looks whether the main file reads the drop-in, and whether
// something before it sets the same keywords: the first value wins.
func reads(r host.Reader, file string, content []byte, gone func(at string) bool) error {
	main, err := r.ReadFile(debian.SSHDConfig)
	if host.IsUnknown(err) || err == nil && main == nil {
		return nil // it comes with the package, as Debian has it
	}
	if err != nil {
		return err
	}
	ours := map[string]debian.SSHDLine{}
	for _, d := range debian.Global(debian.ParseSSHD(content)) {
		if _, again := ours[d.Key]; !again && !accumulates(d.Key) {
			ours[d.Key] = d
		}
	}
	var lost error
	block := 0 // the line of the Match block that we are in
	for _, d := range debian.ParseSSHD(main) {
		reads := d.IncludesFile(file)
		switch {
		case d.MatchesAll():
			block = 0
			continue
		case d.Key == "match":
			block = d.Number
			continue
		case reads && block > 0:
			return fmt.Errorf("%s reads %s only within a Match block, from line %d on: it would not have the effect that is declared", debian.SSHDConfig, debian.SSHDConfigDir, block)
		case block > 0:
			continue
		case reads:
			if lost != nil {
				return lost
			}
			return siblings(r, file, d, ours, gone)
		}
		if own, ok := ours[d.Key]; ok && lost == nil && !slices.Equal(own.Args, d.Args) {
			lost = fmt.Errorf("%q has no effect, since %s says %q in line %d, before it reads %s, and the first value wins: remove that line, or move it below the Include",
				own, debian.SSHDConfig, d, d.Number, file)
		}
		delete(ours, d.Key) // said already, as we would
	}
	return fmt.Errorf("%s has no line \"Include %s/*.conf\": it would have no effect", debian.SSHDConfig, debian.SSHDConfigDir)
}

// siblings looks whether a file that the same Include reads before the
// drop-in sets one of its keywords to something else.
func siblings(r host.Reader, file string, include debian.SSHDLine, ours map[string]debian.SSHDLine, gone func(at string) bool) error {
	names, err := r.ReadDir(debian.SSHDConfigDir)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		at := path.Join(debian.SSHDConfigDir, name)
		if !include.IncludesFile(at) || at >= file || gone(at) {
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

// accumulates reports whether sshd adds up what several lines of a keyword
// say, so that none of them is lost.
func accumulates(key string) bool {
	switch key {
	case "acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey", "include",
		"listenaddress", "logverbose", "match", "port", "setenv", "subsystem":
		return true
	}
	return false
}
