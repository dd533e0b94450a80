package local

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// treeOf reads the configuration that a check is about, by path: nil if there
// is none, or its main file cannot be read.
func (h *Host) treeOf(c host.Check) (map[string][]byte, error) {
	if c.Tree == nil {
		return nil, nil
	}
	files := map[string][]byte{}
	if main, err := readAsProgram(c.Tree.Main); err == nil && main != nil {
		files[filepath.Clean(c.Tree.Main)] = main
	}
	names, err := h.ReadDir(c.Tree.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, stagePrefix) {
			continue
		}
		path := filepath.Join(c.Tree.Dir, name)
		data, err := readAsProgram(path)
		if err != nil {
			return nil, err
		}
		if data != nil {
			files[path] = data
		}
	}
	replaceFiles(files, c.Tree.Predicted)
	if !c.Tree.Apart && files[filepath.Clean(c.Tree.Main)] == nil {
		return nil, nil
	}
	return files, nil
}

// replaceFiles puts other contents into a tree; nil removes.
func replaceFiles(files map[string][]byte, by map[string]*host.Content) {
	for path, content := range by {
		if content == nil {
			delete(files, path)
		} else {
			files[path] = append([]byte{}, content.Bytes()...)
		}
	}
}

// readAsProgram reads what a program would that opens a path: links are
// followed. Nil: no file is there.
func readAsProgram(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if absent(err) || errors.Is(err, unix.ELOOP) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, err
	}
	return readRegular(fd, path)
}

// checkTree lets the program judge a configuration as it will be with the
// content; see host.CheckTree.
func (h *Host) checkTree(ctx context.Context, c host.Check, content host.Content, there map[string][]byte) error {
	t := *c.Tree
	mine := filepath.Join(t.Dir, t.Name)
	with := maps.Clone(there)
	for path, declared := range t.Declared {
		if declared == nil {
			delete(with, path)
		}
	}
	with[mine] = content.Bytes()
	refused := h.judgeTree(ctx, c, content, with)
	var verdict *host.CheckError
	if !errors.As(refused, &verdict) {
		return refused
	}
	without := maps.Clone(there)
	delete(without, mine)
	already := h.judgeTree(ctx, c, host.NewContent(nil), without)
	switch {
	case already == nil:
		if c.Tree.Apart {
			verdict.Output += h.atOdds(ctx, c, content, with, mine)
		}
		return refused
	case !errors.As(already, &verdict):
		return already
	}
	replaceFiles(with, t.Declared)
	err := h.judgeTree(ctx, c, content, with)
	if errors.As(err, new(*host.CheckError)) {
		verdict.Already = true
		return verdict
	}
	return err
}

// atOdds names the files without which the program would accept the content: it may
// not say itself what it is at odds with.
func (h *Host) atOdds(ctx context.Context, c host.Check, content host.Content, with map[string][]byte, mine string) string {
	var others []string
	for path := range with {
		if path == mine {
			continue
		}
		rest := maps.Clone(with)
		delete(rest, path)
		if h.judgeTree(ctx, c, content, rest) == nil {
			others = append(others, path)
		}
	}
	if len(others) == 0 {
		return ""
	}
	slices.Sort(others)
	return "; it is at odds with " + strings.Join(others, ", ") + ": have them say the same, or declare that one absent"
}

// judgeTree stages a configuration and has it judged.
func (h *Host) judgeTree(ctx context.Context, c host.Check, content host.Content, files map[string][]byte) error {
	return h.stageTree(c, files, false, func(dir, main string) error {
		_, err := h.judgeIn(ctx, c, content, dir, main)
		return err
	})
}

