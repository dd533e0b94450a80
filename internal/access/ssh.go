package access

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// Where sshd's configuration is.
const (
	sshdProgram = "sshd"
	sshdMain    = "/etc/ssh/sshd_config"
	sshdDir     = "/etc/ssh/sshd_config.d"
)

// yes and the rest are values that sshd -T prints.
const (
	yes  = "yes"
	none = "none"
)

// sshdConfig is what sshd -T prints: what its configuration comes to for one
// connection, by keyword in lower case.
type sshdConfig map[string][]string

func (c sshdConfig) is(key, value string) bool { return slices.Equal(c[key], []string{value}) }

// sshdFor asks sshd for its configuration for a user who comes from this host.
// Where it depends on the address (Match Address), others may get another one.
func (j *judge) sshdFor(ctx context.Context) (sshdConfig, error) {
	out, err := j.Evaluate(ctx, host.Check{
		Argv: []string{sshdProgram, "-T", "-f", "%", "-C", "user=" + j.user.Name + ",host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"},
		Root: true,
		Tree: &host.CheckTree{Main: sshdMain, Dir: sshdDir},
	})
	if err != nil {
		return nil, err
	}
	config := sshdConfig{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 1 {
			config[f[0]] = append(config[f[0]], f[1:]...)
		}
	}
	return config, nil
}

// ssh judges whether sshd admits them, and a key of theirs.
func (j *judge) ssh(ctx context.Context) error {
	runs, err := j.running(ctx)
	if err != nil {
		return err
	}
	if !runs {
		j.noLogin("sshd does not run: neither ssh.service nor ssh.socket is active")
		return nil
	}
	config, err := j.sshdFor(ctx)
	var refused *host.CheckError
	switch {
	case errors.As(err, &refused) && strings.Contains(refused.Output, "privilege separation directory"):
		return &host.UnknownError{What: "sshd's configuration", Why: refused.Output + ", without which sshd says nothing: start ssh.service", Err: err}
	case errors.As(err, &refused):
		j.noLogin("its configuration is wrong: " + refused.Error())
		return nil
	case err != nil:
		return err
	}
	if j.user.UID == 0 && !config.is("permitrootlogin", yes) &&
		!config.is("permitrootlogin", "without-password") && !config.is("permitrootlogin", "prohibit-password") {
		j.noLogin("sshd does not let root in (PermitRootLogin)")
	}
	if j.password.State == host.PasswordLocked && !config.is("usepam", yes) {
		j.noLogin("the account is locked, and sshd asks nobody else (UsePAM no)")
	}
	j.lists(config)
	if j.user.UID != 0 {
		if err := j.openToAll(); err != nil {
			return err
		}
	}
	j.byPassword = len(j.way.Login) == 0 && j.takesPassword(config)
	if !config.is("pubkeyauthentication", yes) {
		j.noLogin("sshd does not take keys from them (PubkeyAuthentication)")
	}
	j.methods(config["authenticationmethods"])
	return j.keys(config)
}

// takesPassword reports whether sshd lets somebody in who gives their password.
func (j *judge) takesPassword(config sshdConfig) bool {
	asks := config.is("passwordauthentication", yes) ||
		config.is("usepam", yes) && (config.is("kbdinteractiveauthentication", yes) || config.is("challengeresponseauthentication", yes))
	if !asks || j.password.State != host.PasswordSet || j.user.UID == 0 && !config.is("permitrootlogin", yes) {
		return false
	}
	for _, l := range config["authenticationmethods"] {
		if m, _, _ := strings.Cut(l, ":"); m != "any" && m != "password" && m != "keyboard-interactive" {
			return false
		}
	}
	return true
}

// running looks whether anything listens for them.
func (j *judge) running(ctx context.Context) (bool, error) {
	for _, name := range []string{"ssh.service", "ssh.socket"} {
		u, err := j.Unit(ctx, name)
		if err != nil {
			return false, err
		}
		if u != nil && u.Running() {
			return true, nil
		}
	}
	return false, nil
}

// openToAll looks for the files by which an administrator keeps everybody but
// root out, see nologin(5).
func (j *judge) openToAll() error {
	for _, p := range []string{"/etc/nologin", "/run/nologin"} {
		n, err := j.Stat(p)
		if err != nil {
			return err
		}
		if n != nil {
			j.noLogin(p + " keeps everybody but root out")
		}
	}
	return nil
}

// lists applies DenyUsers, AllowUsers, DenyGroups and AllowGroups, in the order
// of sshd_config(5). A pattern for an address may match: then it allows, and it
// denies nothing for certain.
func (j *judge) lists(config sshdConfig) {
	me := []string{j.user.Name}
	users := func(patterns []string, withAddress bool) bool {
		var plain []string
		for _, p := range patterns {
			name, _, at := strings.Cut(p, "@")
			if !at || withAddress {
				plain = append(plain, name)
			}
		}
		return anyMatch(plain, me)
	}
	switch {
	case users(config["denyusers"], false):
		j.noLogin("sshd's DenyUsers names them")
	case len(config["allowusers"]) > 0 && !users(config["allowusers"], true):
		j.noLogin("sshd's AllowUsers does not name them: " + strings.Join(config["allowusers"], " "))
	case anyMatch(config["denygroups"], j.groups):
		j.noLogin("sshd's DenyGroups names a group of theirs")
	case len(config["allowgroups"]) > 0 && !anyMatch(config["allowgroups"], j.groups):
		j.noLogin("sshd's AllowGroups names none of their groups: " + strings.Join(config["allowgroups"], " "))
	}
}

