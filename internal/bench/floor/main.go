// Command floor reads, once and in the cheapest way there is, every piece of
// the host that the benchmark's state speaks about, and changes nothing: no
// program that knows whether the host is in that state can take less time.
//
//	floor STATE.json
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"

	"opsafe/internal/bench/workload"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f := &floor{}
	if err := json.Unmarshal(data, &f.state); err != nil {
		return err
	}
	f.accounts()
	f.paths()
	f.acls()
	f.packages()
	if err := f.units(); err != nil {
		return err
	}
	if f.differ > 0 {
		return fmt.Errorf("%d of what is declared differs, first %s: the host is not in the state that is measured", f.differ, f.first)
	}
	return nil
}

type floor struct {
	state  workload.State
	differ int
	first  string
}

func (f *floor) want(ok bool, what string) {
	if ok {
		return
	}
	if f.differ++; f.differ == 1 {
		f.first = what
	}
}

// accounts reads each database in one pass.
func (f *floor) accounts() {
	have := map[string]bool{}
	for _, file := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"} {
		data, _ := os.ReadFile(file)
		for _, line := range strings.Split(string(data), "\n") {
			c := strings.Split(line, ":")
			have[file+c[0]] = true
			if len(c) != 4 {
				continue
			}
			for _, m := range strings.Split(c[3], ",") {
				have[file+c[0]+"/"+m] = true
			}
		}
	}
	for _, g := range f.state.Groups {
		f.want(have["/etc/group"+g.Name], g.Name)
	}
	f.want(have["/etc/passwd"+f.state.Service.Name], f.state.Service.Name)
	for _, p := range f.state.People {
		f.want(have["/etc/passwd"+p.Name] && have["/etc/shadow"+p.Name], p.Name)
		for _, g := range f.state.PeopleGroups {
			f.want(have["/etc/group"+g+"/"+p.Name], g)
		}
	}
}

func (f *floor) paths() {
	for _, p := range f.state.People {
		f.stat("/home/" + p.Name)
		f.stat("/home/" + p.Name + "/.ssh")
		f.content("/home/"+p.Name+"/.ssh/authorized_keys", p.Keys)
	}
	for _, d := range f.state.Dirs {
		f.stat(d.Path)
	}
	for _, file := range f.state.Files {
		f.content(file.Path, file.Content)
	}
	for _, u := range f.state.Units {
		f.content("/etc/systemd/system/"+u.Name, u.Content)
	}
	for _, l := range f.state.Lines {
		data, _ := os.ReadFile(l.Path)
		for _, line := range l.Lines {
			f.want(bytes.Contains(data, []byte(line+"\n")), line)
		}
	}
}

func (f *floor) stat(path string) int64 {
	var st syscall.Stat_t
	f.want(syscall.Lstat(path, &st) == nil, path)
	return st.Size
}

func (f *floor) content(path, want string) {
	size := f.stat(path)
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		f.want(false, path)
		return
	}
	buf := make([]byte, size+1)
	n, err := syscall.Read(fd, buf)
	syscall.Close(fd)
	f.want(err == nil && string(buf[:n]) == want, path)
}

func (f *floor) acls() {
	buf := make([]byte, 512)
	for _, a := range f.state.ACLs {
		for _, attr := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
			n, err := syscall.Getxattr(a.Path, attr, buf)
			f.want(err == nil && n > 0, a.Path)
		}
	}
}

func (f *floor) packages() {
	data, _ := os.ReadFile("/var/lib/dpkg/status")
	for _, p := range f.state.Packages {
		field := "\nPackage: " + p + "\n"
		_, stanza, ok := bytes.Cut(data, []byte(field))
		if !ok {
			stanza, ok = bytes.CutPrefix(data, []byte(field[1:]))
		}
		f.want(ok && bytes.HasPrefix(stanza, []byte("Status: install ok installed")), p)
	}
}

// units asks systemd twice: what runs, and what is enabled.
func (f *floor) units() error {
	conn, err := dbus.Dial("unix:path=/run/systemd/private")
	if err != nil {
		return err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal("0")}); err != nil {
		return err
	}
	manager := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	const iface = "org.freedesktop.systemd1.Manager."
	var units, files [][]any
	if err := manager.Call(iface+"ListUnitsByNames", 0, f.state.Enabled).Store(&units); err != nil {
		return err
	}
	f.want(len(units) == len(f.state.Enabled), "units")
	if err := manager.Call(iface+"ListUnitFilesByPatterns", 0, []string{}, f.state.Enabled).Store(&files); err != nil {
		return err
	}
	for _, u := range files {
		f.want(u[1] == "enabled", fmt.Sprint(u[0]))
	}
	return nil
}
