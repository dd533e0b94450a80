package access

import (
	"path"
	"slices"
	"strings"
	"sync"

	"opsafe/internal/host"
)

// pamModule is what is known of a module for somebody who is let in else: for which
// types it passes, for which it is ignored (it has no others, so that PAM fails), and
// the arguments that make no difference to that. One that ends in = is so with any value.
type pamModule struct{ passes, ignored, args string }

// pamModules are those that opsafe knows. That nobody may log in, how old a password is,
// and limits are judged by themselves.
var pamModules = sync.OnceValue(func() map[string]pamModule { //nolint:gochecknoglobals // a table that does not change
	const every = "auth account session"
	return map[string]pamModule{
		"pam_cap.so":       {ignored: "auth", args: "debug"},
		"pam_env.so":       {ignored: "auth", passes: "session", args: "debug readenv= user_readenv= envfile=/etc/default/locale envfile=/etc/environment"},
		"pam_faildelay.so": {ignored: "auth", args: "debug delay="},
		"pam_keyinit.so":   {ignored: "session", args: "debug force revoke"},
		"pam_lastlog.so":   {passes: "session", args: "debug silent never nodate noterm nohost nowtmp noupdate showfailed"},
		"pam_lastlog2.so":  {passes: "session", args: "debug silent never nodate noterm nohost"},
		"pam_limits.so":    {passes: "session", args: "debug set_all utmp_early noaudit"},
		"pam_loginuid.so":  {passes: "session"},
		"pam_mail.so":      {passes: "session", args: "debug standard noenv nopen close empty quiet"},
		"pam_mkhomedir.so": {passes: "session", args: "debug silent umask= skel="},
		"pam_motd.so":      {ignored: "session", args: "noupdate motd= motd_dir="},
		"pam_nologin.so":   {ignored: "auth account"},
		"pam_permit.so":    {passes: every},
		"pam_selinux.so":   {ignored: "session", args: "close open"},
		"pam_systemd.so":   {passes: "session", args: "debug debug="},
		"pam_umask.so":     {passes: "session", args: "debug silent quiet usergroups nousergroups umask="},
		"pam_unix.so": {passes: every, args: "audit broken_shadow debug likeauth no_pass_expiry nodelay nullok nullok_secure nullresetok quiet try_first_pass " +
			"bigcrypt blowfish gost_yescrypt md5 sha256 sha512 shadow yescrypt obscure minlen= remember= rounds="},
		"pam_warn.so": {ignored: every},
	}
})

// answers is what the module of a rule answers for somebody who is let in else.
func (r pamRule) answers() (result pamResult, at string) {
	if r.control == "substack" {
		if result, at = pamRun(r.sub); at == "" {
			at = r.line
		}
		return result, at
	}
	switch {
	case r.module == "pam_deny.so":
		return pamFails, r.line
	case r.module == "pam_rootok.so" && r.typ == "auth" && r.control == "sufficient":
		return pamIgnored, r.line // it fails, which is as good
	}
	m := pamModules()[r.module]
	harmless := func(arg string) bool {
		return slices.ContainsFunc(strings.Fields(m.args), func(a string) bool {
			return arg == a || strings.HasSuffix(a, "=") && strings.HasPrefix(arg, a)
		})
	}
	for _, arg := range r.args {
		if !harmless(arg) && r.module != "pam_permit.so" {
			return pamUnknown, r.line
		}
	}
	switch {
	case slices.Contains(strings.Fields(m.passes), r.typ):
		return pamPasses, r.line
	case slices.Contains(strings.Fields(m.ignored), r.typ):
		return pamIgnored, r.line
	}
	return pamUnknown, r.line
}

// trustModules has the way rest on what modules go by that are not known: a change of
// that cannot be told. Which of the files it is that such a module reads, is not known
// either. What cannot be read of them, is one more doubt.
func (j *judge) trustModules(rules []pamRule) {
	for _, r := range rules {
		if r.control == "substack" {
			j.trustModules(r.sub)
			continue
		}
		if got, _ := r.answers(); got != pamUnknown {
			continue
		}
		files, err := j.pamConfigs()
		if err != nil {
			j.doubt(err.Error())
		}
		for _, word := range append([]string{r.module}, r.args...) {
			word = strings.Trim(word, "[]")
			if at := strings.Index(word, "/"); at == 0 || at > 0 && word[at-1] == '=' {
				files = append(files, path.Clean(word[at:]))
			}
		}
		for _, at := range files {
			data, err := host.ReadThrough(j.Reader, at)
			if err != nil {
				j.doubt(err.Error())
				continue
			}
			j.trust(at, string(data))
		}
	}
}

// pamConfigs are files by which modules of PAM go, but for those of limits, which are
// judged, and those that new passwords alone are held against.
func (j *judge) pamConfigs() ([]string, error) {
	const dir = "/etc/security"
	files := []string{"/etc/shells", "/etc/securetty", "/etc/krb5.conf", "/etc/nslcd.conf", "/etc/sssd/sssd.conf"}
	names, err := j.ReadDir(dir)
	if err != nil {
		return files, err
	}
	for _, name := range names {
		if name == "opasswd" || strings.HasPrefix(name, "limits.") || strings.HasPrefix(name, "pwquality.") {
			continue
		}
		at := path.Join(dir, name)
		n, err := j.Stat(at)
		if err != nil {
			return files, err
		}
		if n == nil || n.Type != host.TypeDir {
			files = append(files, at)
			continue
		}
		below, err := j.ReadDir(at)
		if err != nil {
			return files, err
		}
		for _, b := range below {
			files = append(files, path.Join(at, b))
		}
	}
	return files, nil
}
