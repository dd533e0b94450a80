package access

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Defaults that say where sudo logs input and output.
const (
	iologDir  = "iolog_dir"
	iologFile = "iolog_file"
)

// sudoLogs is whether sudo may log input or output of what they run, and where: what
// it cannot log so, it does not run.
type sudoLogs struct {
	on        bool
	dir, file string // empty for sudo's own
}

// note notes options of Defaults or of a rule.
func (l *sudoLogs) note(options []map[string]any) {
	for _, o := range options {
		for name, value := range o {
			switch text, _ := value.(string); {
			case name == iologDir:
				l.dir = text
			case name == iologFile:
				l.file = text
			case slices.Contains([]string{"log_input", "log_output", "log_stdin", "log_stdout", "log_stderr", "log_ttyin", "log_ttyout"}, name):
				l.on = l.on || value != false
			}
		}
	}
}

// sudoLogs judges whether sudo can log input and output, see I/O LOG FILES in
// sudoers(5): every directory on the way to the logs is root's, or not there yet, and so
// is the file that numbers them.
func (j *judge) sudoLogs() error {
	if !j.logs.on {
		return nil
	}
	dir, file := j.logs.dir, j.logs.file
	if dir == "" {
		dir = "/var/log/sudo-io"
	}
	if file == "" {
		file = "%{seq}"
	}
	known := strings.NewReplacer("%{user}", j.user.Name, "%{runas_user}", root, "%{runas_group}", root)
	at := "/"
	for name := range strings.SplitSeq(known.Replace(path.Join(dir, file)), "/") {
		if strings.Contains(name, "%") {
			if name != "%{seq}" {
				j.doubt("sudo logs input or output, and where is not known: " + path.Join(dir, file))
			}
			return j.sudoLogsIn(at)
		}
		at = path.Join(at, name)
		there, err := j.sudoLogTo(at, host.TypeDir)
		if err != nil || !there {
			return err
		}
	}
	return nil
}

// sudoLogsIn judges what is in the directory of numbered logs.
func (j *judge) sudoLogsIn(dir string) error {
	names, err := j.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		typ := host.TypeDir
		if name == "seq" {
			typ = host.TypeFile
		}
		if _, err := j.sudoLogTo(path.Join(dir, name), typ); err != nil {
			return err
		}
	}
	return nil
}

// sudoLogTo reports whether what sudo logs to is there, and doubts it if it is something
// else than root's.
func (j *judge) sudoLogTo(at string, typ host.NodeType) (there bool, err error) {
	n, err := j.Stat(at)
	if err != nil || n == nil {
		return false, err
	}
	if n.Type != typ || n.Owner != root {
		j.doubt(fmt.Sprintf("sudo logs input or output, and may not be able to at %s, which is a %s of %s", at, n.Type, n.Owner))
		return false, nil
	}
	return true, nil
}
