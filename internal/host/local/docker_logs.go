package local

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

const (
	// lastLines is how many lines of its log are kept of a container that goes away.
	lastLines = 100
	// longestLine is how many bytes each has on the average, at most.
	longestLine = 400
)

// keepWords keeps the last lines that a container has said where root alone can read them,
// since they may tell of anybody's data, and returns where; empty: there are none.
func (h *Host) keepWords(ctx context.Context, c *client.Client, id string, of host.ServiceRef) string {
	text := lastWords(ctx, c, id)
	if text == "" {
		return ""
	}
	at := path.Join(notes.Said, strings.ReplaceAll(of.Project+"."+of.Service, "/", "_")+".log")
	steps, err := notes.Write(h, at, []byte(text+"\n"))
	for _, s := range steps {
		if step, ok := s.(host.FileStep); ok && err == nil {
			err = h.doFile(ctx, step)
		}
	}
	if err != nil {
		return fmt.Sprintf("what the new container of %s has said last is lost: %v", of, err)
	}
	return fmt.Sprintf("what the new container of %s has said last is in %s", of, at)
}

// lastWords are the last lines that a container has said; empty: there are none, or the engine
// does not keep them. Values of its environment are left out.
func lastWords(ctx context.Context, c *client.Client, id string) string {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	more, err := c.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil || more.Container.Config == nil {
		return ""
	}
	logs, err := c.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lastLines)})
	if err != nil {
		return ""
	}
	defer logs.Close()
	said := &tailBuffer{max: lastLines * longestLine}
	if more.Container.Config.Tty {
		_, err = io.Copy(said, logs)
	} else {
		_, err = stdcopy.StdCopy(said, said, logs)
	}
	text := said.lines(said.max)
	if err != nil || text == "" {
		return ""
	}
	var everybodys []string // who has the image has them
	if image, err := c.ImageInspect(ctx, more.Container.Image); err == nil && image.Config != nil {
		everybodys = image.Config.Env
	}
	text, _ = without(printable(text), environmentValues(more.Container.Config.Env, everybodys))
	return text
}

// printable is a text without what a terminal obeys.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
}

// environmentValues are the values of an environment, but for those that the image has:
// each may be a secret, and so may be the password of an address.
func environmentValues(all, image []string) []host.Content {
	var out []host.Content
	for _, v := range all {
		_, value, _ := strings.Cut(v, "=")
		if slices.Contains(image, v) {
			continue
		}
		out = append(out, host.NewSecret([]byte(value)))
		if u, err := url.Parse(value); err == nil && u.User != nil {
			if password, is := u.User.Password(); is {
				out = append(out, host.NewSecret([]byte(password)))
			}
		}
	}
	return out
}
