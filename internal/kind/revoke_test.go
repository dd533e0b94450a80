package kind_test

import (
	"slices"
	"testing"
	"time"

	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/roster"
)

// TestKeyPlacesBehindLinks: sshd follows links to parts of its configuration; one that
// leads nowhere it can be read keeps no key in a place that another part names.
func TestKeyPlacesBehindLinks(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHQoyeB7Kx5E7Y8+sQ0sQ6pVAgy+mNNHpGvTQ2r1eUFz eve"
	state, err := snapshot.Parse([]byte(`
users: [{name: eve, uid: 1300, home: /home/eve}]
files:
  /home/eve: {type: directory, owner: eve}
  /etc/ssh/sshd_config: {content: "Include /etc/ssh/sshd_config.d/*.conf\n"}
  /etc/ssh/sshd_config.d/01-loop.conf: {type: symlink, target: 01-loop.conf}
  /etc/ssh/sshd_config.d/02-fifo.conf: {type: special file}
  /etc/ssh/sshd_config.d/03-link.conf: {type: symlink, target: ../linked}
  /etc/ssh/sshd_config.d/04-last.conf: {content: "AuthorizedKeysFile /opt/last/%u\n"}
  /etc/ssh/linked: {content: "AuthorizedKeysFile /opt/linked/%u\n"}
  /opt/linked/eve: {content: "` + key + `\n"}
  /opt/last/eve: {content: "` + key + `\n"}
`))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	fingerprint := roster.Authorized(key)
	accounts, err := policy.Holders(h, fingerprint)
	if err == nil || !slices.Contains(accounts, "eve") {
		t.Errorf("%q, %v", accounts, err)
	}
	resources, err := kind.Revoke(h, kind.Revoking{Fingerprint: fingerprint, By: "root", Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	converge.Run(t.Context(), converge.Options{Host: h, Kinds: []converge.Kind{{Kind: kind.Bare("key", kind.StageAccess), Resources: resources}}, Now: time.Now})
	for _, p := range []string{"/opt/linked/eve", "/opt/last/eve"} {
		if keys, err := policy.KeysIn(h, p); err != nil || len(keys) > 0 {
			t.Errorf("%s: %q, %v", p, keys, err)
		}
	}
}
