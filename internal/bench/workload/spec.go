package workload

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Backend is the name of the only backend of the spec.
const Backend = "bench"

type object = map[string]any

// WriteSpec writes the state as a spec repository of opsafe's.
func (s *State) WriteSpec(dir string) error {
	people := object{}
	files := map[string][]byte{}
	for _, p := range s.People {
		people[p.Name] = object{"roles": []string{"developers"}}
		files["keys/"+p.Name] = []byte(p.Keys)
	}
	for name, content := range map[string]object{
		"developers.yaml": people, "backends/" + Backend + "/backend.yaml": s.backend(),
	} {
		data, err := yaml.Marshal(content)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		files[name] = data
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("cannot write the spec: %w", err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("cannot write the spec: %w", err)
		}
	}
	return nil
}

func (s *State) backend() object {
	groups := object{}
	for _, g := range s.Groups {
		groups[g.Name] = object{}
		if g.GID != 0 {
			groups[g.Name] = object{"gid": g.GID}
		}
	}
	packages := object{}
	for _, p := range s.Packages {
		packages[p] = "installed"
	}
	b := object{
		"people": []string{"developers"},
		"roles": object{"developers": object{
			"groups": s.PeopleGroups, "shell": "/bin/bash", "home_mode": "0750", "keys": []string{"repository"},
		}},
		"groups": groups,
		"users": object{s.Service.Name: object{
			"uid": s.Service.UID, "system": true, "home": s.Service.Home, "shell": "/bin/bash", "groups": s.Service.Groups,
		}},
		"packages": packages,
		"units":    s.units(),
	}
	s.addPaths(b)
	return b
}

func (s *State) addPaths(b object) {
	dirs, acls := object{}, object{}
	for _, d := range s.Dirs {
		dirs[d.Path] = object{"owner": d.Owner, "group": d.Group, "mode": d.Mode}
	}
	for _, a := range s.ACLs {
		entry := []string{"group:" + Reviewers + ":" + a.Perm}
		acls[a.Path] = object{"access": entry, "default": entry}
	}
	files, sudoers, sshd := object{}, object{}, object{}
	for _, f := range s.Files {
		switch {
		case strings.HasPrefix(f.Path, SudoersDir):
			sudoers[strings.TrimPrefix(f.Path, SudoersDir)] = object{"content": f.Content}
		case strings.HasPrefix(f.Path, SshdDir):
			sshd[strings.TrimSuffix(strings.TrimPrefix(f.Path, SshdDir), ".conf")] = object{"content": f.Content}
		default:
			files[f.Path] = restarting(object{"content": f.Content, "owner": f.Owner, "group": f.Group, "mode": f.Mode}, f.Restart)
		}
	}
	for _, l := range s.Lines {
		files[l.Path] = restarting(object{"lines": l.Lines}, l.Restart)
	}
	b["directories"], b["acls"], b["files"], b["sudoers"], b["sshd"] = dirs, acls, files, sudoers, sshd
}

func restarting(file object, unit string) object {
	if unit != "" {
		file["notify"] = object{"restart": []string{unit}}
	}
	return file
}

func (s *State) units() object {
	units := object{}
	at := func(name string) object {
		u, ok := units[name].(object)
		if !ok {
			u = object{}
			units[name] = u
		}
		return u
	}
	for _, u := range s.Units {
		at(u.Name)["content"] = u.Content
	}
	for _, name := range s.Enabled {
		at(name)["enabled"] = true
	}
	for _, name := range s.Running {
		at(name)["running"] = true
	}
	return units
}
