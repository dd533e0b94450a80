package access

import (
	"path"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/shellrc"
	"opsafe/internal/words"
)

// Directories whose files are run, or have commands that are, without anybody's asking:
// by cron, at a login, by networks that come and go, by apt, dpkg and logrotate.
const jobDirs = `
	/etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /etc/init.d /etc/update-motd.d
	/etc/network/if-pre-up.d /etc/network/if-up.d /etc/network/if-down.d /etc/network/if-post-down.d
	/etc/dhcp/dhclient-enter-hooks.d /etc/dhcp/dhclient-exit-hooks.d /etc/NetworkManager/dispatcher.d
	/etc/networkd-dispatcher/routable.d /etc/networkd-dispatcher/configured.d /etc/apt/apt.conf.d /etc/dpkg/dpkg.cfg.d
	/etc/logrotate.d /etc/kernel/postinst.d /etc/apparmor.d /var/spool/cron/crontabs /var/spool/cron/atjobs`

// jobFiles are single ones.
const jobFiles = "/etc/crontab /etc/anacrontab /etc/apt/apt.conf /etc/dpkg/dpkg.cfg /etc/logrotate.conf"

// jobs are the files by which a host does something by itself, and the scripts that they
// run. One with a command that reaches for the way in is trusted as a whole.
func (b *bootFiles) jobs() error {
	files := strings.Fields(jobFiles)
	for dir := range strings.FieldsSeq(jobDirs) {
		names, err := b.list(dir)
		if err != nil {
			return err
		}
		for _, n := range names {
			files = append(files, path.Join(dir, n))
		}
	}
	for _, at := range files {
		b.script(at, 0)
	}
	return nil
}

// command counts a line of commands that reaches for the way, and the scripts that it
// runs.
func (b *bootFiles) command(at string, set debian.Setting) {
	if what := reaches(set.Value); what != "" {
		b.add(at, shellrc.Line{Number: set.Line, What: what + ofTheWay, Text: set.Key + "=" + set.Value})
	}
	b.named(set.Value, 0)
}

// Bounds of what is looked into.
const (
	longestJob = 64 << 10
	mostJobs   = 3 // of which one runs the next
)

// script reads a file with commands once. What cannot be read of it is left out: a change
// of it shows all the same.
func (b *bootFiles) script(at string, depth int) {
	if b.seen[at] || depth > mostJobs {
		return
	}
	b.seen[at] = true
	n, err := b.Stat(at)
	if err != nil || n == nil || n.Type == host.TypeDir || n.Size > longestJob {
		return
	}
	text, err := b.text(at)
	if err != nil || len(text) > longestJob || strings.Contains(text, "\x00") { // a link says nothing of how long it is
		return
	}
	if strings.HasPrefix(at, "/etc/apparmor.d/") {
		text = confined(text)
	}
	if strings.HasPrefix(at, "/etc/apt/apt.conf") {
		text = aptComments().ReplaceAllString(text, "")
	}
	if strings.HasPrefix(at, "/etc/cron.d/") || at == "/etc/crontab" {
		text = cronReboots().ReplaceAllString(text, "")
	}
	if strings.HasPrefix(at, "/etc/logrotate.") {
		b.whole(at, rotated(text))
	}
	if lines := concerns(text); len(lines) > 0 {
		b.whole(at, text, lines...)
	}
	if n.Owner == root { // what others name may be without end, and they run it without any rights
		b.named(text, depth+1)
	}
}

// rotated are the lines of a file of logrotate(8) that have it move away what the way
// rests on.
func rotated(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for word := range strings.FieldsSeq(line) {
			if at := strings.Trim(word, `"'{`); path.IsAbs(at) && wayPath("mv", at) != "" && line[0] != '#' {
				b.WriteString(strings.TrimSpace(line) + "\n")
				break
			}
		}
	}
	return b.String()
}

// aptComments are those of apt.conf(5) that begin a line, but for the ones of shells.
var aptComments = words.Pattern(`(?m)^[ \t]*//.*`)

// cronReboots are lines of crontab(5) by which a host starts again, once a day at the most:
// the way is shut for a moment, and what the start makes of it is judged by itself.
var cronReboots = words.Pattern(`(?m)^[ \t]*[0-9]{1,2}([ \t]+[0-9]{1,2})([ \t]+[0-9*,/a-zA-Z-]+){3}[ \t]+root[ \t]+((/usr)?/s?bin/)?(reboot|systemctl[ \t]+reboot|shutdown[ \t]+-r[ \t]+(now|\+[0-9]{1,2}))[ \t]*(>/dev/null( 2>&1)?)?$`)

// confined are the lines of a profile of AppArmor's that say for which programs it is,
// each with the word that it may leave out; the others are empty.
func confined(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasSuffix(line, "{"):
			line = ""
		case strings.HasPrefix(line, "/"):
			line = "profile " + line
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// named reads what a text names by a path outside the directories of packages' programs.
func (b *bootFiles) named(text string, depth int) {
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune(" \t\n\"'`;&|()<>=:,", c) }) {
		at := strings.TrimLeft(word, "-@+!")
		if !path.IsAbs(at) || strings.ContainsAny(at, "*?[$%{") {
			continue
		}
		switch at = path.Clean(at); {
		case !strings.HasPrefix(at, "/usr/local/") && strings.HasPrefix(at, "/usr/"), strings.HasPrefix(at, "/bin/"), strings.HasPrefix(at, "/sbin/"),
			strings.HasPrefix(at, "/dev/"), strings.HasPrefix(at, "/proc/"), strings.HasPrefix(at, "/sys/"), strings.HasPrefix(at, "/var/lib/dpkg/"), strings.HasPrefix(at, "/var/log/"):
		default:
			if n, err := b.Stat(at); err == nil && n != nil && n.Access.Mode()&0o111 != 0 || strings.HasSuffix(at, ".sh") || strings.HasSuffix(at, ".py") {
				b.script(at, depth)
			}
		}
	}
}
