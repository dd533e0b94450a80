package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"opsafe/internal/host"
)

// packageDB is dpkg's database and apt's index, each read at most once until
// forget. Its zero value reads the machine's own.
type packageDB struct {
	root string // before /var: for tests

	mu     sync.Mutex
	status *dpkgStatus
	index  *aptIndex
}

func (p *packageDB) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.index = nil, nil
}

// dpkg returns dpkg's status, which is read once.
func (p *packageDB) dpkg() (*dpkgStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status != nil {
		return p.status, nil
	}
	s, err := readStatus(p.root + "/var/lib/dpkg")
	if err != nil {
		return nil, unknown("dpkg's database", err)
	}
	p.status = s
	return s, nil
}

// readStatus reads the status file, and the stanzas that dpkg has not merged
// into it yet: a dpkg that was killed leaves them in updates/, in files with
// names of digits, of which the later ones count.
func readStatus(dir string) (*dpkgStatus, error) {
	data, err := os.ReadFile(dir + "/status")
	if err != nil {
		return nil, err
	}
	names, err := dpkgUpdates(dir)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	for _, name := range names {
		update, err := os.ReadFile(dir + "/updates/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // merged a moment ago: the status file was read before
		}
		if err != nil {
			return nil, err
		}
		data = append(append(data, '\n'), update...)
	}
	return indexStatus(data), nil
}

// dpkgUpdates are the names of the stanzas that dpkg has not merged into its
// status file. While there are any and no dpkg is at work, apt-get refuses to do
// anything.
func dpkgUpdates(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir + "/updates")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") == "" {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// dpkgStatus is dpkg's status file with the place of each package's stanza.
// Fields are only read of the packages that are asked for: a host has some
// thousand, and a run asks for twenty.
type dpkgStatus struct {
	data []byte
	at   map[string]int   // the stanza's offset, by name: the last one counts
	more map[string][]int // all offsets of names that occur more than once
}

const packageField = "Package: "

// indexStatus finds the stanzas. A line that begins with "Package: " begins a
// stanza, since dpkg writes that field first and continuation lines begin with
// a blank.
func indexStatus(data []byte) *dpkgStatus {
	s := &dpkgStatus{data: data, at: make(map[string]int, len(data)/1200+16)}
	begin := 0
	if !bytes.HasPrefix(data, []byte(packageField)) {
		begin = nextStanza(data, 0)
	}
	for begin >= 0 {
		rest := data[begin+len(packageField):]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		name := string(bytes.TrimSpace(rest[:end]))
		if first, twice := s.at[name]; twice {
			if s.more == nil {
				s.more = map[string][]int{}
			}
			if s.more[name] == nil {
				s.more[name] = []int{first}
			}
			s.more[name] = append(s.more[name], begin)
		}
		s.at[name] = begin
		begin = nextStanza(data, begin)
	}
	return s
}

// nextStanza is the offset of the next line after from that begins a stanza;
// -1 for none. It looks for the field's capital P, which is rare, rather than
// for the end of a line, which is not: that makes it several times faster.
func nextStanza(data []byte, from int) int {
	for at := from + 1; at < len(data); at++ {
		i := bytes.Index(data[at:], []byte(packageField))
		if i < 0 {
			return -1
		}
		if at += i; data[at-1] == '\n' {
			return at
		}
	}
	return -1
}

// stanza is the stanza that begins at an offset.
func (s *dpkgStatus) stanza(at int) []byte {
	data := s.data[at:]
	if end := bytes.Index(data, []byte("\n\n")); end >= 0 {
		return data[:end]
	}
	return data
}

// field reads a field's first line. Names are as dpkg writes them.
func field(stanza []byte, name string) string {
	i := bytes.Index(stanza, []byte("\n"+name+": "))
	if i < 0 {
		return ""
	}
	value := stanza[i+len(name)+3:]
	if end := bytes.IndexByte(value, '\n'); end >= 0 {
		value = value[:end]
	}
	return string(bytes.TrimSpace(value))
}

// find returns the stanza of a package. Of a package that is there for several
// architectures it is that of the machine's own; name:ARCH asks for another.
func (s *dpkgStatus) find(name string) ([]byte, bool) {
	name, arch, qualified := strings.Cut(name, ":")
	at, ok := s.at[name]
	if !ok {
		return nil, false
	}
	if !qualified && s.more[name] == nil {
		return s.stanza(at), true
	}
	if !qualified {
		arch = s.nativeArch()
	}
	offsets := s.more[name]
	if offsets == nil {
		offsets = []int{at}
	}
	// The later stanza of one architecture overrides the earlier.
	for _, at := range slices.Backward(offsets) {
		if st := s.stanza(at); field(st, "Architecture") == arch {
			return st, true
		}
	}
	return s.stanza(at), !qualified
}

// nativeArch is the architecture of dpkg itself.
func (s *dpkgStatus) nativeArch() string {
	at, ok := s.at["dpkg"]
	if !ok {
		return ""
	}
	return field(s.stanza(at), "Architecture")
}

// packageOf reads a stanza. Nil for a package of which nothing is on disk and
// nothing is remembered but what was once wanted.
func packageOf(stanza []byte) *host.Package {
	words := strings.Fields(field(stanza, "Status"))
	if len(words) != 3 || words[2] == "not-installed" {
		return nil
	}
	first, _, _ := bytes.Cut(stanza, []byte("\n"))
	return &host.Package{
		Name:    string(bytes.TrimSpace(bytes.TrimPrefix(first, []byte(packageField)))),
		Version: field(stanza, "Version"),
		State:   host.PackageState(words[2]),
		Hold:    words[0] == "hold",
	}
}

// all calls yield for every package, the one that counts of each name.
func (s *dpkgStatus) all(yield func(*host.Package) bool) {
	for name := range s.at {
		st, _ := s.find(name)
		if p := packageOf(st); p != nil && !yield(p) {
			return
		}
	}
}

// torn lists the packages that dpkg was stopped amid unpacking, sorted. They
// cannot be configured: they have to be unpacked anew.
func (s *dpkgStatus) torn() []string {
	var out []string
	for name := range s.at {
		st, _ := s.find(name)
		if words := strings.Fields(field(st, "Status")); len(words) == 3 && words[1] == "reinstreq" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// base reports whether a package is a library, or of those that every host has.
func (s *dpkgStatus) base(name string) bool {
	stanza, _ := s.find(name)
	priority := field(stanza, "Priority")
	section := path.Base(field(stanza, "Section")) // without its archive's area: non-free/libs
	return field(stanza, "Essential") == "yes" || priority == "required" || priority == "important" || section == "libs" || section == "oldlibs"
}

// broken lists the packages that a dpkg which was stopped left behind, sorted:
// nothing else can be installed before they are configured.
func (s *dpkgStatus) broken() []string {
	var out []string
	for p := range s.all {
		switch p.State {
		case host.Unpacked, host.HalfConfigured, host.HalfInstalled, host.TriggersPending, host.TriggersAwaited:
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return out
}
