package hosttest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Types of the Docker Image Manifest V 2, Schema 2.
const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar"
)

// Registry is a registry of images that an engine can pull from: as much of the
// Docker Registry HTTP API V2 as that takes.
type Registry struct {
	mu    sync.Mutex
	tags  map[string]string // digests of manifests, by NAME:TAG
	blobs map[string][]byte // and manifests, by digest
	asked int
}

// Put has an image of one program behind a name. Labels tell images apart.
func (r *Registry) Put(name, tag string, program []byte, argv []string, label string) error {
	layer, err := oneProgram(argv[0], program)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Cmd": argv, "Labels": map[string]string{"is": label}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	if err != nil {
		return err
	}
	part := func(mediaType string, data []byte) map[string]any {
		return map[string]any{"mediaType": mediaType, "size": len(data), "digest": digestOf(data)}
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": part(configType, config), "layers": []any{part(layerType, layer)},
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tags == nil {
		r.tags, r.blobs = map[string]string{}, map[string][]byte{}
	}
	for _, b := range [][]byte{layer, config, manifest} {
		r.blobs[digestOf(b)] = b
	}
	r.tags[name+":"+tag] = digestOf(manifest)
	return nil
}

// Asked is how many questions it has been asked.
func (r *Registry) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// oneProgram is a layer with one program in it.
func oneProgram(at string, program []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(at, "/"), Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, fmt.Errorf("cannot make a layer: %w", err)
	}
	if _, err := w.Write(program); err != nil {
		return nil, fmt.Errorf("cannot make a layer: %w", err)
	}
	return out.Bytes(), w.Close()
}

func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	rest, ok := strings.CutPrefix(q.URL.Path, "/v2/")
	if ok && rest == "" {
		return // it is a registry
	}
	name, what, isManifest := strings.Cut(rest, "/manifests/")
	digest, mediaType := what, manifestType
	if !isManifest {
		_, digest, _ = strings.Cut(rest, "/blobs/")
		mediaType = "application/octet-stream"
	} else if !strings.HasPrefix(what, "sha256:") {
		digest = r.tags[name+":"+what]
	}
	data, ok := r.blobs[digest]
	if !ok {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if q.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}
