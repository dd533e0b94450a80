package local

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// openWheel is a wheel that nobody else can change any more.
type openWheel struct {
	host.Wheel
	file *os.File
	zip  *zip.Reader
	info string // its directory of metadata, as NAME-VERSION.dist-info
}

func closeWheels(all []openWheel) {
	for _, w := range all {
		_ = w.file.Close()
	}
}

// fetchWheels opens the wheels of an environment, and makes sure that they are those
// which are pinned and that none is missing which another one needs.
func (h *Host) fetchWheels(ctx context.Context, a host.Archive) ([]openWheel, error) {
	names, err := h.ReadDir(a.Source)
	if err != nil {
		return nil, err
	}
	var out []openWheel
	needed := map[string]string{} // by the name of the distribution that needs it
	for _, want := range a.Wheels {
		w, err := h.fetchWheel(ctx, a, want, names)
		if err == nil {
			out = append(out, w)
			err = w.metadata(a.Python, needed)
		}
		if err != nil {
			closeWheels(out)
			return nil, fmt.Errorf("%s %s: %w", want.Name, want.Version, err)
		}
	}
	for _, w := range out {
		delete(needed, w.Name)
	}
	if names := slices.Sorted(maps.Keys(needed)); len(names) > 0 {
		closeWheels(out)
		return nil, fmt.Errorf("%s needs %s, which is not among what is pinned: add it, with a wheel", needed[names[0]], names[0])
	}
	return out, nil
}

// fetchWheel opens the wheel of a distribution: among those of its name, one that is for
// this host and has a pinned digest.
func (h *Host) fetchWheel(ctx context.Context, a host.Archive, want host.Wheel, names []string) (openWheel, error) {
	facts, err := h.Facts()
	if err != nil {
		return openWheel{}, err
	}
	var why []error
	for _, name := range names {
		f, ok := host.ReadWheelName(name)
		if !ok || !f.Is(want) {
			continue
		}
		if misfit := f.Misfit(a.Python, host.WheelMachine(facts.Arch)); misfit != "" {
			why = append(why, fmt.Errorf("%s: %s", name, misfit))
			continue
		}
		file, err := h.fetchPinned(ctx, a.Name, path.Join(a.Source, name), want.SHA256)
		if err != nil {
			why = append(why, fmt.Errorf("%s: %w", name, err))
			continue
		}
		w, err := readWheel(want, file)
		if err != nil {
			return openWheel{}, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
		}
		return w, nil
	}
	if why == nil {
		return openWheel{}, errors.New("there is no wheel of it: put it there")
	}
	return openWheel{}, errors.Join(why...)
}

// readWheel finds the metadata of a wheel.
func readWheel(want host.Wheel, file *os.File) (openWheel, error) {
	w := openWheel{Wheel: want, file: file}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return w, err
	}
	if w.zip, err = zip.NewReader(file, size); err != nil {
		return w, fmt.Errorf("cannot read it as a wheel: %w", err)
	}
	if len(w.zip.File) > maxMembers {
		return w, errMembers()
	}
	for _, f := range w.zip.File {
		dir, rest, _ := strings.Cut(f.Name, "/")
		if stem, ok := strings.CutSuffix(dir, ".dist-info"); ok && rest == "METADATA" && w.info == "" {
			if name, _, _ := strings.Cut(stem, "-"); host.DistributionName(name) == w.Name {
				w.info = dir
			}
		}
	}
	if w.info == "" {
		return w, errors.New("cannot read it as a wheel: it has no METADATA of its own")
	}
	return w, nil
}

// maxMetadata is how large a file of a wheel's metadata may be, in bytes.
const maxMetadata = 4 << 20

// text is a file of the wheel's metadata; nil: there is none.
func (w openWheel) text(name string) ([]byte, error) {
	for _, f := range w.zip.File {
		if f.Name != w.info+"/"+name {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("cannot read its %s: %w", name, err)
		}
		defer in.Close()
		data, err := io.ReadAll(io.LimitReader(in, maxMetadata+1))
		if err == nil && len(data) > maxMetadata {
			err = fmt.Errorf("it has more than %d MiB", maxMetadata>>20)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read its %s: %w", name, err)
		}
		return data, nil
	}
	return nil, nil
}
