package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/cli"
)

// jsonSchema is a schema of schema output, of which the order of the fields is kept.
type jsonSchema struct {
	Ref         string    `yaml:"$ref"`
	Description string    `yaml:"description"`
	Type        yaml.Node `yaml:"type"`
	Const       string    `yaml:"const"`
	Enum        []string  `yaml:"enum"`
	Format      string    `yaml:"format"`
	Items       *jsonSchema
	OneOf       []jsonSchema `yaml:"oneOf"`
	Required    []string
	Properties  yaml.Node
	Defs        yaml.Node `yaml:"$defs"`
}

// documents is a table for each part of the documents that --format json writes.
func documents() (string, error) {
	var out bytes.Buffer
	app := cli.App{Out: &out, Err: &out}
	if code := app.Run(context.Background(), []string{"schema", "output"}); code != 0 {
		return "", errors.New(out.String())
	}
	var root jsonSchema
	if err := yaml.Unmarshal(out.Bytes(), &root); err != nil {
		return "", fmt.Errorf("cannot read the schema: %w", err)
	}
	var parts []string
	err := each(root.Defs, func(name string, s jsonSchema) error {
		if len(s.Properties.Content) == 0 {
			return nil // a plain number
		}
		rows, err := s.rows("")
		parts = append(parts, fmt.Sprintf("### `%s`: %s\n\n| Field | Type | |\n|---|---|---|\n%s", name, s.Description, rows))
		return err
	})
	return strings.Join(parts, "\n"), err
}

// each goes through a map of schemas in its order.
func each(n yaml.Node, do func(name string, s jsonSchema) error) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		var s jsonSchema
		if err := n.Content[i+1].Decode(&s); err != nil {
			return fmt.Errorf("cannot read the schema of %s: %w", n.Content[i].Value, err)
		}
		if err := do(n.Content[i].Value, s); err != nil {
			return err
		}
	}
	return nil
}

// rows are the fields of an object, and those of objects in it behind a dot.
func (s jsonSchema) rows(before string) (string, error) {
	var out strings.Builder
	err := each(s.Properties, func(name string, f jsonSchema) error {
		fmt.Fprintf(&out, "| `%s%s` | %s | %s |\n", before, name, cell(f.kind()), cell(f.Description))
		within := f
		for within.Items != nil {
			within, name = *within.Items, name+"[]"
		}
		rows, err := within.rows(before + name + ".")
		if within.Ref == "" {
			out.WriteString(rows)
		}
		return err
	})
	return out.String(), err
}

// kind names the type of a field's values.
func (s jsonSchema) kind() string {
	switch _, name, ref := strings.Cut(s.Ref, "#/$defs/"); {
	case ref && name == "count":
		return "number"
	case ref:
		return "`" + name + "`"
	case s.Const != "":
		return "`" + s.Const + "`"
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "` `") + "`"
	case s.Items != nil:
		return "list of " + s.Items.kind()
	case len(s.OneOf) > 0:
		var kinds []string
		for _, one := range s.OneOf {
			kinds = append(kinds, one.kind())
		}
		return strings.Join(kinds, " or ")
	}
	types := []string{s.Type.Value}
	for _, t := range s.Type.Content {
		types = append(types, t.Value)
	}
	text := strings.TrimPrefix(strings.Join(types, " or "), " or ")
	text = strings.NewReplacer("string", "text", "boolean", "true or false", "integer", "number", "object", "fields").Replace(text)
	if s.Format == "date-time" {
		text = strings.Replace(text, "text", "time (RFC 3339)", 1)
	}
	return text
}
