package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWriteLock: the file is there as a whole or not at all, within the
// repository, and nothing is left beside it.
func TestWriteLock(t *testing.T) {
	const text = "# keys\n"
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string) // before, below the repository
		data    string
		says    string // of an error; empty: it is written
	}{
		"no keys at all": {prepare: func(*testing.T, string) {}},
		"over another": {prepare: func(t *testing.T, dir string) {
			write(t, dir+"/keys/github.lock", "old\n", 0o600)
		}},
		"what a process has left that was killed": {prepare: func(t *testing.T, dir string) {
			write(t, fmt.Sprintf("%s/keys/.github.lock.%d", dir, os.Getpid()), "half", 0o600)
		}},
		"a directory in its place": {says: "cannot write keys/github.lock", prepare: func(t *testing.T, dir string) {
			write(t, dir+"/keys/github.lock/x", "", 0o644)
		}},
		"keys/ leads out of the repository": {says: "path escapes from parent", prepare: func(t *testing.T, dir string) {
			if err := os.Symlink(t.TempDir(), dir+"/keys"); err != nil {
				t.Fatal(err)
			}
		}},
		"a link within the repository": {prepare: func(t *testing.T, dir string) {
			write(t, dir+"/pins/lock", "old\n", 0o600)
			if err := errors.Join(os.Mkdir(dir+"/keys", 0o755), os.Symlink("../pins/lock", dir+"/keys/github.lock")); err != nil {
				t.Fatal(err)
			}
		}},
		"a link out of it": {says: "escapes from parent", prepare: func(t *testing.T, dir string) {
			if err := errors.Join(os.Mkdir(dir+"/keys", 0o755), os.Symlink("../../lock", dir+"/keys/github.lock")); err != nil {
				t.Fatal(err)
			}
		}},
		"two names": {prepare: func(t *testing.T, dir string) {
			write(t, dir+"/keys/github.lock", "old\n", 0o600)
			if err := os.Link(dir+"/keys/github.lock", dir+"/other"); err != nil {
				t.Fatal(err)
			}
		}},
		"too large to be read again": {data: strings.Repeat("#\n", 1<<19+1), says: "more than can be read again", prepare: func(*testing.T, string) {}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			data := tt.data
			if data == "" {
				data = text
			}
			err := writeLock(dir, []byte(data))
			left, globErr := filepath.Glob(dir + "/keys/.*")
			if len(left) > 0 || globErr != nil {
				t.Errorf("left behind: %v, %v", left, globErr)
			}
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("want an error that says %q: %v", tt.says, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(dir + "/keys/github.lock")
			if err != nil || string(got) != text {
				t.Errorf("%q, %v", got, err)
			}
			if st, err := os.Stat(dir + "/keys/github.lock"); err != nil || st.Mode() != 0o644 {
				t.Errorf("%v, %v", st.Mode(), err)
			}
		})
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
