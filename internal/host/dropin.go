package host

import (
	"path"
	"strings"
)

// SudoReads reports whether sudo reads a file of that name in a directory that
// @includedir names, see sudoers(5).
func SudoReads(name string) bool {
	return !strings.Contains(name, ".") && !strings.HasSuffix(name, "~")
}

// ReadsDropIn reports whether the program that reads a directory of drop-ins may read
// a file of that name in it: of sudo's and Debian's sshd's directories it is known,
// of others all may be read.
func ReadsDropIn(dir, name string) bool {
	switch path.Clean(dir) {
	case "/etc/sudoers.d":
		return SudoReads(name)
	case "/etc/ssh/sshd_config.d":
		return path.Ext(name) == ".conf"
	}
	return true
}
