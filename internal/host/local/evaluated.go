package local

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"opsafe/internal/host"
)

// evaluations remember what programs made of configurations. A run asks the same some
// five times, for each judgement of who gets in; a program is asked once, until a step
// is done: that may change what it reads besides, such as accounts, or the program.
type evaluations struct {
	mu   sync.Mutex
	said map[[sha256.Size]byte]string
}

// once returns what a program has said of a configuration, or has it asked. What fails
// is asked again. Without a key, nothing is remembered.
func (e *evaluations) once(key *[sha256.Size]byte, ask func() (string, error)) (string, error) {
	if key == nil {
		return ask()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if said, ok := e.said[*key]; ok {
		return said, nil
	}
	said, err := ask()
	if err != nil {
		return said, err
	}
	if e.said == nil {
		e.said = map[[sha256.Size]byte]string{}
	}
	e.said[*key] = said
	return said, nil
}

func (e *evaluations) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.said)
}

// evaluationKey is a digest of a question and of all files that the answer rests on:
// those that are staged, and what they include from wherever it is. It is nil where
// not all of them can be told.
func (h *Host) evaluationKey(c host.Check, staged map[string][]byte) *[sha256.Size]byte {
	all, err := host.ReadConfiguration(h, c.Tree)
	if err != nil {
		return nil
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", c.Argv, c.Tree.Main, c.Tree.Dir)
	for _, files := range []map[string][]byte{staged, all} {
		for _, path := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(sum, "%q %x\n", path, sha256.Sum256(files[path]))
		}
		fmt.Fprintln(sum)
	}
	return (*[sha256.Size]byte)(sum.Sum(nil))
}
