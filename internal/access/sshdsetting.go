package access

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"opsafe/internal/roster"
)

// A setting judges what sshd -T prints of one keyword, see sshd_config(5): shut is why
// nobody gets a session with it, doubt why that cannot be told; both empty: it is
// harmless to somebody who comes with a key.
type setting func(values []string) (shut, doubt string)

// sshdSettings are the keywords of sshd that are understood. One that is not among
// them, as of a later version, cannot be told.
var sshdSettings = sync.OnceValue(func() map[string]setting { //nolint:gochecknoglobals // a table that does not change
	out := map[string]setting{
		"channeltimeout":          mustBe(none),
		"chrootdirectory":         mustBe(none),
		"ciphers":                 oneOf("chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"),
		"forcecommand":            mustBe(none),
		"hostkeyagent":            mustBe(none),
		"hostkeyalgorithms":       oneOf("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-256", "rsa-sha2-512"),
		"kexalgorithms":           oneOf("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha256"),
		"listenaddress":           listens,
		"logingracetime":          atLeast(10, "somebody may not be that quick", true),
		"macs":                    oneOf("hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "umac-64@openssh.com", "umac-128@openssh.com", "umac-64-etm@openssh.com", "umac-128-etm@openssh.com"),
		"maxauthtries":            atLeast(1, "", false),
		"maxsessions":             atLeast(1, "", false),
		"maxstartups":             startups,
		"pamservicename":          mustBe(sshdProgram),
		"permituserenvironment":   mustBe(no),
		"persourcemaxstartups":    orNone(atLeast(1, "", false)),
		"rdomain":                 mustBe(none),
		"refuseconnection":        mustBe(no),
		"setenv":                  environment,
		"sshdauthpath":            mustBe("/usr/lib/openssh/sshd-auth"),
		"sshdsessionpath":         mustBe("/usr/lib/openssh/sshd-session"),
		"unusedconnectiontimeout": mustBe(none, "0"),
	}
	for _, keyword := range strings.Fields(sshdHarmless + sshdJudged) {
		out[keyword] = func([]string) (string, string) { return "", "" }
	}
	return out
})

// sshdHarmless are keywords none of whose values keeps a key from giving a session.
const sshdHarmless = `
	acceptenv addressfamily allowagentforwarding allowstreamlocalforwarding allowtcpforwarding
	authorizedprincipalscommand authorizedprincipalscommanduser authorizedprincipalsfile banner
	casignaturealgorithms challengeresponseauthentication clientalivecountmax clientaliveinterval compression
	debianbanner disableforwarding exposeauthinfo fingerprinthash gatewayports
	gssapiauthentication gssapicleanupcredentials gssapikexalgorithms gssapikeyexchange gssapistorecredentialsonrekey
	gssapistrictacceptorcheck hostbasedacceptedalgorithms hostbasedacceptedkeytypes hostbasedauthentication
	hostbasedusesnamefrompacketonly hostcertificate hostkey ignorerhosts ignoreuserknownhosts ipqos
	kbdinteractiveauthentication kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd
	kerberosticketcleanup loglevel logverbose modulifile passwordauthentication permitemptypasswords permitlisten
	permitopen permittunnel persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile port
	printlastlog printmotd rekeylimit securitykeyprovider streamlocalbindmask streamlocalbindunlink subsystem
	syslogfacility tcpkeepalive trustedusercakeys usedns versionaddendum x11displayoffset x11forwarding
	x11uselocalhost xauthlocation`

// sshdJudged are keywords that are judged elsewhere, together with the account, its
// files and its keys.
const sshdJudged = `
	allowgroups allowusers authenticationmethods authorizedkeyscommand authorizedkeyscommanduser
	authorizedkeysfile denygroups denyusers permitrootlogin permittty permituserrc
	pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication pubkeyauthoptions requiredrsasize
	revokedkeys strictmodes usepam`

// mustBe is harmless with one of some values alone.
func mustBe(values ...string) setting {
	return func(v []string) (string, string) {
		if slices.Contains(values, strings.Join(v, " ")) {
			return "", ""
		}
		return "", "opsafe does not know what that makes of a login"
	}
}

// oneOf is harmless if one of the algorithms is listed that every client has.
func oneOf(known ...string) setting {
	return func(v []string) (string, string) {
		for name := range strings.SplitSeq(strings.Join(v, ","), ",") {
			if slices.Contains(known, name) {
				return "", ""
			}
		}
		return "", "clients may have none of them"
	}
}

// atLeast is a number below which nobody gets a session, or, with a doubt, may not.
// Endless says that 0 is no limit at all.
func atLeast(least int, doubt string, endless bool) setting {
	return func(v []string) (string, string) {
		n, err := strconv.Atoi(strings.Join(v, " "))
		switch {
		case err != nil:
			return "", "it is no number"
		case n >= least, n == 0 && endless:
			return "", ""
		case doubt != "":
			return "", doubt
		}
		return "nobody gets a session", ""
	}
}

// orNone is harmless with none, too.
func orNone(judge setting) setting {
	return func(v []string) (string, string) {
		if strings.Join(v, " ") == none {
			return "", ""
		}
		return judge(v)
	}
}

// startups is how many connections sshd takes: START:RATE:FULL, or a number.
func startups(v []string) (shut, doubt string) {
	first, _, _ := strings.Cut(strings.Join(v, " "), ":")
	const few = 3
	switch n, err := strconv.Atoi(first); {
	case first == none, err == nil && n >= few:
		return "", ""
	case err == nil && n > 0:
		return "", "whoever only connects keeps everybody else out"
	}
	return "it takes no connection", ""
}

// listens looks for an address to which somebody can come from elsewhere.
func listens(v []string) (shut, doubt string) {
	for _, at := range v {
		if !strings.HasPrefix(at, "127.") && !strings.HasPrefix(at, "[::1]:") {
			return "", ""
		}
	}
	return "it listens to the host itself alone", ""
}

// environment is what SetEnv sets: variables of a language are harmless.
func environment(v []string) (shut, doubt string) {
	for _, assignment := range v {
		name, _, _ := strings.Cut(assignment, "=")
		if name != none && !harmlessVariable(name) {
			return "", "opsafe does not know what the variable " + name + " makes of a shell"
		}
	}
	return "", ""
}

func harmlessVariable(name string) bool {
	return strings.HasPrefix(name, "LC_") || slices.Contains([]string{"LANG", "LANGUAGE", "TZ", "EDITOR", "VISUAL", "PAGER", "TERM", "COLORTERM", "NO_COLOR"}, name)
}

// settings judges each keyword that sshd prints for them.
func (p *passage) settings() {
	known := sshdSettings()
	for _, keyword := range slices.Sorted(maps.Keys(p.config)) {
		judge, ok := known[keyword]
		if !ok {
			p.doubts = append(p.doubts, fmt.Sprintf("sshd has %s %s, which opsafe does not know", keyword, strings.Join(p.config[keyword], " ")))
			continue
		}
		shut, doubt := judge(p.config[keyword])
		what := fmt.Sprintf("sshd has %s %s: ", keyword, strings.Join(p.config[keyword], " "))
		switch {
		case shut != "":
			p.gate(what+shut, keyword != "listenaddress" && keyword != "maxsessions")
		case doubt != "":
			p.doubts = append(p.doubts, what+doubt)
		}
	}
	p.hostKeys()
}

// hostKeys looks for one that is there, without which sshd does not start.
func (p *passage) hostKeys() {
	for _, at := range p.config["hostkey"] {
		if n, err := p.Stat(at); err != nil || n != nil {
			return
		}
	}
	if len(p.config["hostkey"]) > 0 {
		p.gate("sshd finds none of its host keys: "+strings.Join(p.config["hostkey"], " "), true)
	}
}

// pam judges what sshd asks PAM of somebody who comes with a key.
func (p *passage) pam() error {
	types := []string{"account", "session"}
	if p.asksPAM {
		types = append(types, "auth")
	}
	for _, typ := range types {
		no, doubt, err := p.judge.pam(sshdProgram, typ)
		switch {
		case err != nil:
			return err
		case no != "":
			p.gate(no, false)
		case doubt != "":
			p.doubts = append(p.doubts, doubt)
		}
	}
	return p.limits(p.user.Name, p.groups)
}

// takes reports whether sshd certainly takes a key that it does not find fault with
// else: it is large enough, and no more is asked of it than to sign.
func (p *passage) takes(l keyLine) bool {
	asked := p.config["pubkeyauthoptions"]
	if strings.HasPrefix(l.key.Type, "sk-") && len(asked) > 0 && !p.config.is("pubkeyauthoptions", none) {
		return false
	}
	least, err := strconv.Atoi(strings.Join(p.config["requiredrsasize"], ""))
	if l.key.Type != "ssh-rsa" || err != nil {
		return true
	}
	keys, err := roster.ParseKeys([]byte(l.text), "", roster.ParseOptions{Options: true, Comments: true, MinRSABits: least})
	return err == nil && len(keys) == 1
}
