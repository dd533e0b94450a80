// Package ansible holds the collection by which Ansible brings opsafe to many hosts and
// runs it there: three action plugins and a role. It packs it as ansible-galaxy installs it.
package ansible

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed collection
var files embed.FS

// unreleased is the version that the sources have.
const unreleased = "0.0.0"

// entry is a line of FILES.json, as ansible-galaxy collection build writes it.
type entry struct {
	Name   string  `json:"name"`
	Type   string  `json:"ftype"` // file or dir
	Sum    string  `json:"chksum_type,omitempty"`
	Digest *string `json:"chksum_sha256"`
	Format int     `json:"format"`
}

// Collection is the collection as a file tar.gz, by the format of Ansible's collections:
// MANIFEST.json, which names FILES.json by its digest, and the files that this names. The
// same version and time give the same bytes. The version is without a v before it.
func Collection(version string, at time.Time) ([]byte, error) {
	content, listed, err := read(version)
	if err != nil {
		return nil, fmt.Errorf("cannot read the collection: %w", err)
	}
	list, err := json.MarshalIndent(map[string]any{"files": listed, "format": 1}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cannot list the collection: %w", err)
	}
	manifest, err := manifestOf(content["galaxy.yml"], list)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	add := func(name string, data []byte) error {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: at, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	if err := add("MANIFEST.json", manifest); err != nil {
		return nil, fmt.Errorf("cannot pack the collection: %w", err)
	}
	if err := add("FILES.json", list); err != nil {
		return nil, fmt.Errorf("cannot pack the collection: %w", err)
	}
	for _, e := range listed {
		switch {
		case e.Type == "file":
			err = add(e.Name, content[e.Name])
		case e.Name != ".":
			err = t.WriteHeader(&tar.Header{Name: e.Name + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: at, Format: tar.FormatUSTAR})
		}
		if err != nil {
			return nil, fmt.Errorf("cannot pack the collection: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("cannot pack the collection: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("cannot pack the collection: %w", err)
	}
	return out.Bytes(), nil
}

// read takes the files of the collection, with the version put in, and lists them.
func read(version string) (map[string][]byte, []entry, error) {
	content, listed := map[string][]byte{}, []entry{}
	err := fs.WalkDir(files, "collection", func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "."
		if at != "collection" {
			name = strings.TrimPrefix(at, "collection/")
		}
		if path.Base(name) == "__pycache__" {
			return fs.SkipDir
		}
		if d.IsDir() {
			listed = append(listed, entry{Name: name, Type: "dir", Format: 1})
			return nil
		}
		data, err := files.ReadFile(at)
		if err != nil {
			return err
		}
		if name == "galaxy.yml" {
			data = bytes.Replace(data, []byte("version: "+unreleased), []byte("version: "+version), 1)
			content[name] = data
			return nil // its content is that of the manifest
		}
		sum := digest(data)
		content[name] = data
		listed = append(listed, entry{Name: name, Type: "file", Sum: "sha256", Digest: &sum, Format: 1})
		return nil
	})
	return content, listed, err
}

// manifestOf is MANIFEST.json: what galaxy.yml says, and the digest of the list of files.
func manifestOf(galaxy, list []byte) ([]byte, error) {
	var said struct {
		Namespace, Name, Version, Readme, Description string
		Authors, License                              []string
	}
	if err := yaml.Unmarshal(galaxy, &said); err != nil {
		return nil, fmt.Errorf("cannot read galaxy.yml: %w", err)
	}
	sum := digest(list)
	out, err := json.MarshalIndent(map[string]any{
		"collection_info": map[string]any{
			"namespace": said.Namespace, "name": said.Name, "version": said.Version, "readme": said.Readme,
			"description": said.Description, "authors": said.Authors, "license": said.License, "license_file": nil,
			"tags": []string{}, "dependencies": map[string]string{}, "repository": nil, "documentation": nil, "homepage": nil, "issues": nil,
		},
		"file_manifest_file": entry{Name: "FILES.json", Type: "file", Sum: "sha256", Digest: &sum, Format: 1},
		"format":             1,
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cannot write MANIFEST.json: %w", err)
	}
	return out, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
