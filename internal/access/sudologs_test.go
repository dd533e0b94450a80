package access

import (
	"testing"

	"opsafe/internal/host"
)

// TestSudoDefaults holds that a negation is harmless only where it is known to be.
func TestSudoDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		value    any
		harmless bool
	}{
		{"logfile", "/var/log/sudo.log", true},
		{"ignore_logfile_errors", true, true},
		{"ignore_logfile_errors", false, false},
		{"ignore_iolog_errors", false, false},
		{"ignore_audit_errors", false, false},
		{"insults", false, true},
		{"noexec", false, true},
		{"noexec", true, false},
		{"use_pty", true, true},
		{"passwd_tries", false, false},
		{"iolog_dir", "/var/log/x", true},
		{"iolog_dir", false, false},
		{"a_later_flag", false, false},
	} {
		if why := sudoDefault(tt.name, tt.value); (why == "") != tt.harmless {
			t.Errorf("%s=%v: %q", tt.name, tt.value, why)
		}
	}
}

// TestSudoLogs holds that it is doubted whether sudo can log to what is not a directory
// of root's.
func TestSudoLogs(t *testing.T) {
	t.Parallel()
	on := map[string]any{"log_output": true}
	for _, tt := range []struct {
		name    string
		options []map[string]any
		file    string // that is there
		doubt   bool
	}{
		{"nothing there", []map[string]any{on}, "", false},
		{"off", []map[string]any{{"log_output": false}}, "/var/log/sudo-io", false},
		{"a file", []map[string]any{on}, "/var/log/sudo-io", true},
		{"a file above", []map[string]any{on}, "/var/log", true},
		{"the number", []map[string]any{on}, "/var/log/sudo-io/seq", false},
		{"a file in place of a log", []map[string]any{on}, "/var/log/sudo-io/00", true},
		{"elsewhere", []map[string]any{on, {"iolog_dir": "/dev/null/x"}}, "/dev/null", true},
		{"of each user", []map[string]any{on, {"iolog_file": "%{user}/%{seq}"}}, "/var/log/sudo-io/alice", true},
		{"of another user", []map[string]any{on, {"iolog_file": "%{user}/%{seq}"}}, "/var/log/sudo-io/bob", false},
		{"unknown", []map[string]any{on, {"iolog_dir": "/var/log/%Y"}}, "/var/log/x", true},
	} {
		w := newWorld()
		if tt.file != "" {
			w.file(tt.file, "")
		}
		j := &judge{Reader: w.reader(), user: host.User{Name: "alice"}}
		j.logs.note(tt.options)
		if err := j.sudoLogs(); err != nil || len(j.doubts) > 0 != tt.doubt {
			t.Errorf("%s: %q, %v", tt.name, j.doubts, err)
		}
	}
}
