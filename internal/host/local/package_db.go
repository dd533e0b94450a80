package local

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
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
	index  map[string]*aptIndex // by architecture
	// searched are indexes in which one name has been searched for, by NAME:ARCHITECTURE.
	searched map[string]*aptIndex
	// refreshed is the stamp of the sources from which the index was fetched last.
	refreshed string
}

func (p *packageDB) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.index, p.searched = nil, nil, nil
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
	if s.auto, err = autoInstalled(p.root+"/var/lib/apt/extended_states", s.native); err != nil {
		return nil, unknown("which packages apt has installed for others", err)
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
	// native is the host's own architecture.
	native string
	// auto are the keys of packages that apt has installed for others.
	auto map[string]bool
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
	s.native = s.findNative()
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

// find returns the stanza of a package, by its key or by NAME:ARCH. The later
// stanza of one architecture overrides the earlier.
func (s *dpkgStatus) find(name string) ([]byte, bool) {
	key := host.NativeKey(name, s.native)
	base, _, _ := strings.Cut(key, ":")
	for _, at := range slices.Backward(s.offsets(base)) {
		if st := s.stanza(at); s.key(base, st) == key {
			return st, true
		}
	}
	return nil, false
}

// offsets are those of all stanzas of a name, in order.
func (s *dpkgStatus) offsets(name string) []int {
	if more := s.more[name]; more != nil {
		return more
	}
	if at, ok := s.at[name]; ok {
		return []int{at}
	}
	return nil
}

// key is that of a stanza.
func (s *dpkgStatus) key(name string, stanza []byte) string {
	return host.PackageKey(name, field(stanza, "Architecture"), s.native)
}

// stanzas calls yield for the stanza that counts of every package of a name.
func (s *dpkgStatus) stanzas(name string, yield func(key string, stanza []byte) bool) bool {
	var seen []string
	for _, at := range slices.Backward(s.offsets(name)) {
		st := s.stanza(at)
		key := s.key(name, st)
		if slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		if !yield(key, st) {
			return false
		}
	}
	return true
}

// each calls yield for the stanza that counts of every package.
func (s *dpkgStatus) each(yield func(key string, stanza []byte) bool) {
	for name := range s.at {
		if !s.stanzas(name, yield) {
			return
		}
	}
}

// findNative reads the architecture of dpkg itself.
func (s *dpkgStatus) findNative() string {
	at, ok := s.at["dpkg"]
	if !ok {
		return debianArch(runtime.GOARCH)
	}
	return field(s.stanza(at), "Architecture")
}

// packageOf reads a stanza. Nil for a package of which nothing is on disk and
// nothing is remembered but what was once wanted.
func (s *dpkgStatus) packageOf(key string, stanza []byte) *host.Package {
	words := strings.Fields(field(stanza, "Status"))
	if len(words) != 3 || words[2] == "not-installed" {
		return nil
	}
	return &host.Package{
		Name:    key,
		Version: field(stanza, "Version"),
		State:   host.PackageState(words[2]),
		Hold:    words[0] == "hold",
		Auto:    s.auto[key],
	}
}

// all calls yield for every package.
func (s *dpkgStatus) all(yield func(*host.Package) bool) {
	for key, st := range s.each {
		if p := s.packageOf(key, st); p != nil && !yield(p) {
			return
		}
	}
}

// foreign are the packages of a name that are not of the host's architecture.
func (s *dpkgStatus) foreign(name string) []host.Package {
	var out []host.Package
	s.stanzas(name, func(key string, st []byte) bool {
		if p := s.packageOf(key, st); p != nil && key != name {
			out = append(out, *p)
		}
		return true
	})
	slices.SortFunc(out, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// torn lists the packages that dpkg was stopped amid unpacking, sorted. They
// cannot be configured: they have to be unpacked anew.
func (s *dpkgStatus) torn() []string {
	var out []string
	for key, st := range s.each {
		if words := strings.Fields(field(st, "Status")); len(words) == 3 && words[1] == "reinstreq" {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// leaving are the packages that are half installed: apt removes the rest of them, or
// unpacks them anew, whatever else it does.
func (s *dpkgStatus) leaving() map[string]bool {
	out := map[string]bool{}
	for p := range s.all {
		if p.State == host.HalfInstalled {
			out[p.Name] = true
		}
	}
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
