package compose

import (
	"encoding/json"
	"iter"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/schema"
)

// formats are the fields that the format has at the top of a file, and in its sections.
func formats() map[string]fields {
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var all struct {
		object
		Parts map[string]object `json:"$defs"`
	}
	if json.Unmarshal([]byte(schema.Schema), &all) != nil {
		return nil
	}
	out := map[string]fields{"": all.Properties}
	for section, part := range map[string]string{"services": "service", "networks": "network", "volumes": "volume", "secrets": "secret", "configs": "config"} {
		out[section] = all.Parts[part].Properties
	}
	maps.Copy(out["services"], all.Parts["container_spec"].Properties)
	out["healthcheck"], out["deploy"] = all.Parts["healthcheck"].Properties, all.Parts["deployment"].Properties
	return out
}

type fields map[string]json.RawMessage

// fieldsOf yields the fields that there can be at a path; of a deep one, none are known.
func fieldsOf(path string) iter.Seq[string] {
	at := strings.Split(path, ".")
	switch {
	case path == "":
		return maps.Keys(formats()[""])
	case len(at) == 2:
		return maps.Keys(formats()[at[0]])
	case len(at) == 3 && at[0] == "services":
		return maps.Keys(formats()[at[2]])
	}
	return maps.Keys(fields(nil))
}
