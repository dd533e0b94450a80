package compose

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Extra is what opsafe adds to a service.
type Extra struct {
	Labels map[string]string
	// Environment is all of the service's variables: those of its files, too.
	Environment map[string]string
}

// Render writes some of the project's services as one compose file, in which nothing
// is left to fill in or to read, with extras by the names of services. Services that
// these refer to are in it, too, as far as compose needs that to find their containers.
// It is JSON, which is YAML, and holds nothing that docker-compose 1.29 does not know.
func (p *Project) Render(extras map[string]Extra) ([]byte, error) {
	data, err := json.Marshal(p.model)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	services, _ := m["services"].(map[string]any)
	there := p.withReferred(extras)
	for name, of := range services {
		s, ok := of.(map[string]any)
		if !ok || !there[name] {
			delete(services, name)
			continue
		}
		delete(s, "env_file")
		delete(s, "pull_policy")
		shortPorts(s)
		depends(s, there)
		extra, wanted := extras[name]
		if !wanted {
			delete(s, "environment")
			continue
		}
		s["environment"] = texts(extra.Environment)
		labels, _ := s["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		for k, v := range extra.Labels {
			labels[k] = v
		}
		s["labels"] = labels
	}
	external(m)
	return json.Marshal(escaped(m))
}

// external leaves of networks and volumes that are made elsewhere what docker-compose 1.29
// takes there: their names.
func external(m map[string]any) {
	for _, section := range []string{"networks", "volumes"} {
		all, _ := m[section].(map[string]any)
		for name, of := range all {
			if one, ok := of.(map[string]any); ok && one["external"] == true {
				all[name] = map[string]any{"external": true, "name": one["name"]}
			}
		}
	}
}

// withReferred are services with those that they refer to, and what these refer to.
func (p *Project) withReferred(extras map[string]Extra) map[string]bool {
	there := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		s := p.Service(name)
		if s == nil || there[name] {
			return
		}
		there[name] = true
		for _, other := range s.Refers {
			add(other)
		}
	}
	for name := range extras {
		add(name)
	}
	return there
}

// depends leaves of a service's dependencies those that are in the file, and of them
// what docker-compose 1.29 knows.
func depends(s map[string]any, there map[string]bool) {
	on, _ := s["depends_on"].(map[string]any)
	for name, d := range on {
		if !there[name] {
			delete(on, name)
		} else if d, ok := d.(map[string]any); ok {
			delete(d, "required")
			delete(d, "restart")
		}
	}
	if len(on) == 0 {
		delete(s, "depends_on")
	}
}

// shortPorts writes a service's ports in the short form, which has the host's address:
// the long form of docker-compose 1.29 has no host_ip. What else the long form says is
// for swarms, or for people.
func shortPorts(s map[string]any) {
	ports, _ := s["ports"].([]any)
	for i := range ports {
		p, ok := ports[i].(map[string]any)
		if !ok {
			continue
		}
		text := fmt.Sprint(p["target"])
		published, _ := p["published"].(string)
		address, _ := p["host_ip"].(string)
		if strings.Contains(address, ":") {
			address = "[" + address + "]"
		}
		switch {
		case address != "":
			text = address + ":" + published + ":" + text
		case published != "":
			text = published + ":" + text
		}
		if protocol, _ := p["protocol"].(string); protocol != "" {
			text += "/" + protocol
		}
		ports[i] = text
	}
}

func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// escaped is a value in which a dollar stands for itself. What is null is left out:
// networks alone may be.
func escaped(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "$", "$$")
	case []any:
		for i := range v {
			v[i] = escaped(v[i])
		}
	case map[string]any:
		for k := range v {
			if v[k] == nil && (k == "command" || k == "entrypoint") {
				delete(v, k)
				continue
			}
			v[k] = escaped(v[k])
		}
	}
	return v
}
