// Package newrepo writes a new repository of specs: the first files of somebody who
// begins with opsafe, with comments that say how to go on.
package newrepo

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"path"
	"text/template"

	"opsafe/internal/kinds"
)

//go:embed templates
var templates embed.FS

// Options say what is in the repository.
type Options struct {
	// Backend is the name of the one backend.
	Backend string
	// Person is who begins; nil: nobody is listed.
	Person *Person
	// Adopted is a part of a spec that was taken over from the host, and Referred
	// declares what that refers to, both as YAML. Empty: there is none.
	Adopted, Referred string
	// Beside are files that Adopted refers to, by their paths beside it.
	Beside map[string]File
	// Program is the SHA-256 of opsafe, in hexadecimal, which hosts and the workflow
	// make sure of; Version is what it calls itself, and Architecture what it runs on,
	// by Go's name.
	Program, Version, Architecture string
	// From is the address of the place where opsafe can be fetched from; empty: it is
	// not known.
	From string
}

// File is a file of the repository.
type File struct {
	Data []byte
	// Secret says that not everybody may read it.
	Secret bool
}

// Files are the files of the repository, by their paths in it.
func Files(o Options) (map[string]File, error) {
	backend := path.Join("backends", o.Backend)
	out := map[string]File{}
	for name, from := range map[string]string{
		"README.md":                        "README.md",
		"developers.yaml":                  "developers.yaml",
		path.Join(backend, "backend.yaml"): "backend.yaml",
		".github/workflows/opsafe.yml":     "workflow.yml",
		"opsafe.sha256":                    "opsafe.sha256",
	} {
		data, err := fill(from, o)
		if err != nil {
			return nil, err
		}
		out[name] = File{Data: data}
	}
	script, err := templates.ReadFile("templates/get-opsafe") // its marks are bash's
	if err != nil {
		return nil, fmt.Errorf("cannot read get-opsafe: %w", err)
	}
	out["get-opsafe"] = File{Data: script}
	for name, schema := range map[string]func() ([]byte, error){
		".backend.schema.json": kinds.Language().BackendSchema, ".developers.schema.json": kinds.Language().PeopleSchema,
	} {
		data, err := schema()
		if err != nil {
			return nil, err
		}
		out[name] = File{Data: data}
	}
	for name, text := range map[string]string{"adopted.yaml": o.Adopted, "referred.yaml": o.Referred} {
		if text != "" {
			out[path.Join(backend, name)] = File{Data: []byte(text)}
		}
	}
	if o.Person != nil && o.Person.Listed && len(o.Person.Keys) > 0 {
		out[path.Join("keys", o.Person.Name)] = File{Data: o.Person.Keys}
	}
	for name, f := range maps.All(o.Beside) {
		out[path.Join(backend, name)] = f
	}
	return out, nil
}

// fill fills in a template. Its marks are [[ and ]]: a workflow has braces of its own.
func fill(name string, o Options) ([]byte, error) {
	t, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the template of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, o); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return out.Bytes(), nil
}
