package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// traced is a reader that remembers what it was asked, and what it answered: the
// judgement of somebody's way rests on nothing else.
type traced struct {
	host.Reader
	answers map[string]string
}

func newTraced(r host.Reader) *traced { return &traced{Reader: r, answers: map[string]string{}} }

// digest tells judgements apart that rest on different things.
func (t *traced) digest() string {
	h := sha256.New()
	for _, question := range slices.Sorted(maps.Keys(t.answers)) {
		h.Write([]byte(question + "\x00" + t.answers[question] + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *traced) note(question string, answer any, err error) {
	if err != nil {
		answer = err.Error()
	}
	// What is not data is not compared; there is none among the answers.
	data, _ := json.Marshal(answer)
	t.answers[question] = digest(data)
}

// Stat notes whose a node is and who may do what with it, not how large it is.
func (t *traced) Stat(at string) (*host.Node, error) {
	n, err := t.Reader.Stat(at)
	if n == nil {
		t.note("stat "+at, nil, err)
		return n, err
	}
	t.note("stat "+at, []any{n.Type, n.Owner, n.Group, n.Access, n.Target}, err)
	return n, err
}

// ReadFile notes the content.
func (t *traced) ReadFile(at string) ([]byte, error) {
	data, err := t.Reader.ReadFile(at)
	if err == nil && data != nil { // as it is: it may be long
		t.answers["read "+at] = digest(data)
	} else {
		t.note("read "+at, nil, err)
	}
	return data, err
}

// ReadDir notes the names.
func (t *traced) ReadDir(at string) ([]string, error) {
	names, err := t.Reader.ReadDir(at)
	t.note("list "+at, names, err)
	return names, err
}

// User notes the account.
func (t *traced) User(name string) (*host.User, error) {
	u, err := t.Reader.User(name)
	t.note("user "+name, u, err)
	return u, err
}

// Password notes what shadow says.
func (t *traced) Password(name string) (*host.Password, error) {
	p, err := t.Reader.Password(name)
	t.note("password "+name, p, err)
	return p, err
}

// Package notes what dpkg says.
func (t *traced) Package(name string) (*host.Package, error) {
	p, err := t.Reader.Package(name)
	t.note("package "+name, p, err)
	return p, err
}

// Unit notes whether it runs, and starts at boot.
func (t *traced) Unit(ctx context.Context, name string) (*host.Unit, error) {
	u, err := t.Reader.Unit(ctx, name)
	if u == nil {
		t.note("unit "+name, nil, err)
		return u, err
	}
	t.note("unit "+name, []any{u.Running(), u.File, u.Fragment}, err)
	return u, err
}

// Evaluate notes what a program makes of a configuration.
func (t *traced) Evaluate(ctx context.Context, c host.Check) (string, error) {
	said, err := t.Reader.Evaluate(ctx, c)
	t.note("evaluate "+strings.Join(c.Argv, " "), said, err)
	return said, err
}
