package offboard

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// crontabs are the tables in which each line names its user, and the directory of
// more of them.
const (
	systemCrontab = "/etc/crontab"
	cronDir       = debian.CronDir
)

// cronTables lists the tables of the whole system.
func cronTables(r host.Reader) ([]string, error) {
	names, err := r.ReadDir(cronDir)
	if err != nil {
		return []string{systemCrontab}, err
	}
	out := []string{systemCrontab}
	for _, name := range names {
		out = append(out, path.Join(cronDir, name))
	}
	return out, nil
}

// cronUser is whose job a line of such a table is. Empty: it is no job.
func cronUser(line string) string {
	words := strings.Fields(line)
	const times = 5 // minute, hour, day, month, day of the week
	switch {
	case len(words) == 0 || words[0][0] == '#':
		return ""
	case words[0][0] == '@' && len(words) > 2:
		return words[1]
	case strings.ContainsAny(words[0][:1], "0123456789*-") && len(words) > times+1:
		return words[times]
	}
	return "" // a variable
}

// systemJobs are the tables with jobs of the person's, but for those that the spec
// declares.
func (o Offboarding) systemJobs(r host.Reader) []kind.Resource {
	tables, _ := cronTables(r) // what cannot be read is said in the end
	var out []kind.Resource
	for _, at := range tables {
		if o.declaresFile(at) {
			continue
		}
		data, err := r.ReadFile(at)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if cronUser(line) == o.Name {
				out = append(out, kind.Resource{ID: change.ID{Kind: "cron", Name: at}, Looker: jobsLook{path: at, user: o.Name}})
				break
			}
		}
	}
	return out
}

// declaresFile reports whether the spec declares what is in a file.
func (o Offboarding) declaresFile(at string) bool {
	if o.Declared == nil {
		return false
	}
	f := o.Declared.Files[at]
	return f != nil && f.State != stateAbsent
}

// jobsLook takes a person's jobs out of a table; one that holds no others goes.
type jobsLook struct{ path, user string }

func (l jobsLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.path)
	if err != nil || n == nil || n.Type != host.TypeFile {
		return c, err
	}
	data, err := r.ReadFile(l.path)
	if err != nil {
		return c, err
	}
	var left strings.Builder
	others := l.path == systemCrontab
	for line := range strings.Lines(string(data)) {
		switch user := cronUser(line); user {
		case l.user:
			c.Differ("job", strings.TrimSpace(line), "")
			continue
		case "":
		default:
			others = true
		}
		left.WriteString(line)
	}
	if len(c.Attrs) == 0 {
		return change.Change{}, nil
	}
	if others {
		c.Action = change.Modify
		c.Steps = []host.Step{host.WriteFile{
			Path: l.path, Content: host.NewContent([]byte(left.String())), Owner: n.Owner, Group: n.Group, Access: n.Access,
		}}
		return c, nil
	}
	c.Action = change.Remove
	c.Steps = []host.Step{host.RemovePath{Path: l.path}}
	return c, nil
}

// mailFiles are files in a home by which others have programs run in its owner's
// name, or let somebody in.
func mailFiles() []string {
	return []string{".forward", ".procmailrc", ".mailfilter", ".rhosts", ".shosts", ".k5login"}
}

// homeJobsLook removes them.
type homeJobsLook struct{ name string }

func (l homeJobsLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	u, err := r.User(l.name)
	if err != nil || u == nil || !path.IsAbs(u.Home) {
		return change.Change{}, err
	}
	var files []string
	for _, name := range mailFiles() {
		files = append(files, path.Join(u.Home, name))
	}
	return kind.RemoveWithCopies(r, l.name, slices.Clip(files), nil)
}
