package local

import (
	"errors"
	"fmt"
	"maps"

	"github.com/coreos/go-systemd/v22/journal"
)

// Log adds an entry to the system journal, with fields by which it can be found.
func Log(message string, failed bool, fields map[string]string) error {
	if !journal.Enabled() {
		return errors.New("cannot write to the system journal: journald does not listen")
	}
	priority := journal.PriInfo
	if failed {
		priority = journal.PriErr
	}
	vars := maps.Clone(fields)
	vars["SYSLOG_IDENTIFIER"] = "opsafe"
	if err := journal.Send(message, priority, vars); err != nil {
		return fmt.Errorf("cannot write to the system journal: %w", err)
	}
	return nil
}
