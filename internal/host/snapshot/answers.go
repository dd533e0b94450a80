package snapshot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// Answer is a question that a Recorder has passed on, and what came of it.
type Answer struct {
	Question string
	// Data is the whole answer, to be compared. It may be secret, or hold what
	// not everybody may read: then Private is set.
	Data    []byte
	Private bool
	// Words say it in short, and Items if it is a list. Neither shows the content
	// of a file.
	Words string
	Items []string
}

// Answers lists all that has been asked until now, in order, once.
func (r *Recorder) Answers() ([]Answer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Answer, 0, len(r.order)+len(r.verdicts))
	for _, question := range r.order {
		a, err := answerOf(question, r.asked[question])
		if err != nil {
			return nil, err
		}
		path, content := strings.CutPrefix(question, askContent(""))
		a.Private = content && r.private(path)
		out = append(out, a)
	}
	for _, key := range slices.Sorted(maps.Keys(r.verdicts)) {
		v := r.verdicts[key]
		a, err := answerOf("what "+key+" says", asked{value: v})
		if err != nil {
			return nil, err
		}
		a.Words = "accepted"
		if v.Refused != nil || v.Missing || v.Trouble != nil {
			a.Words = "not accepted"
		}
		out = append(out, a)
	}
	return out, nil
}

// private reports whether not everybody may read the content of a file, or the
// spec says that it is secret.
func (r *Recorder) private(path string) bool {
	if r.secrets.Paths[path] || r.secrets.Variables[path] != nil {
		return true
	}
	n, err := r.base.Stat(path)
	return err != nil || n == nil || !host.Everybody(r.base, path, *n)
}

func answerOf(question string, a asked) (Answer, error) {
	out := Answer{Question: question}
	if problem := a.err; problem != nil {
		out.Data, out.Words = []byte("error "+problem.Error()), "it cannot be told: "+problem.Error()
		return out, nil //nolint:nilerr // it is the answer
	}
	text, err := plain(settled(a.value))
	if err != nil {
		return out, err
	}
	out.Data = []byte(text)
	out.Words, out.Items = words(a.value)
	return out, nil
}

// settled is an answer without what nobody sees of it: how many files there are in
// a tree that is as it has to be.
func settled(v any) any {
	if scan, ok := v.(*host.TreeScan); ok && scan != nil && scan.Differ == 0 {
		c := *scan
		c.Total = 0
		return &c
	}
	return v
}

// words say an answer in short.
func words(v any) (text string, items []string) {
	switch v := v.(type) {
	case *host.User:
		if v != nil {
			return fmt.Sprintf("uid %d, gid %d, home %s, shell %s", v.UID, v.GID, v.Home, v.Shell), nil
		}
	case *host.Group:
		if v != nil {
			return "gid " + strconv.Itoa(v.GID), v.Members
		}
	case *host.Password:
		if v != nil {
			return v.String(), nil
		}
	case *host.GroupShadow:
		if v != nil {
			return "password " + string(v.Password), v.Admins
		}
	case []host.User:
		for _, u := range v {
			items = append(items, u.Name)
		}
		return "", items
	case []host.Package:
		for _, p := range v {
			items = append(items, strings.TrimSpace(p.Name+" "+p.Version))
		}
		return "", items
	case []host.Network:
		for _, n := range v {
			items = append(items, n.Name)
		}
		return "", items
	case []host.Container:
		for _, c := range v {
			items = append(items, c.Name)
		}
		return "", items
	case []host.UnpackedTree:
		for _, u := range v {
			items = append(items, u.Path)
		}
		return "", items
	case []host.Group:
		for _, g := range v {
			items = append(items, g.Name)
		}
		return "", items
	case []string:
		return "", v
	case *host.Node:
		if v != nil {
			return strings.Join(append([]string{string(v.Type), v.Owner + ":" + v.Group, v.Access.Mode().String()}, v.Access.Lines()...), " "), nil
		}
	case *host.Package:
		if v != nil {
			marks := map[bool]string{true: " held"}[v.Hold] + map[bool]string{true: " auto"}[v.Auto]
			return strings.TrimSpace(fmt.Sprintf("%s %s%s", v.State, v.Version, marks)), nil
		}
	case *host.Unit:
		if v != nil {
			return v.Active + ", " + v.File, nil
		}
	case *host.Engine:
		if v != nil {
			return v.Version, nil
		}
	case *host.Network:
		if v != nil {
			return v.Interface + " " + v.Subnet, v.Containers
		}
	case *host.Firewall:
		if v != nil {
			return fmt.Sprintf("%d addresses, digest %.12s", v.List().Count, v.List().Digest), nil
		}
	case *host.Image:
		if v != nil {
			return v.ID, v.Digests
		}
	case *host.TreeScan:
		if v != nil {
			return fmt.Sprintf("%d paths differ from the rule", v.Differ), nil
		}
	case host.Traces:
		return fmt.Sprintf("%d processes, %d sessions", v.Processes, len(v.Sessions)), nil
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v], nil
	case []byte:
		if v != nil {
			return fmt.Sprintf("%d bytes", len(v)), nil
		}
	case []host.Pending:
		for _, p := range v {
			items = append(items, string(p.Verb)+" "+p.Unit)
		}
		return "", items
	default:
		return "", nil
	}
	return "not there", nil
}
