package access

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/shellrc"
	"opsafe/internal/words"
)

// loginDefsHarmless are settings of login.defs(5) that are about accounts and passwords yet
// to be made, or say something.
const loginDefsHarmless = `
	CREATE_HOME DEFAULT_HOME ENCRYPT_METHOD FAILLOG_ENAB FAKE_SHELL FAIL_DELAY FTMP_FILE GID_MAX GID_MIN HOME_MODE HUSHLOGIN_FILE LASTLOG_ENAB
	LOG_OK_LOGINS LOG_UNKFAIL_ENAB LOGIN_RETRIES LOGIN_TIMEOUT MAIL_CHECK_ENAB MAIL_DIR MAIL_FILE MAX_MEMBERS_PER_GROUP MD5_CRYPT_ENAB
	NONEXISTENT OBSCURE_CHECKS_ENAB PASS_ALWAYS_WARN PASS_CHANGE_TRIES PASS_MAX_DAYS PASS_MIN_DAYS PASS_MIN_LEN PASS_WARN_AGE
	PREVENT_NO_AUTH SHA_CRYPT_MAX_ROUNDS SHA_CRYPT_MIN_ROUNDS SUB_GID_COUNT SUB_GID_MAX SUB_GID_MIN SUB_UID_COUNT SUB_UID_MAX SUB_UID_MIN
	SULOG_FILE SU_NAME SYSLOG_SG_ENAB SYSLOG_SU_ENAB SYS_GID_MAX SYS_GID_MIN SYS_UID_MAX SYS_UID_MIN TTYGROUP TTYPERM UMASK USERDEL_CMD
	USERGROUPS_ENAB YESCRYPT_COST_FACTOR`

// counted is what of a file decides who gets in: not its comments, and of some files whose
// settings are known, those alone that may.
func counted(at, text string) string {
	if at == "/etc/default/locale" {
		return shellrc.Texts(shellrc.Environment(text))
	}
	var lines []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0, f[0][0] == '#':
		case at == "/etc/login.defs" && isAmong(f[0], loginDefsHarmless):
		// UID_MIN and UID_MAX are not among them: they say who is a person.
		case at == "/etc/nsswitch.conf" && !isAmong(f[0], "passwd: group: shadow: gshadow: initgroups: sudoers:") && strings.HasSuffix(f[0], ":"):
		case at == "/etc/nsswitch.conf":
			// It knows nobody whom files do not, beside those that units make up.
			lines = append(lines, strings.TrimSuffix(strings.Join(f, " "), " systemd"))
		default:
			lines = append(lines, strings.Join(f, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// linker trusts directories in which the dynamic linker finds a library before, or in the
// place of, one of Debian's, see ldconfig(8): it does as soon as its cache is made anew.
func (b *bootFiles) linker() error {
	const conf = "/etc/ld.so.conf"
	names, err := b.list(conf + ".d")
	if err != nil {
		return err
	}
	files := []string{conf}
	for _, n := range names {
		if path.Ext(n) == ".conf" {
			files = append(files, path.Join(conf+".d", n))
		}
	}
	own, err := b.libraries()
	if err != nil {
		return err
	}
	for _, at := range files {
		text, err := b.text(at)
		if err != nil {
			return err
		}
		number := 0
		for line := range strings.Lines(text) {
			number++
			line, _, _ = strings.Cut(line, "#")
			dir := path.Clean(strings.TrimSpace(line))
			if !path.IsAbs(dir) || multiarch(dir) {
				continue
			}
			found, err := b.list(dir)
			if err != nil {
				return err
			}
			for _, n := range found {
				if own[n] {
					b.add(at, shellrc.Line{Number: number, What: "by " + dir + ", a library of that name is found in the place of Debian's " + n, Text: dir + "/" + n})
				}
			}
		}
	}
	return nil
}

// multiarch reports whether Debian keeps libraries in a directory.
func multiarch(dir string) bool {
	return strings.HasSuffix(dir, "-linux-gnu") || strings.HasSuffix(dir, "-linux-gnueabihf") || slices.Contains([]string{"/lib", "/usr/lib", "/lib64", "/usr/lib64"}, dir)
}

// libraries are the names of Debian's own.
func (b *bootFiles) libraries() (map[string]bool, error) {
	const in = "/usr/lib"
	dirs, err := b.list(in)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, dir := range dirs {
		if !multiarch(dir) {
			continue
		}
		names, err := b.list(path.Join(in, dir))
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if strings.Contains(n, ".so.") {
				out[n] = true
			}
		}
	}
	return out, nil
}

// udevPart is a comparison or an assignment of a rule.
var udevPart = words.Pattern(`([A-Z]+(?:\{[^}]*\})?)\s*(==|!=|\+=|-=|:=|=)\s*"((?:[^"\\]|\\.)*)"[\s,]*`)

// rulesOfDevices are the rules of udev(7) that may concern what a start or a login makes
// use of: not those that only say who may use a device of a sort that neither does.
func rulesOfDevices(text string) string {
	const sorts = "usb hidraw video4linux sound input i2c-dev spidev gpio drm backlight leds ptp pps usbmisc nvme-generic infiniband kvm"
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		known, harmless := false, true
		for _, m := range udevPart().FindAllStringSubmatch(line, -1) {
			key, _, _ := strings.Cut(m[1], "{")
			switch {
			case strings.HasPrefix(m[1], "ENV{SYSTEMD_") && m[2] != "==" && m[2] != "!=":
				harmless = false // it has systemd start units, see systemd.device(5)
			case key == "SUBSYSTEM" && m[2] == "==" && isAmong(m[3], sorts):
				known = true
			case m[2] == "==", m[2] == "!=", isAmong(key, "MODE OWNER GROUP SYMLINK TAG ENV"):
			default:
				harmless = false
			}
		}
		if !known || !harmless || strings.TrimRight(udevPart().ReplaceAllString(line, ""), ", \t") != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