// anyMatch reports whether one of the names matches the patterns, of which one
// with an exclamation mark excludes.
func anyMatch(patterns, names []string) bool {
	matched := false
	for _, p := range patterns {
		pattern, negated := strings.CutPrefix(p, "!")
		pattern = strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(pattern)
		for _, name := range names {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				if negated {
					return false
				}
				matched = true
			}
		}
	}
	return matched
}

// methods judges AuthenticationMethods: lists of what has to be passed, of which
// one is enough.
func (j *judge) methods(lists []string) {
	for _, l := range lists {
		ok := true
		for m := range strings.SplitSeq(l, ",") {
			m, _, _ = strings.Cut(m, ":")
			switch m {
			case "any", "publickey":
			case "password", "keyboard-interactive":
				ok = ok && j.password.State == host.PasswordSet
			default:
				ok = false
			}
		}
		if ok {
			return
		}
	}
	if len(lists) > 0 {
		j.noLogin("sshd asks for more than a key, which they do not have: AuthenticationMethods " + strings.Join(lists, " "))
	}
}

// keys looks for the keys that sshd accepts in the files that it reads.
func (j *judge) keys(config sshdConfig) error {
	accepted := config["pubkeyacceptedalgorithms"]
	if len(accepted) == 0 {
		accepted = config["pubkeyacceptedkeytypes"] // before OpenSSH 8.5
	}
	var why []string
	for _, pattern := range config["authorizedkeysfile"] {
		if pattern == none {
			continue
		}
		at := j.keyFile(pattern)
		data, err := j.ReadFile(at)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		if config.is("strictmodes", yes) {
			fault, err := j.strict(at)
			if err != nil {
				return err
			}
			if fault != "" {
				why = append(why, fault)
				continue
			}
		}
		usable := usableKeys(string(data), strings.Split(strings.Join(accepted, ","), ","))
		if len(usable) == 0 {
			why = append(why, "no key in "+at+" lets them in")
		}
		j.usable = append(j.usable, usable...)
	}
	switch {
	case len(j.usable) > 0:
		return nil
	case len(why) == 0:
		why = []string{"there is no key of theirs"}
	}
	j.way.Login = append(j.way.Login, why...)
	return nil
}

// keyFile expands the tokens of AuthorizedKeysFile.
func (j *judge) keyFile(pattern string) string {
	at := strings.NewReplacer("%%", "%", "%h", j.user.Home, "%u", j.user.Name, "%U", strconv.Itoa(j.user.UID)).Replace(pattern)
	if !path.IsAbs(at) {
		at = path.Join(j.user.Home, at)
	}
	return path.Clean(at)
}

// strict is what StrictModes finds fault with: somebody else could have written
// the file, or a directory above it up to the home.
func (j *judge) strict(at string) (string, error) {
	for p := at; ; p = path.Dir(p) {
		n, err := j.Stat(p)
		if err != nil {
			return "", err
		}
		switch {
		case n == nil:
		case n.Owner != j.user.Name && n.Owner != "root":
			return fmt.Sprintf("sshd does not read %s, since %s belongs to %s", at, p, n.Owner), nil
		case n.Access.Mode()&0o022 != 0:
			return fmt.Sprintf("sshd does not read %s, since others can write %s (mode %s)", at, p, n.Access.Mode()), nil
		}
		if p == j.user.Home || p == "/" {
			return "", nil
		}
	}
}

// usableKeys are those of a file of authorized_keys that give a session of one's
// own. Restrictions on where one comes from are left to those who made them.
func usableKeys(file string, accepted []string) []roster.Key {
	var out []roster.Key
	for line := range strings.Lines(file) {
		keys, err := roster.ParseKeys([]byte(line), "", roster.ParseOptions{Options: true, Comments: true, MinRSABits: 1})
		if err != nil || len(keys) != 1 {
			continue
		}
		if k := keys[0]; !bound(k.Options) && acceptedType(k.Type, accepted) {
			out = append(out, k)
		}
	}
	return out
}

// bound reports whether options keep a key from a session: a command instead of
// one, no terminal to give a password on, an end in time, an authority.
func bound(options string) bool {
	lower := strings.ToLower(options)
	if strings.Contains(lower, "restrict") && !slices.Contains(strings.Split(lower, ","), "pty") {
		return true
	}
	return slices.ContainsFunc([]string{"command=", "no-pty", "expiry-time=", "cert-authority"}, func(o string) bool {
		return strings.Contains(lower, o)
	})
}

func acceptedType(typ string, accepted []string) bool {
	if typ == "ssh-rsa" && (slices.Contains(accepted, "rsa-sha2-256") || slices.Contains(accepted, "rsa-sha2-512")) {
		return true
	}
	return slices.Contains(accepted, typ)
}
