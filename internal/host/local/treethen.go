package local

import (
	"cmp"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// treeThen is what is predicted of nodes that are alike: what the rule says of them as
// they are going to be.
type treeThen struct {
	differs bool
	sort    string // of those that differ
	foreign string // whose they are, if the rule leaves them alone
}

// alike says what nodes in a directory have in common.
func (t *treeWalk) alike(dir string) host.Alike {
	if t.predicted == nil || t.predicted.Alike == nil {
		return host.Alike{None: true}
	}
	return t.predicted.Alike(cmp.Or(dir, "/"))
}

// then is what is predicted of a node. It is found out once for all that are alike.
func (w *treeWorker) then(e *treeEntry) (*treeThen, error) {
	if w.alike.None || w.alike.Apart[string(e.dirent.name)] {
		return w.foresee(e)
	}
	// Of links and of what keeps a node from being changed, too, depends what a rule does.
	several := byte(0)
	if e.mode&unix.S_IFMT != unix.S_IFDIR && e.st.Nlink > 1 {
		several = 1
	}
	k := binary.NativeEndian.AppendUint32(w.key(e), uint32(heldAttributes(e.st.Attributes)))
	k = append(append(k, several), w.alike.Sort...)
	w.verdictKey = k
	if known := w.thens[string(k)]; known != nil {
		return known, nil
	}
	key := string(k)
	then, err := w.foresee(e)
	if err == nil && len(w.thens) < maxVerdicts {
		w.thens[key] = then
	}
	return then, err
}

func (w *treeWorker) foresee(e *treeEntry) (*treeThen, error) {
	n, err := w.fullNode(e)
	if err != nil {
		return nil, err
	}
	t := &treeThen{differs: !sameNode(n, w.walk.rule.Apply(n))}
	if t.differs {
		t.sort, t.foreign = n.Sort(), w.walk.rule.Foreign(n)
	}
	return t, nil
}
