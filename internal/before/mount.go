package before

import (
	"fmt"
	"path"

	"opsafe/internal/host"
)

// mountOf is the mount point of the file system that a path lies on.
func mountOf(r host.Reader, at string) string {
	for dir := path.Dir(path.Clean(at)); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if n, err := r.Stat(dir); err == nil && n != nil && n.Held&host.Mounted != 0 {
			return dir
		}
	}
	return "/"
}

// Covered is an error if something else has been mounted over what an image was taken
// of, or what it lay on is not mounted any more: what is at its path now is not what
// the image was taken of. Own tells what the run itself has mounted, which goes with it.
func (i Image) Covered(r host.Reader, own func(at string) bool) error {
	if i.Path == nil || i.Path.On == "" {
		return nil
	}
	now := mountOf(r, i.Path.Path)
	if now == i.Path.On || own(now) || own(i.Path.On) {
		return nil
	}
	if len(now) > len(i.Path.On) {
		return fmt.Errorf("something has been mounted on %s since, and hides it: see findmnt %s, unmount it, and try again", now, now)
	}
	return fmt.Errorf("it lay on the file system that was mounted on %s, which is not mounted now: mount it, and try again", i.Path.On)
}
