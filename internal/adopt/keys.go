package adopt

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// key takes an account's authorized_keys, or the key pair at a path.
func (t *taker) key(_ context.Context, name string) error {
	if strings.HasPrefix(name, "/") {
		return t.keyPair(name)
	}
	u, err := t.User(name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("there is no user %s", name)
	}
	if there, err := t.authorized(u); err != nil || there {
		return err
	}
	return fmt.Errorf("%s has no file authorized_keys", name)
}

// keys takes the authorized_keys of the users of the range of people and services.
func (t *taker) keys(context.Context) error {
	all, err := t.humans()
	if err != nil {
		return err
	}
	for _, u := range all {
		if _, err := t.authorized(&u); err != nil {
			t.notef("the keys of %s: %v", u.Name, err)
		}
	}
	return nil
}

// authorized takes a user's authorized_keys. False: there is no such file.
func (t *taker) authorized(u *host.User) (bool, error) {
	at := u.Home + "/.ssh/authorized_keys"
	n, err := t.Stat(at)
	if err != nil || n == nil {
		return false, err
	}
	data, err := t.ReadFile(at)
	if err != nil {
		return true, err
	}
	keys, err := roster.ParseKeys(data, at, roster.ParseOptions{Options: true, Comments: true, MinRSABits: 1})
	if err != nil {
		return true, err
	}
	var lines []string
	for _, k := range keys {
		if k.Options != keys[0].Options {
			return true, fmt.Errorf("%s gives its keys different options, and a spec the same to all: declare it as file/%[1]s", at)
		}
		lines = append(lines, strings.TrimSpace(k.Type+" "+k.Blob+" "+k.Comment))
	}
	f := newFields().list("keys", lines)
	if len(keys) > 0 {
		f.text("options", keys[0].Options)
	}
	if mode := n.Access.Mode(); mode != 0o600 {
		f.mode(mode.String())
	}
	t.refer(u.Name, "")
	t.add("from "+at, f.node, "authorized_keys", u.Name)
	return true, nil
}

// keyPair takes what is known of a key pair by its public half.
func (t *taker) keyPair(at string) error {
	n, err := t.Stat(at)
	if err != nil {
		return err
	}
	public, err := t.ReadFile(at + ".pub")
	if err != nil {
		return err
	}
	if n == nil || public == nil {
		return fmt.Errorf("there is no key pair of %s and %[1]s.pub", at)
	}
	keys, err := roster.ParseKeys(public, at+".pub", roster.ParseOptions{MinRSABits: 1})
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return fmt.Errorf("%s.pub holds %d keys, not one", at, len(keys))
	}
	f := newFields().text("owner", n.Owner)
	if n.Group != n.Owner {
		f.text("group", n.Group)
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(keys[0].Type, "ssh-"), "-")
	f.text("type", kind)
	if kind != "ed25519" {
		f.number("bits", keys[0].Bits)
	}
	f.text("comment", keys[0].Comment)
	t.refer(n.Owner, n.Group)
	t.add("from "+at+".pub", f.node, "key_pairs", at)
	return nil
}