// Evaluate stages the configuration as it is, with what is predicted of it, and
// has the program print what it comes to.
func (h *Host) Evaluate(ctx context.Context, c host.Check) (string, error) {
	if len(c.Argv) == 0 || c.Tree == nil {
		return "", errors.New("cannot evaluate a configuration: the check names no program, or no tree")
	}
	what := "what " + c.Argv[0] + " makes of " + c.Tree.Main
	if _, err := findProgram(c.Argv[0]); err != nil {
		return "", &host.UnknownError{What: what, Why: c.Argv[0] + " is not installed", Err: err}
	}
	if c.Root && os.Geteuid() != 0 {
		return "", &host.UnknownError{What: what, Why: "only root can ask it"}
	}
	files, err := h.treeOf(c)
	whole := err == nil && beyond(c.Tree)
	if whole {
		files, err = host.ReadConfiguration(h, c.Tree)
	}
	if err != nil {
		return "", unseen(what, err)
	}
	if files == nil || whole && files[filepath.Clean(c.Tree.Main)] == nil {
		return "", &host.UnknownError{What: what, Why: "the file is not there"}
	}
	return h.evaluated.once(h.evaluationKey(c, files), func() (said string, err error) {
		err = h.stageTree(c, files, whole, func(dir, main string) error {
			ask := func() error {
				said, err = h.judgeIn(ctx, c, host.NewContent(nil), dir, main)
				return err
			}
			if c.Argv[0] == "sshd" {
				return h.separated(ask)
			}
			return ask()
		})
		return said, err
	})
}

// beyond reports whether files are predicted that are neither the main one nor in the
// directory: they are included from elsewhere.
func beyond(t *host.CheckTree) bool {
	for path := range t.Predicted {
		if path != filepath.Clean(t.Main) && filepath.Dir(path) != filepath.Clean(t.Dir) {
			return true
		}
	}
	return false
}

// stageTree stages a configuration in dir, as only root can read it. Whole says that
// all files that it includes are among them, wherever they are.
func (h *Host) stageTree(c host.Check, files map[string][]byte, whole bool, do func(dir, main string) error) error {
	return h.apart(func(dir string) error {
		main := filepath.Clean(c.Tree.Main)
		for path, data := range files {
			switch {
			case h.foreign:
				if c.Argv[0] == "cvtsudoers" {
					data = withoutDirs(data, path, main, files)
				}
				data = includeStaged(data, func(arg string) string { return foreignInclude(arg, path, main, dir) })
			case whole:
				data = includeStaged(data, func(arg string) string { return foreignInclude(arg, path, main, dir) })
			case path == main && !c.Tree.Apart:
				data = includeStaged(data, func(arg string) string { return stagedInclude(arg, *c.Tree, dir) })
			}
			if err := os.MkdirAll(dir+filepath.Dir(path), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(dir+path, data, 0o440); err != nil { //nolint:gosec // in a directory of root's alone; sudo wants this mode
				return err
			}
			if err := os.Chmod(dir+path, 0o440); err != nil { //nolint:gosec // whatever the umask is
				return err
			}
		}
		if err := os.MkdirAll(dir+filepath.Clean(c.Tree.Dir), 0o700); err != nil {
			return err
		}
		return do(dir, dir+main)
	})
}

// judgeIn asks a program about the configuration that is staged in dir.
func (h *Host) judgeIn(ctx context.Context, c host.Check, content host.Content, dir, main string) (string, error) {
	var o runOptions
	if h.foreign {
		var err error
		if c, o, err = foreignRun(c, dir); err != nil {
			return "", err
		}
	}
	return judge(ctx, c, content, main, strings.NewReplacer(dir+"/", "/"), o)
}

// includeStaged has a file include other paths than it says.
func includeStaged(data []byte, instead func(arg string) string) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(data) {
		m := host.IncludeLine().FindSubmatch(line)
		if m == nil {
			out.Write(line)
			continue
		}
		out.Write(m[1])
		for i, arg := range bytes.Fields(m[2]) {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(instead(string(arg)))
		}
		out.Write(m[3])
	}
	return out.Bytes()
}

// stagedInclude makes the main file include the staged directory instead of the
// real one. What it includes else stays what it is: relative paths are so to where
// the main file really is.
func stagedInclude(arg string, t host.CheckTree, staged string) string {
	path := strings.Trim(arg, `"`)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(t.Main), path)
	}
	dir := filepath.Clean(t.Dir)
	if clean := filepath.Clean(path); clean == dir || filepath.Dir(clean) == dir {
		return staged + clean
	}
	if filepath.IsAbs(strings.Trim(arg, `"`)) {
		return arg
	}
	return path
}
