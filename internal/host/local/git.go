package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Behind counts the commits of one history that another lacks, by git. Nothing of the
// repository's own configuration makes it run anything: it reads commits alone, fetches
// none, and is not asked where another user could have written that configuration.
func Behind(ctx context.Context, dir, have, want string) (int, error) {
	out, err := git(ctx, dir, "rev-list", "--count", have+".."+want, "--")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// Staged names the files of a repository, of some directories and files in it, that are
// in git's index otherwise than in the commit that is checked out.
func Staged(ctx context.Context, dir string, of ...string) ([]string, error) {
	out, err := git(ctx, dir, append([]string{"diff-index", "--cached", "--name-only", "-z", "HEAD", "--"}, of...)...)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	for _, p := range []string{dir, filepath.Join(dir, ".git")} {
		info, err := os.Lstat(p)
		if err != nil {
			return "", err
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); !ok || sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
			return "", errors.New("the repository belongs to another user")
		}
	}
	argv := append([]string{"git", "-c", "safe.directory=" + dir, "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-C", dir}, args...)
	return run(ctx, argv, runOptions{env: []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
	}})
}
