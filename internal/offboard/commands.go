package offboard

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// crontabsDir has the table of each user who has one: crontab(1). initDir has the
// scripts of System V's init, which systemd runs as units.
const (
	crontabsDir = "/var/spool/cron/crontabs"
	initDir     = "/etc/init.d"
)

// commandsLeft are commands of root's and others' that name the person, and may run
// in their name: by su, runuser, sudo, setpriv, chpst, start-stop-daemon or agetty.
// None of them asks the person's password of root, and not all of them ask whether
// the account has expired.
func commandsLeft(r host.Reader, u host.User) []Left {
	var out []Left
	for _, at := range unitFiles(r) {
		out = append(out, linesThatName(r, at, u, func(line string) bool { return strings.HasPrefix(line, "Exec") })...)
	}
	tables, _ := cronTables(r) // what cannot be read is said with the jobs
	for _, at := range tables {
		out = append(out, linesThatName(r, at, u, func(line string) bool { return cronUser(line) != u.Name })...)
	}
	names, err := r.ReadDir(crontabsDir)
	if err != nil {
		out = append(out, unseen(crontabsDir, err))
	}
	for _, name := range names {
		if name != u.Name { // their own table goes
			out = append(out, linesThatName(r, path.Join(crontabsDir, name), u, nil)...)
		}
	}
	return out
}

func namesIn(r host.Reader, dir string) []string {
	names, _ := r.ReadDir(dir)
	return names
}

// unitFiles are the files of the units that no package brings, and their drop-ins.
func unitFiles(r host.Reader) []string {
	var out []string
	for _, dir := range []string{debian.UnitDir, localUnits, runtimeUnits, transientUnits} {
		for _, name := range namesIn(r, dir) {
			files := []string{name}
			if strings.HasSuffix(name, ".d") {
				files, _ = dropInFiles(r, dir, name)
			}
			for _, file := range files {
				at, _ := unitFile(r, path.Join(dir, file))
				out = append(out, at)
			}
		}
	}
	return out
}

// linesThatName are the lines of a file that name the person, of those that count; nil:
// all count. A file that cannot be read, such as a link to what a package brings, has
// none.
func linesThatName(r host.Reader, at string, u host.User, counts func(line string) bool) []Left {
	data, err := r.ReadFile(at)
	if err != nil {
		return nil
	}
	var out []Left
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' || counts != nil && !counts(text) || !namesOrNumbers(text, u) {
			continue
		}
		out = append(out, Left{What: fmt.Sprintf("%s:%d names %s", at, n, u.Name), Way: "look at the line", Doubt: true})
	}
	return out
}

// namesOrNumbers reports whether a command has somebody's name, or becomes another by their
// number.
func namesOrNumbers(text string, u host.User) bool {
	if words.Mentions(text, u.Name) {
		return true
	}
	becomes := []string{"setpriv", "chpst", "sudo", "start-stop-daemon", "systemd-run"}
	return words.Mentions(text, strconv.Itoa(u.UID)) && slices.ContainsFunc(becomes, func(program string) bool { return words.Mentions(text, program) })
}
