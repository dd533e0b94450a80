package keys

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// adopt takes an account's authorized_keys, the key pair at a path, or the
// authorized_keys of the users of the range of people and services.
func adopt(_ context.Context, t kind.Taker, name string) error {
	if strings.HasPrefix(name, "/") {
		return takePair(t, name)
	}
	if name != "" {
		return takeKeys(t, name)
	}
	all, err := kind.UsersOfPeople(t)
	if err != nil {
		return err
	}
	for _, u := range all {
		if _, err := takeAuthorized(t, &u); err != nil {
			t.Notef("the keys of %s: %v", u.Name, err)
		}
	}
	return nil
}

func takeKeys(t kind.Taker, name string) error {
	u, err := t.User(name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("there is no user %s", name)
	}
	if there, err := takeAuthorized(t, u); err != nil || there {
		return err
	}
	return fmt.Errorf("%s has no file authorized_keys", name)
}

// takeAuthorized takes a user's authorized_keys. False: there is no such file.
func takeAuthorized(t kind.Taker, u *host.User) (bool, error) {
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
	d := spec.NewDraft().List("keys", lines)
	if len(keys) > 0 {
		d.Text("options", keys[0].Options)
	}
	if mode := n.Access.Mode(); mode != 0o600 {
		d.Quoted("mode", mode.String())
	}
	t.Refer(u.Name, "")
	return true, t.Take("from "+at, d, "authorized_keys", u.Name)
}

// takePair takes what is known of a key pair by its public half.
func takePair(t kind.Taker, at string) error {
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
	d := spec.NewDraft().Text("owner", n.Owner)
	if n.Group != n.Owner {
		d.Text("group", n.Group)
	}
	algorithm, _, _ := strings.Cut(strings.TrimPrefix(keys[0].Type, "ssh-"), "-")
	d.Text("type", algorithm)
	if algorithm != "ed25519" {
		d.Number("bits", keys[0].Bits)
	}
	d.Text("comment", keys[0].Comment)
	t.Refer(n.Owner, n.Group)
	return t.Take("from "+at+".pub", d, "key_pairs", at)
}
