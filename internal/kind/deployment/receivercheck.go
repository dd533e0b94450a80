package deployment

import (
	"net/netip"
	"path"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// checkReceiver finds what the forms of fields cannot say.
func checkReceiver(b *spec.Backend, problems *spec.Problems) {
	d, names := receiverOf(b), triggered(b)
	for _, name := range names {
		dep := of(b)[name]
		if !d.there() {
			problems.Addf(dep.Triggers.Pos, "deployment %s: triggers: there is no receiver, so that nothing can come in: declare one under receiver", name)
		}
		if name == GitHubHook && dep.Triggers.Key != "" {
			problems.Addf(dep.Triggers.At("key"), "deployment %s: triggers: key: POST /%s is GitHub's form: give the deployment another name", name, name)
		}
	}
	switch {
	case d == nil:
		return
	case d.State == kind.Absent:
		for _, field := range []string{"listen", "proxies", "github_addresses", "env_files"} {
			if d.Has(field) {
				problems.Addf(d.At(field), "receiver: is absent and has %s: want one or the other", field)
			}
		}
		return
	case len(names) == 0:
		problems.Addf(d.Pos, "receiver: no deployment has triggers, so that nothing could come in: say who may have one deployed under triggers of it")
	}
	if b.Users[ReceiverAccount] != nil {
		problems.Addf(b.Users[ReceiverAccount].Pos, "user %s: it is the receiver's own account: take it out here", ReceiverAccount)
	}
	d.checkAddresses(problems)
	checkHookSecrets(b, problems)
}

// checkHookSecrets finds secrets that the receiver would not take, where the spec itself
// has them. Of others, which the host alone has, the receiver says so.
func checkHookSecrets(b *spec.Backend, problems *spec.Problems) {
	for _, f := range hookFiles(b) {
		file := b.Files[f.path]
		if file == nil || file.Content == nil && file.Source == "" || file.Data == nil || file.State == kind.Absent {
			continue
		}
		if _, err := HookSecret(file.Data); err != nil {
			problems.Addf(file.Pos, "file %s: it is the secret of a hook of deployment %s, and lets nobody in: %v: want another, such as openssl rand -hex 32 makes", f.path, f.deployment, err)
		}
	}
}

func (d *Receiver) checkAddresses(problems *spec.Problems) {
	if at, err := netip.ParseAddrPort(d.listen()); !path.IsAbs(d.listen()) && (err != nil || at.Port() == 0) {
		problems.Addf(d.At("listen"), "receiver: listen: %q cannot be: want an address with a port, such as 127.0.0.1:3400", d.Listen)
	}
	for i, text := range d.Proxies {
		if _, err := netip.ParseAddr(text); err != nil {
			problems.Addf(d.At("proxies", i), "receiver: proxies: %q cannot be: want an address such as 10.1.2.3", text)
		}
	}
	for i, text := range d.GitHubAddresses {
		_, err := netip.ParsePrefix(text)
		switch {
		case text == FromAny && len(d.GitHubAddresses) > 1:
			problems.Addf(d.At("github_addresses", i), "receiver: github_addresses: any takes in all others: want any alone")
		case text != FromAny && text != FromPublished && err != nil:
			problems.Addf(d.At("github_addresses", i), "receiver: github_addresses: %q cannot be: want a range such as 10.1.0.0/16", text)
		}
	}
}
