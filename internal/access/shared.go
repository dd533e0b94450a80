package access

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"

	"opsafe/internal/host"
)

// found is what is the same for everybody, with all that it rests on.
type found struct {
	value   any
	err     error
	answers map[string]string
}

// once finds out something of the host that is the same for everybody. A cache has it
// found out for the first of them alone; the judgement of each rests on it.
func once[T any](r host.Reader, what string, find func(t *traced) (T, error)) (T, error) {
	judging, _ := r.(*traced)
	c := cacheOf(r)
	if c == nil {
		if judging == nil {
			judging = newTraced(r)
		}
		return find(judging)
	}
	f, known := c.shared[what]
	if !known {
		t := newTraced(c)
		f.value, f.err = find(t)
		f.answers = t.answers
		c.shared[what] = f
	}
	if judging != nil {
		maps.Copy(judging.answers, f.answers)
	}
	value, _ := f.value.(T)
	return value, f.err
}

// untraced is a reader of which nothing is noted.
func untraced(r host.Reader) host.Reader {
	if t, ok := r.(*traced); ok {
		return t.Reader
	}
	return r
}

// cacheOf is the cache that a reader reads by; nil if there is none.
func cacheOf(r host.Reader) *cache {
	c, _ := untraced(r).(*cache)
	return c
}

// digest tells texts apart.
func digest[T string | []byte](text T) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
