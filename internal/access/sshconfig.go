package access

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

const sshdProgram = "sshd"

// yes and the rest are values that sshd -T prints.
const (
	yes  = "yes"
	no   = "no"
	none = "none"
)

// sshdConfig is what sshd -T prints: what its configuration comes to for one
// connection, by keyword in lower case.
type sshdConfig map[string][]string

func (c sshdConfig) is(key, value string) bool { return slices.Equal(c[key], []string{value}) }

// set is the value of what is not set with none; empty for that.
func (c sshdConfig) set(key string) string {
	v := strings.Join(c[key], " ")
	if v == none {
		return ""
	}
	return v
}

// fromHere is the connection of which sshd is always asked: from the host itself.
const fromHere = "host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"

// sshdFor asks sshd for its configuration for a user who comes from somewhere.
func (j *judge) sshdFor(ctx context.Context, from string) (sshdConfig, error) {
	out, err := j.Evaluate(ctx, host.Check{
		Argv: []string{sshdProgram, "-T", "-f", "%", "-C", "user=" + j.user.Name + "," + from},
		Root: true,
		Tree: &host.CheckTree{Main: debian.SSHDConfig, Dir: debian.SSHDConfigDir},
	})
	var refused *host.CheckError
	if errors.As(err, &refused) && strings.Contains(refused.Output, "privilege separation directory") {
		return nil, &host.UnknownError{What: "sshd's configuration", Why: refused.Output + ", without which sshd says nothing: start ssh.service", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return once(j.Reader, "sshd says "+out, func(*traced) (sshdConfig, error) {
		config := sshdConfig{}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 1 {
				config[f[0]] = append(config[f[0]], f[1:]...)
			}
		}
		return config, nil
	})
}

// keysInMatch reports whether a Match block says where somebody's keys are.
func keysInMatch(text string) bool {
	block := false
	for _, l := range debian.ParseSSHD([]byte(text)) {
		if l.Key == "match" {
			block = !l.MatchesAll()
		}
		if block && l.Key == "authorizedkeysfile" {
			return true
		}
	}
	return false
}

// sshdText is the text of all files of sshd's configuration, wherever they are.
func sshdText(r host.Reader) (string, error) {
	files, err := host.ReadConfiguration(r, &host.CheckTree{Main: debian.SSHDConfig, Dir: debian.SSHDConfigDir})
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.Write(files[name])
		b.WriteByte('\n')
	}
	return b.String(), err
}

// sshdAssumed is what sshd's configuration is likely to come to, where it cannot be
// asked: Debian's.
func sshdAssumed() sshdConfig {
	return sshdConfig{
		"pubkeyauthentication": {yes}, "usepam": {yes}, "strictmodes": {yes}, "authorizedkeysfile": {".ssh/authorized_keys", ".ssh/authorized_keys2"},
		"pubkeyacceptedalgorithms": {"ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"},
	}
}
