package compose

import (
	"regexp"
	"sync"
)

// plain reports whether files say nothing but a few common things, each in a form that
// the format's schema always allows. Then the schema need not be read, which takes
// longer than the rest of a run: it is asked of every file that is not plain.
func plain(files []File) bool {
	forms, items := plainFields(), map[string]bool{}
	for _, f := range files {
		m, err := read(f)
		if err != nil {
			return false
		}
		services, ok := m["services"].(map[string]any)
		if !ok || len(m) > 1 {
			return false
		}
		for name, s := range services {
			fields, ok := s.(map[string]any)
			if !ok || !serviceName().MatchString(name) {
				return false
			}
			for field, value := range fields {
				if form := forms[field]; form == nil || !form(value, items, name+" "+field) {
					return false
				}
			}
		}
	}
	return true
}

var serviceName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9._-]+$`) })

// form reports whether a value has a form. It adds the items of lists to those that
// files have had so far, since a list must not have one twice once files are merged.
type form func(value any, items map[string]bool, at string) bool

// plainFields are the fields of services that are understood here.
func plainFields() map[string]form {
	return map[string]form{
		"image": isText, "restart": isText, "user": isText, "working_dir": isText, "hostname": isText,
		"container_name": isName, "environment": isValues, "labels": isValues, "logging": isLogging,
		"group_add": isTexts, "dns": isTexts, "env_file": isTexts, "volumes": isTexts, "ports": isTexts,
		"command": isTexts, "depends_on": isTexts, "networks": isTexts, "security_opt": isTexts,
		"cap_add": isTexts, "cap_drop": isTexts, "extra_hosts": isTexts,
	}
}

func isText(value any, _ map[string]bool, _ string) bool {
	_, ok := value.(string)
	return ok
}

func isName(value any, _ map[string]bool, _ string) bool {
	s, _ := value.(string)
	return containerName().MatchString(s)
}

var containerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) })

func isTexts(value any, items map[string]bool, at string) bool {
	list, ok := value.([]any)
	for _, v := range list {
		s, text := v.(string)
		item := at + " " + s
		if !text || items[item] {
			return false
		}
		items[item] = true
	}
	return ok
}

func isValues(value any, _ map[string]bool, _ string) bool {
	m, ok := value.(map[string]any)
	for key, v := range m {
		switch v.(type) {
		case string, int, bool, nil:
		default:
			return false
		}
		ok = ok && key != ""
	}
	return ok
}

func isLogging(value any, items map[string]bool, at string) bool {
	m, ok := value.(map[string]any)
	for key, v := range m {
		if key == "driver" && isText(v, items, at) || key == "options" && isOptions(v) {
			continue
		}
		return false
	}
	return ok
}

// isOptions has texts alone: the format knows neither true nor false there.
func isOptions(value any) bool {
	m, ok := value.(map[string]any)
	for key, v := range m {
		if _, text := v.(string); !text || key == "" {
			return false
		}
	}
	return ok
}
