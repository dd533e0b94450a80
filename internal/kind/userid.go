package kind

import (
	"fmt"

	"opsafe/internal/host"
)

// freeUID is the declared uid, if nobody has it, or the next that is free both
// as uid and as gid, so that an own group has the same number.
func (l userLook) freeUID(r host.Reader) (int, error) {
	if l.uid != nil {
		u, err := r.UserByID(*l.uid)
		if err == nil && u != nil {
			err = fmt.Errorf("uid %d is taken by %s%s", u.UID, u.Name, from(u.Source))
		}
		return *l.uid, err
	}
	uids, gids, err := host.NumbersOf(r)
	if err != nil {
		return 0, err
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return 0, err
	}
	if l.system && ranges.SystemLater {
		return host.UnknownID, nil
	}
	lo, hi := ranges.UIDMin, ranges.UIDMax
	if l.system {
		lo, hi = ranges.SysUIDMin, ranges.SysUIDMax
	}
	return nextFree(r, [2][]int{uids, gids}, l.reserved, lo, hi, l.system)
}

// nextFree chooses an id that nobody has or is to have, be it as uid or as gid, also
// not in a source of accounts that is not listed.
func nextFree(r host.Reader, have [2][]int, reserved idSet, lo, hi int, system bool) (int, error) {
	var used []int
	for {
		id, err := host.NextID(lo, hi, system, have[0], have[1], used)
		if err != nil {
			return 0, err
		}
		if reserved[id] {
			used = append(used, id)
			continue
		}
		u, err := r.UserByID(id)
		if err != nil {
			return 0, err
		}
		g, err := r.GroupByID(id)
		if err != nil {
			return 0, err
		}
		if (u == nil || u.Source == "") && (g == nil || g.Source == "") {
			return id, nil
		}
		used = append(used, id)
	}
}

// elsewhere refuses what the host does not keep itself.
func elsewhere(what, name string, id int, source string) error {
	return fmt.Errorf("the %s %s (%d) is not the host's own, it comes from %s, by /etc/nsswitch.conf: opsafe neither changes it nor makes another of that name; take it out of the spec, or out of there", what, name, id, source)
}

// from says where something comes from, if not from the host's own files.
func from(source string) string {
	if source == "" {
		return ""
	}
	return ", which comes from " + source
}
