package kind

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// RemoveWithCopies removes files of a person's, and keeps copies of what can be kept.
// A problem with finding or seeing some does not keep the others: as long as
// there are any to remove, the problem waits for the next look.
func RemoveWithCopies(r host.Reader, name string, files []string, problem error) (change.Change, error) {
	var c change.Change
	room := keptRoom
	for _, at := range files {
		n, err := r.Stat(at)
		if err != nil {
			problem = cmp.Or(problem, err)
			continue
		}
		if n == nil {
			continue
		}
		was, lost := lastImage(r, at, n, room)
		room -= int64(len(was.Content.Bytes()))
		c.Differ(at, host.Present(r, at, n), "")
		if lost != "" {
			lose(&c, lost)
		} else if err := keep(r, &c, name, at, was); err != nil {
			lose(&c, "what was in "+at+" is not kept: "+err.Error())
		}
		c.Steps = append(c.Steps, host.RemovePath{Path: at})
	}
	if len(c.Steps) == 0 {
		return c, problem
	}
	c.Action = change.Remove
	return c, nil
}

// What is kept of a person's files is bounded, in bytes: whoever is to lose
// their access could else fill the memory or the disk. No crontab, unit or list
// of keys comes near.
const (
	maxKept        = 1 << 20
	keptRoom int64 = 16 << 20
)

// lastImage is what is at a path that is going to be removed. Unlike ImageOf it
// always gives one; where the content is missing, lost says so.
func lastImage(r host.Reader, at string, n *host.Node, room int64) (image *FileImage, lost string) {
	image = &FileImage{Node: *n}
	if n.Type != host.TypeFile {
		return image, ""
	}
	lost = "what was in " + at + " is not kept: "
	if n.Size > maxKept {
		return image, lost + fmt.Sprintf("it is larger than %d MiB", maxKept>>20)
	}
	if n.Size > room {
		return image, lost + "the files before it take up all the room for copies"
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return image, lost + err.Error()
	}
	image.Content = host.NewContent(data)
	return image, ""
}

// lose says that something cannot be had back.
func lose(c *change.Change, what string) {
	c.Notes = append(c.Notes, what)
	c.Irreversible = "not everything that is removed is kept"
}

// keep copies a file, for root's eyes, before it is removed: a person's job may
// be needed by whoever takes over.
func keep(r host.Reader, c *change.Change, name, at string, image *FileImage) error {
	if image.Node.Type != host.TypeFile {
		return nil
	}
	for _, dir := range []string{path.Dir(notes.Kept), notes.Kept, path.Join(notes.Kept, name)} {
		n, err := r.Stat(dir)
		if err != nil {
			return err
		}
		mode := host.Mode(0o755)
		if dir != path.Dir(notes.Kept) {
			mode = 0o700
		}
		made := slices.ContainsFunc(c.Steps, func(s host.Step) bool { m, ok := s.(host.MakeDir); return ok && m.Path == dir })
		if n == nil && !made {
			c.Steps = append(c.Steps, host.MakeDir{Path: dir, Owner: Root, Group: Root, Access: host.AccessOf(mode)})
		}
	}
	copied := path.Join(notes.Kept, name, keptName(at))
	c.Notes = append(c.Notes, "a copy of "+at+" is kept in "+copied)
	c.Steps = append(c.Steps, host.WriteFile{Path: copied, Content: image.Content, Owner: Root, Group: Root, Access: host.AccessOf(0o600)})
	return nil
}

// keptName is the name of a copy. A name that would be too long, which a person
// can bring about, is cut, and kept apart from others by a digest.
func keptName(at string) string {
	name := strings.ReplaceAll(strings.TrimPrefix(at, "/"), "/", "_")
	const most = 180 // the kernel takes 255; a staged file's name has more to it
	if len(name) > most {
		digest := sha256.Sum256([]byte(at))
		name = fmt.Sprintf("%s_%x", strings.ToValidUTF8(name[:most], ""), digest[:8])
	}
	return name
}
