package passwords

import (
	"context"
	"fmt"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// adopt says of a user, or of those of the range of people and services, that
// nothing matches the password, if it is so.
func adopt(_ context.Context, t kind.Taker, name string) error {
	if name != "" {
		return take(t, name)
	}
	all, err := kind.UsersOfPeople(t)
	if err != nil {
		return err
	}
	for _, u := range all {
		if err := take(t, u.Name); err != nil {
			return err
		}
	}
	return nil
}

func take(t kind.Taker, name string) error {
	p, err := t.Password(name)
	if err != nil {
		return err
	}
	switch {
	case p == nil:
		return fmt.Errorf("there is no user %s", name)
	case p.State != host.PasswordLocked:
		t.Notef("the password of %s is %s: a spec can only say of one that it is locked", name, p.State)
		return nil
	}
	return t.Take("from /etc/shadow", spec.NewDraft().Text("password", string(spec.PasswordLocked)), "users", name)
}
