package testhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// imageAge is how old an image may be before it is built anew.
const imageAge = 30 * 24 * time.Hour

// otherAge is how long an image of another recipe is kept.
const otherAge = 7 * 24 * time.Hour

// cacheDir holds the images of this machine.
func cacheDir() string {
	if d := os.Getenv("OPSAFE_TEST_CACHE"); d != "" {
		return d
	}
	return "/var/cache/opsafe-test"
}

// image is one version of an image in the cache:
// SUITE-IMAGE-DIGEST-TIME/root, where TIME is when it was built.
type image struct {
	dir   string
	built time.Time
}

func (i image) root() string { return filepath.Join(i.dir, "root") }

// imageLayers returns the directories of the image, uppermost first, and
// builds what is missing or too old.
func imageLayers(ctx context.Context, o Options) ([]string, error) {
	bare, err := needImage(ctx, o, Bare, bareRecipe(o.Suite), func(dir string) error {
		return buildBare(ctx, o, dir)
	})
	if err != nil {
		return nil, err
	}
	if o.Image == Bare {
		return []string{bare.root()}, nil
	}
	rec := fullRecipe(o.Suite, filepath.Base(bare.dir))
	full, err := needImage(ctx, o, Full, rec, func(dir string) error {
		return buildFull(ctx, o, rec, bare.root(), dir)
	})
	if err != nil {
		return nil, err
	}
	return []string{full.root(), bare.root()}, nil
}

// needImage returns the newest image of a recipe, and has it built in a
// directory of its own if there is none or it is too old. Processes that need
// the same image wait for the one that builds it.
func needImage(ctx context.Context, o Options, kind Image, r recipe, build func(dir string) error) (image, error) {
	digest, err := r.digest()
	if err != nil {
		return image{}, err
	}
	key := fmt.Sprintf("%s-%s-%s", o.Suite, kind, digest)
	if img, err := findImage(key); err == nil && time.Since(img.built) < imageAge {
		return img, nil
	}
	unlock, err := lockImage(ctx, o, key)
	if err != nil {
		return image{}, err
	}
	defer unlock()
	old, err := findImage(key)
	if err == nil && time.Since(old.built) < imageAge {
		return old, nil
	}
	o.Log("building the image %s of %s, which takes some minutes", kind, o.Suite)
	img, buildErr := buildImage(key, build)
	switch {
	case buildErr == nil:
		o.Log("built %s in %s", img.dir, time.Since(img.built).Round(time.Second))
		return img, dropImages(o.Suite, kind, key, img)
	case err == nil && ctx.Err() == nil:
		o.Log("going on with the old image: %v", buildErr)
		return old, nil
	}
	return image{}, fmt.Errorf("cannot build image %s of %s: %w", kind, o.Suite, buildErr)
}

// buildImage builds in a directory beside the image's place and moves it there
// when it is whole.
func buildImage(key string, build func(dir string) error) (image, error) {
	img := image{built: time.Now()}
	img.dir = filepath.Join(cacheDir(), fmt.Sprintf("%s-%d", key, img.built.Unix()))
	tmp := filepath.Join(cacheDir(), ".build-"+key)
	if err := removeTree(tmp); err != nil { // of a build that was interrupted
		return image{}, err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return image{}, err
	}
	if err := build(tmp); err != nil {
		return image{}, errors.Join(err, removeTree(tmp))
	}
	if err := os.Rename(tmp, img.dir); err != nil {
		return image{}, err
	}
	return img, nil
}

// findImage returns the newest image with the key.
func findImage(key string) (image, error) {
	imgs, err := listImages(key + "-")
	if err != nil {
		return image{}, err
	}
	if len(imgs) == 0 {
		return image{}, fs.ErrNotExist
	}
	return slices.MaxFunc(imgs, func(a, b image) int { return a.built.Compare(b.built) }), nil
}

func listImages(prefix string) ([]image, error) {
	entries, err := os.ReadDir(cacheDir())
	if err != nil {
		return nil, err
	}
	var imgs []image
	for _, e := range entries {
		var unix int64
		stamp := e.Name()[strings.LastIndexByte(e.Name(), '-')+1:]
		if _, err := fmt.Sscan(stamp, &unix); err == nil && strings.HasPrefix(e.Name(), prefix) {
			imgs = append(imgs, image{filepath.Join(cacheDir(), e.Name()), time.Unix(unix, 0)})
		}
	}
	return imgs, nil
}

// dropImages deletes what the new image replaces unless a host uses it: older
// ones of the same recipe, and old ones of other recipes, which another version
// of this program may still want.
func dropImages(suite string, kind Image, key string, keep image) error {
	unlock, err := lockCache()
	if err != nil {
		return err
	}
	defer unlock()
	imgs, err := listImages(fmt.Sprintf("%s-%s-", suite, kind))
	if err != nil {
		return err
	}
	for _, i := range imgs {
		same := strings.HasPrefix(filepath.Base(i.dir), key+"-")
		if i.dir == keep.dir || i.used() || (!same && time.Since(i.built) < otherAge) {
			continue
		}
		// Renamed first, so that it is never found half deleted.
		gone := filepath.Join(cacheDir(), ".old-"+filepath.Base(i.dir))
		if err := errors.Join(os.Rename(i.dir, gone), removeTree(gone)); err != nil {
			return err
		}
	}
	return nil
}

// A host that lies on an image leaves a link to its directory in the image's
// users; hosts may be kept in other state directories than ours.

// used reports whether a host lies on the image.
func (i image) used() bool {
	links, err := filepath.Glob(filepath.Join(i.dir, "users", "*"))
	if err != nil {
		return true
	}
	used := false
	for _, l := range links {
		if _, err := os.Stat(l); err == nil {
			used = true
		} else {
			_ = os.Remove(l) // the host is gone
		}
	}
	return used
}

// use notes that the host whose directory this is lies on the layers.
func use(layers []string, name, dir string) error {
	for _, l := range layers {
		users := filepath.Join(filepath.Dir(l), "users")
		if err := os.Mkdir(users, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		link := filepath.Join(users, name)
		_ = os.Remove(link) // of a host that is gone
		if err := os.Symlink(dir, link); err != nil {
			return err
		}
	}
	return nil
}

// lockCache keeps images from being deleted.
func lockCache() (unlock func(), err error) {
	return lockFile(filepath.Join(cacheDir(), ".lock"))
}

// lockImage waits for its turn to build an image.
func lockImage(ctx context.Context, o Options, key string) (unlock func(), err error) {
	if err := os.MkdirAll(cacheDir(), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cacheDir(), ".lock-"+key), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; told = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !told {
			o.Log("waiting for the image %s of %s, which another process builds", o.Image, o.Suite)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("cannot wait for the image: %w", context.Cause(ctx)), f.Close())
		}
	}
}
