package overlay

import (
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/host"
)

// makeCertificate predicts a certificate and, where there is none, its key: what is in
// them is known when they are made.
func (h *Host) makeCertificate(s host.MakeCertificate) error {
	made := map[string]host.Mode{s.Path: 0o644}
	switch _, old, err := h.place(s.Key); {
	case err != nil:
		return err
	case old == nil:
		made[s.Key] = 0o600
	case old.Type != host.TypeFile:
		return fmt.Errorf("%s is a %s", s.Key, old.Type)
	}
	for _, p := range slices.Sorted(maps.Keys(made)) {
		n := host.Node{Type: host.TypeFile, Owner: s.Owner, Group: s.Group, Access: host.AccessOf(made[p]), Links: 1}
		if err := h.makeUnknown(p, n, "the certificate is made then"); err != nil {
			return err
		}
	}
	return nil
}

// makeUnknown puts a file at a path whose content is known after apply, for a reason.
func (h *Host) makeUnknown(p string, n host.Node, why string) error {
	at, old, err := h.place(p)
	if err != nil {
		return err
	}
	if old != nil && old.Type == host.TypeDir {
		return fmt.Errorf("%s is a %s", p, old.Type)
	}
	if n, err = h.owned(n); err != nil {
		return err
	}
	if n, err = h.makes(p, at, old, n); err != nil {
		return err
	}
	h.files.put(at, &entry{node: n, fresh: true, unknown: afterApply("content of "+p, why)})
	return nil
}

func (h *Host) updateTrust(s host.UpdateTrust) error {
	own := host.Node{Type: host.TypeFile, Owner: root, Group: root, Access: host.AccessOf(0o644), Links: 1}
	if s.From != "" {
		if _, old, err := h.place(s.From); err != nil || old == nil || old.Type != host.TypeFile {
			return cannotCopy(s.From, err)
		}
		if err := h.makeUnknown(s.To, own, "it is a copy of "+s.From); err != nil {
			return err
		}
	}
	if _, old, err := h.place(host.TrustedBundle); err != nil || old == nil {
		return nil //nolint:nilerr // nobody has made one
	}
	return h.makeUnknown(host.TrustedBundle, own, "it is made anew then")
}

func cannotCopy(from string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("there is no file %s", from)
}
