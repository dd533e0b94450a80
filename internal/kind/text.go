package kind

import (
	"bytes"
	"context"
	"fmt"
	"text/template"
	"unicode/utf8"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// templateData is what a template beside a spec may refer to.
type templateData struct {
	// Backend is the backend's name.
	Backend string
	// Values are the backend's declared values.
	Values map[string]string
	// Host are the facts of the machine.
	Host host.MachineFacts
}

// text is content that is written in or beside a spec, with what a template
// needs.
type text struct {
	spec.Text
	backend string
	values  map[string]string
}

// text gives an item's content what it needs to be rendered.
func (in *Input) text(t spec.Text) text {
	return text{Text: t, backend: in.Backend.Name, values: in.Backend.Values}
}

// given reports whether the item has content at all.
func (t text) given() bool { return t.Content != nil || t.Source != "" || t.Template != "" }

// render gives the content as it is to be on this host. It never returns nil
// without an error: empty content is content.
func (t text) render(_ context.Context, r host.Reader) ([]byte, error) {
	switch {
	case t.Content != nil:
		return []byte(*t.Content), nil
	case t.Template != "":
		facts, err := r.Facts()
		if err != nil {
			return nil, err
		}
		facts.Unbooted = false // what a file holds is the same before it boots
		return renderTemplate(t.Template, string(t.Data), templateData{Backend: t.backend, Values: t.values, Host: facts})
	default:
		return append([]byte{}, t.Data...), nil
	}
}

// renderTemplate is strict: a value that nobody declares is an error, and so is
// more output than opsafe compares.
func renderTemplate(name, body string, data templateData) ([]byte, error) {
	if data.Values == nil {
		data.Values = map[string]string{}
	}
	t, err := template.New(name).Option("missingkey=error").Parse(body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the template: %w", err)
	}
	var out limited
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("cannot render the template: %w", err)
	}
	return append([]byte{}, out.Bytes()...), nil
}

// limited is a buffer that refuses to grow beyond host.MaxFile.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > host.MaxFile {
		return 0, fmt.Errorf("the content is larger than %d MiB", host.MaxFile>>20)
	}
	return l.Buffer.Write(p)
}

// isBinary reports whether content is not fit to be shown as text.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data)
}
