package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// object is a JSON object; encoding/json writes its fields in order.
type object = map[string]any

// draft is the newest that editors know well.
const draft = "http://json-schema.org/draft-07/schema#"

// BackendSchema is the JSON Schema of backend.yaml, and of what it includes.
func BackendSchema() ([]byte, error) {
	g := &generator{schema: newSchema(), defs: object{}}
	top := g.structure(reflect.TypeFor[Backend]())
	top["title"] = "backend.yaml of opsafe"
	return g.document(top)
}

// PeopleSchema is the JSON Schema of developers.yaml, which may be empty.
func PeopleSchema() ([]byte, error) {
	g := &generator{schema: newSchema(), defs: object{}}
	person := g.structure(reflect.TypeFor[Person]())
	person["required"] = []string{"roles"}
	g.defs["Person"] = person
	return g.document(object{
		"title": peopleFile + " of opsafe", "type": []string{"object", "null"},
		"propertyNames": accountForm().schema("string"), "additionalProperties": ref("Person"),
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
		one := f.form.schema("string")
		return object{"anyOf": []any{one, object{"type": "array", "items": one}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.named(t)
	case reflect.Map:
		return g.mapping(f, t)
	case reflect.Slice:
		return g.list(f, t)
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return f.form.schema("integer")
	default:
		return f.form.schema("string")
	}
}

// named puts a type of its own into the definitions.
func (g *generator) named(t reflect.Type) object {
	if _, ok := g.defs[t.Name()]; !ok {
		g.defs[t.Name()] = nil // no type holds itself; this is for order only
		g.defs[t.Name()] = g.structure(t)
	}
	return ref(t.Name())
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
		for _, name := range f.names.words {
			properties[name] = ref("Free")
		}
		out["properties"], out["additionalProperties"] = properties, false
		return out
	case elem == reflect.TypeFor[Package]():
		state, _ := g.schema.reference(elem, "state")
		out["additionalProperties"] = object{"anyOf": []any{state.form.schema("string"), g.named(elem)}}
	default:
		out["additionalProperties"] = g.value(Field{form: f.form}, elem)
	}
	if f.names != nil {
		out["propertyNames"] = f.names.schema("string")
	}
	return out
}

func (g *generator) list(f Field, t reflect.Type) object {
	items := g.value(Field{form: f.form}, t.Elem())
	out := object{"type": "array", "items": items}
	if f.list.distinct {
		out["uniqueItems"] = true
		if _, ok := items["pattern"]; !ok || f.form.says == lineForm().says {
			items["minLength"] = 1
		}
	}
	if f.list.nonEmpty {
		out["minItems"] = 1
	}
	if f.list.contains != "" {
		out["contains"] = object{"type": "string", "pattern": f.list.contains}
	}
	return out
}

func article(noun string) string {
	if strings.ContainsRune("aeiouAEIOU", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// schema is the JSON Schema of one value.
func (f form) schema(typ string) object {
	out := object{"type": typ}
	if len(f.words) > 0 {
		out["enum"] = slices.Clone(f.words)
	}
	if f.pattern != "" {
		out["pattern"] = f.pattern
		if f.says != "" {
			out["patternErrorMessage"] = "want " + article(f.says) // read by editors
		}
	}
	if f.min != 0 {
		out["minimum"] = f.min
	}
	if f.max != 0 {
		out["maximum"] = f.max
	}
	if f.longest != 0 {
		out["maxLength"] = f.longest
	}
	if f.not != nil {
		out["not"] = f.not
	}
	return out
}
