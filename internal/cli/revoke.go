package cli

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/render"
	"opsafe/internal/roster"
)

func newRevokeKey(a *App) *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "revoke-key FINGERPRINT",
		Short: "Take one key out of this host, at once",
		Long: `Take one key out of every file on this host in which sshd looks for keys, and keep
it out until the lists have caught up: manage leaves it out, says where the lists
still have it, and forgets about it once they have not. Opsafe undo brings it back.

Sessions that it may have opened are named, and go on until they are ended.

The fingerprint is as ssh-keygen -l shows it: SHA256:…`,
		Example: "  sudo opsafe revoke-key SHA256:uNiVztksCsDhcc0u9e8BrG7hTSdNVHPxvBkqNNYJQH0 --plan",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return a.revokeKey(c.Context(), o)
		},
	}
	o.add(c)
	o.addLockOut(c)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

func (a *App) revokeKey(ctx context.Context, o accountOptions) error {
	if err := roster.CheckFingerprint(o.name); err != nil {
		return err
	}
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "revoke-key", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	holders, unseen := policy.Holders(a.Host, o.name)
	resources, err := kind.Revoke(a.Host, kind.Revoking{Fingerprint: o.name, By: a.operator(), Now: a.Now()})
	if err != nil {
		return err
	}
	if _, err := a.account(ctx, o, "revoke-key", resources, nil); err != nil {
		return err
	}
	for _, s := range sessionsOf(a.Host, o.name, holders) {
		note(a.Err, "%s", render.Clean(s))
	}
	if unseen != nil {
		note(a.Err, "the key may be in more files: %v", unseen)
	}
	if o.plan || o.format != formatText {
		return nil
	}
	left, err := policy.Holders(a.Host, o.name)
	if len(left) > 0 {
		return fmt.Errorf("the key %s still lets in as %s", o.name, strings.Join(left, ", "))
	}
	if err != nil {
		fmt.Fprintf(a.Out, "The key %s is in no file that could be looked at.\n", o.name)
		return said(exitFailed)
	}
	fmt.Fprintf(a.Out, "The key %s lets nobody in on this host, and manage does not bring it back: take it off the lists.\n", o.name)
	return nil
}

// authLog is where sshd says with which key somebody came, if a syslog writes it.
const (
	authLog    = "/var/log/auth.log"
	maxAuthLog = 64 << 20
)

// sessionsOf names the sessions that a key may have opened: those of the log of
// sshd whose process still runs, else all of the accounts that it let in.
func sessionsOf(r host.Reader, fingerprint string, holders []string) []string {
	var out, users []string
	if n, err := r.Stat(authLog); err == nil && n != nil && n.Size <= maxAuthLog {
		data, _ := r.ReadFile(authLog)
		for line := range bytes.Lines(data) {
			user, from, pid := acceptedBy(string(line), fingerprint)
			if user == "" {
				continue
			}
			if comm, err := r.ReadFile(path.Join("/proc", pid, "comm")); err != nil || !strings.HasPrefix(string(comm), "sshd") {
				continue
			}
			users = append(users, user)
			out = append(out, fmt.Sprintf("%s is logged in from %s by this key: kill %s ends it", user, from, pid))
		}
	}
	for _, name := range holders {
		t, err := r.Traces(name)
		if err != nil || len(t.Sessions) == 0 || slices.Contains(users, name) {
			continue
		}
		out = append(out, fmt.Sprintf("%s is logged in (session %s), and it may be by this key: loginctl terminate-user %s ends it", name, strings.Join(t.Sessions, ", "), name))
	}
	return out
}

// acceptedBy reads a line of sshd's log: Accepted publickey for USER from ADDRESS
// port N ssh2: TYPE FINGERPRINT.
func acceptedBy(line, fingerprint string) (user, from, pid string) {
	if !strings.HasSuffix(strings.TrimSpace(line), " "+fingerprint) {
		return "", "", ""
	}
	before, after, ok := strings.Cut(line, "]: Accepted publickey for ")
	words := strings.Fields(after)
	i := strings.LastIndexByte(before, '[')
	const fields = 3 // USER from ADDRESS
	if !ok || i < 0 || len(words) < fields {
		return "", "", ""
	}
	return words[0], words[2], before[i+1:]
}
