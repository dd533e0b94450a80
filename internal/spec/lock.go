package spec

import (
	"fmt"
	"reflect"
)

// LockFile pins the keys that people have registered. No account has a dot in
// its name, so that it can be nobody's own file.
const LockFile = keysDir + "/github.lock"

// Lock is what LockFile says. What its entries mean is checked by those who
// know what a key is.
type Lock struct {
	// Data is the file itself.
	Data   []byte
	People []*Pinned // in the order of the file
}

// Pinned is a person's entry.
type Pinned struct {
	Pos  Pos
	Name string
	Keys []*Pin
}

// Pin is one key.
type Pin struct {
	Meta
	Fingerprint string `yaml:"fingerprint"`
	Key         string `yaml:"key"` // type and base64
}

// lock reads LockFile. Nil: there is none.
func (l *loader) lock() *Lock {
	if !l.locked {
		return nil
	}
	data, err := l.read(LockFile, maxYAML)
	if err != nil {
		l.problems.Addf(Pos{File: LockFile}, "%v", err)
		return nil
	}
	lock := &Lock{Data: data}
	n := parse(LockFile, data, &l.problems)
	if n == nil {
		return lock // nobody's keys are pinned
	}
	if n.kind != mapNode {
		l.problems.Addf(n.pos, "want lists of keys by person, got %s: opsafe keys update writes this file", n.what())
		return lock
	}
	d := l.decoder(&l.problems)
	for _, e := range n.entries {
		lock.People = append(lock.People, d.pinned(e))
	}
	return lock
}

// pinned decodes a person's entry.
func (d *decoder) pinned(e entry) *Pinned {
	p := &Pinned{Pos: e.keyPos, Name: e.key}
	if e.value.kind != listNode {
		d.problems.Addf(e.value.pos, "%s: want a list of keys, got %s: opsafe keys update writes this file", "person "+e.key, e.value.what())
		return p
	}
	for i, item := range e.value.items {
		label := fmt.Sprintf("key %d of %s", i+1, e.key)
		pin := &Pin{}
		before := len(*d.problems)
		d.structure(item, reflect.ValueOf(pin).Elem(), label, item.pos)
		for _, field := range []string{"fingerprint", "key"} {
			if len(*d.problems) == before && !pin.Has(field) {
				d.problems.Addf(item.pos, "%s: has no %s: opsafe keys update writes this file", label, field)
			}
		}
		p.Keys = append(p.Keys, pin)
	}
	return p
}
