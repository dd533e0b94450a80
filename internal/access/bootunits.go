package access

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/shellrc"
)

// units trusts what the administrator's unit files, drop-ins and links make of the units
// that a start of the host goes through.
func (b *bootFiles) units() error {
	dirs, err := dropInDirs(b.Reader)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		names, err := b.list(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			at := path.Join(dir, name)
			ext := path.Ext(name)
			switch of := strings.TrimSuffix(name, ext); {
			case ext == ".d":
				err = b.dropIns(at, of)
			case ext == ".requires" || ext == ".wants" || ext == ".upholds":
				err = b.pulled(at, of, ext)
			case debian.IsUnitName(name) && !strings.HasPrefix(dir, debian.PackageUnitDir) && !strings.HasPrefix(dir, debian.ShownUnitDir):
				err = b.unit(at, name)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// atStart is said of what is not judged of the start of the host.
const atStart = ", and what that makes of the next start is not judged"

// mounts reports whether a unit is one of those that local-fs.target usually wants: it
// starts without them.
func mounts(name string) bool {
	return slices.Contains([]string{".mount", ".automount", ".swap"}, path.Ext(name))
}

// holdsUp reports whether a unit is of a type that may take its time to start.
func holdsUp(name string) bool { return path.Ext(name) == ".service" || path.Ext(name) == ".target" }

// dropIns are those of one unit. Those of sshd's are trusted with its file.
func (b *bootFiles) dropIns(dir, of string) error {
	names, err := b.list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if path.Ext(name) != ".conf" {
			continue
		}
		at := path.Join(dir, name)
		text, err := b.text(at)
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(of, "ssh"):
		case isAmong(of, earlyUnits+" "+laterUnits), isAmong(of, awaited) && holdsUp(of), of == "target", of == "mount", of == "socket":
			b.whole(at, text)
		case ofSessions(of):
			b.add(at, narrow(text)...)
		default:
			b.lines(at, text)
		}
	}
	return nil
}

// pulled are the units that one of the start pulls in by links.
func (b *bootFiles) pulled(dir, of, ext string) error {
	names, err := b.list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == nftUnit {
			continue // that is judged by its rules
		}
		early := isAmong(of, earlyUnits) && (ext == ".requires" || !mounts(name)) || isAmong(of, awaited) && holdsUp(name)
		if early || isAmong(of, laterUnits) && (ext == ".requires" || isAmong(name, endingTargets)) {
			b.add(path.Join(dir, name), shellrc.Line{What: of + " pulls it in" + atStart, Text: "is pulled in"})
		}
	}
	return nil
}

// unit is one unit file or link of the administrator's.
func (b *bootFiles) unit(at, name string) error {
	n, err := b.Stat(at)
	if host.IsUnknown(err) || err == nil && n == nil {
		return nil
	}
	if err != nil {
		return err
	}
	ofStart := isAmong(name, earlyUnits+" "+laterUnits)
	if n.Type == host.TypeSymlink && ofStart {
		// Another name of one of them is judged by that.
		if !isAmong(path.Base(n.Target), earlyUnits) {
			b.add(at, shellrc.Line{What: "a link to something else in the place of " + name, Text: n.Target})
		}
		return nil
	}
	text, err := b.text(at)
	if err != nil {
		return err
	}
	switch {
	case ofStart, isAmong(name, awaited) && holdsUp(name) && n.Type == host.TypeFile:
		b.whole(at, text)
		return nil
	case ofSessions(name):
		b.add(at, narrow(text)...)
		return nil
	}
	b.lines(at, text)
	return nil
}

// lines are those of a unit file by which it reaches into the start of the host: what
// has to wait for it, ends with it or is stopped by it.
func (b *bootFiles) lines(at, text string) {
	for _, s := range debian.ParseUnit(text).Settings {
		among := ""
		switch s.Key {
		case "Before", "WantedBy":
			if !mounts(path.Base(at)) {
				among = earlyUnits
			}
			if holdsUp(path.Base(at)) {
				among += " " + awaited
			}
		case "RequiredBy", "UpheldBy":
			among = earlyUnits
		case "Conflicts", "Alias", "PropagatesStopTo":
			among = earlyUnits + " " + laterUnits
		case "OnFailure", "OnSuccess", "Wants", "Requires", "BindsTo", "Upholds":
			among = endingTargets
		case "SuccessAction", "FailureAction", "StartLimitAction", "JobTimeoutAction":
			if s.Value != none && s.Value != "" {
				b.add(at, shellrc.Line{Number: s.Line, What: s.Key + atStart, Text: s.Key + "=" + s.Value})
			}
		}
		if strings.HasPrefix(s.Key, "Exec") {
			b.command(at, s)
		}
		for word := range strings.FieldsSeq(s.Value) {
			if isAmong(word, among) {
				b.add(at, shellrc.Line{Number: s.Line, What: s.Key + "=" + word + atStart, Text: s.Key + "=" + word})
			}
		}
	}
}
