package snapshot

import (
	"context"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"sync"

	"opsafe/internal/host"
)

// JudgeWith has a judge answer what the record holds no verdict on, as far as the
// whole configuration is recorded. It is to be called before the first question.
func (r *Reader) JudgeWith(j host.Judge) { r.judge = j }

// judged asks the judge. Not ok: it cannot be told from what is recorded.
func (r *Reader) judged(ctx context.Context, c host.Check, content *host.Content) (says string, err error, ok bool) { //nolint:revive // the error is an answer
	if r.judge == nil || c.Tree == nil && c.Unit == nil {
		return "", nil, false
	}
	files := map[string][]byte{}
	if t := c.Tree; t != nil {
		more := slices.Collect(maps.Values(t.Declared))
		var unread error
		if files, unread = host.ReadConfiguration(r, t, append(more, content)...); unread != nil || files[path.Clean(t.Main)] == nil {
			return "", nil, false //nolint:nilerr // what is not recorded whole is not judged
		}
		if content == nil && c.Argv[0] == "sshd" && byGroup(files) {
			return "", nil, false // who is in a group, sshd asks the machine that it runs on
		}
	}
	if content == nil {
		says, err = r.judge.EvaluateFiles(ctx, c, files)
	} else {
		err = r.judge.JudgeFiles(ctx, c, *content, files)
	}
	return says, err, err == nil || errors.As(err, new(*host.CheckError))
}

var groupMatch = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^[ \t]*match[ \t=].*\bgroup\b`) })

func byGroup(files map[string][]byte) bool {
	for _, data := range files {
		if groupMatch().Match(data) {
			return true
		}
	}
	return false
}
