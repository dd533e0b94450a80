package workload

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed playbook.yml
var playbook []byte

// WritePlaybook writes the state as a playbook of Ansible's own modules, playbook.yml, for
// a group of hosts that is called opsafe, and its variables, state.json.
func (s *State) WritePlaybook(dir string) error {
	state, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot write the state: %w", err)
	}
	for name, data := range map[string][]byte{"playbook.yml": playbook, "state.json": state} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return fmt.Errorf("cannot write the playbook: %w", err)
		}
	}
	return nil
}
