package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"opsafe/internal/words"

	"gopkg.in/yaml.v3"
)

// object is a JSON object; encoding/json writes its fields in order.
type object = map[string]any

// draft is the newest that editors know well.
const draft = "http://json-schema.org/draft-07/schema#"

// BackendSchema is the JSON Schema of backend.yaml, and of what it includes.
func (l *Language) BackendSchema() ([]byte, error) {
	g := &generator{schema: l.schema, defs: object{}}
	top := g.structure(l.schema.top)
	top["title"] = "backend.yaml of opsafe"
	return g.document(top)
}

// PeopleSchema is the JSON Schema of developers.yaml, which may be empty.
func (l *Language) PeopleSchema() ([]byte, error) {
	g := &generator{schema: l.schema, defs: object{}}
	person := g.structure(reflect.TypeFor[Person]())
	person["required"] = []string{"roles"}
	g.defs["Person"] = person
	return g.document(object{
		"title": peopleFile + " of opsafe", "type": []string{"object", "null"},
		"propertyNames": AccountForm().schema("string"), "additionalProperties": ref("Person"),
	})
}

// generator makes a schema from the types and what the reference says of them.
// It is as strict as the loader, never stricter: a value that it refuses is
// refused by the loader wherever it counts. Included files are parts, so that
// no field of theirs is demanded.
type generator struct {
	schema *schema
	defs   object
	err    error
}

func ref(name string) object { return object{"$ref": "#/definitions/" + name} }

func (g *generator) document(top object) ([]byte, error) {
	if g.err != nil {
		return nil, g.err
	}
	top["$schema"] = draft
	top["definitions"] = g.defs
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		return nil, fmt.Errorf("cannot write the schema: %w", err)
	}
	return out.Bytes(), nil
}

// structure is the schema of a struct's fields.
func (g *generator) structure(t reflect.Type) object {
	info := g.schema.of(t)
	properties := object{}
	for name := range info.fields {
		f, ok := g.schema.reference(t, name)
		if !ok {
			g.err = fmt.Errorf("the reference does not know %s of %s", name, t.Name())
			return nil
		}
		properties[name] = g.field(f)
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(info.bodies) > 0 {
		out["dependencies"] = exclude(info.bodies)
	}
	return out
}

// exclude allows only one of the fields.
func exclude(fields []string) object {
	out := object{}
	for _, f := range fields {
		others := object{}
		for _, o := range fields {
			if o != f {
				others[o] = false
			}
		}
		out[f] = object{"properties": others}
	}
	return out
}

// field is the schema of a field's value, with what there is to say of it.
func (g *generator) field(f Field) object {
	out := g.value(f, deref(f.typ))
	if _, ok := out["$ref"]; ok {
		out = object{"allOf": []any{out}} // beside $ref, nothing else counts
	}
	out["description"] = f.Description()
	if f.Default != "" {
		out["default"] = g.plain(f.Default)
	}
	if example := g.plain(f.Example); example != nil {
		out["examples"] = []any{example}
	}
	return out
}

func (g *generator) plain(text string) any {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		g.err = fmt.Errorf("the reference holds %q: %w", text, err)
	}
	return v
}

func (g *generator) value(f Field, t reflect.Type) object {
	if t == reflect.TypeFor[Conditions]() {
		one := f.Form.schema("string")
		return object{"anyOf": []any{one, object{"type": "array", "items": one}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		if word, ok := g.schema.reference(t, short(t)); ok {
			return object{"anyOf": []any{word.Form.schema("string"), g.named(t)}}
		}
		return g.named(t)
	case reflect.Map:
		return g.mapping(f, t)
	case reflect.Slice:
		return g.list(f, t)
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return f.Form.schema("integer")
	default:
		return f.Form.schema("string")
	}
}

// named puts a type of its own into the definitions.
func (g *generator) named(t reflect.Type) object {
	name := typeName(t)
	if _, ok := g.defs[name]; !ok {
		g.defs[name] = nil // no type holds itself; this is for order only
		g.defs[name] = g.structure(t)
	}
	return ref(name)
}

func (g *generator) mapping(f Field, t reflect.Type) object {
	out := object{"type": "object"}
	elem := deref(t.Elem())
	switch {
	case elem.Kind() == reflect.Interface:
		// What becomes JSON holds anything but null, under names that are known.
		g.defs["Free"] = object{
			"type": []string{"string", "number", "boolean", "object", "array"}, "items": ref("Free"), "additionalProperties": ref("Free"),
		}
		properties := object{}
		for _, name := range f.Names.Words {
			properties[name] = ref("Free")
		}
		out["properties"], out["additionalProperties"] = properties, false
		return out
	default:
		out["additionalProperties"] = g.value(Field{Form: f.Form}, elem)
	}
	if f.Names != nil {
		out["propertyNames"] = f.Names.schema("string")
	}
	return out
}

func (g *generator) list(f Field, t reflect.Type) object {
	items := g.value(Field{Form: f.Form}, t.Elem())
	out := object{"type": "array", "items": items}
	if f.List.Distinct {
		out["uniqueItems"] = true
		if _, ok := items["pattern"]; !ok || f.Form.Says == LineForm().Says {
			items["minLength"] = 1
		}
	}
	if f.List.NonEmpty {
		out["minItems"] = 1
	}
	if f.List.Contains != "" {
		out["contains"] = object{"type": "string", "pattern": f.List.Contains}
	}
	return out
}

// schema is the JSON Schema of one value.
func (f Form) schema(typ string) object {
	out := object{"type": typ}
	if len(f.Words) > 0 {
		out["enum"] = slices.Clone(f.Words)
	}
	if f.Pattern != "" {
		out["pattern"] = f.Pattern
		if f.Says != "" {
			out["patternErrorMessage"] = "want " + words.Article(f.Says) // read by editors
		}
	}
	if f.Min != 0 {
		out["minimum"] = f.Min
	}
	if f.Max != 0 {
		out["maximum"] = f.Max
	}
	if f.Longest != 0 {
		out["maxLength"] = f.Longest
	}
	if f.Not != nil {
		out["not"] = f.Not
	}
	return out
}
