package local

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"opsafe/internal/words"
)

// statusFD is the descriptor on which a program that is run tells how far it has come:
// the first behind the standard ones.
const statusFD = 3

// statusPipe is what a program tells by statusFD. It is read to its end, whatever is
// told: a program that could not write would stand still.
type statusPipe struct {
	ours, theirs *os.File
	done         chan struct{} // closed when nothing is read any more
}

// newStatusPipe passes lines on until the pipe is closed. Nil: nobody wants to know.
func newStatusPipe(tell func(line string)) (*statusPipe, error) {
	if tell == nil {
		return nil, nil
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	s := &statusPipe{ours: ours, theirs: theirs, done: make(chan struct{})}
	go s.read(tell)
	return s, nil
}

// files are what the program gets besides the standard ones.
func (s *statusPipe) files() []*os.File {
	if s == nil {
		return nil
	}
	return []*os.File{s.theirs}
}

func (s *statusPipe) read(tell func(line string)) {
	defer close(s.done)
	r := bufio.NewReader(s.ours)
	for long := false; ; {
		line, more, err := r.ReadLine()
		if err != nil {
			return
		}
		if !more && !long {
			tell(string(line))
		}
		long = more // what is longer than the buffer is no line of a program's that is known
	}
}

// started leaves the program alone with its end. It does the same where none was started.
func (s *statusPipe) started() {
	if s != nil {
		_ = s.theirs.Close() // nothing was written by it
	}
}

// end waits for what is still to be read once the program has ended, and no longer than
// for its other pipes: a daemon that it started may hold this one open for ever.
func (s *statusPipe) end() {
	if s == nil {
		return
	}
	_ = s.ours.SetReadDeadline(time.Now().Add(pipeGrace))
	<-s.done
	_ = s.ours.Close() // it was only read
}

// progress says by what it can be told, at any time, how far the step or the look has
// come that goes on.
func (h *Host) progress(how func() string) {
	if h.options.Progress != nil {
		h.options.Progress(how)
	}
}

// followApt has apt tell how far it has come, if anybody wants to know.
func (h *Host) followApt(argv []string) (with []string, tell func(line string)) {
	if h.options.Progress == nil || argv[0] != "apt-get" {
		return argv, nil
	}
	var last atomic.Value
	last.Store("")
	h.progress(func() string {
		text, _ := last.Load().(string)
		return text
	})
	with = append([]string{argv[0], "-o", fmt.Sprintf("APT::Status-Fd=%d", statusFD)}, argv[1:]...)
	return with, func(line string) {
		if text := aptStatus(line); text != "" {
			last.Store(text)
		}
	}
}

// packageName is the form of names that are shown of what apt tells.
var packageName = words.Pattern(`^[a-z0-9][a-z0-9+.-]*$`)

// aptStatus is what one line on APT::Status-Fd says, see README.progress-reporting of
// apt's: dlstatus:COUNT:PERCENT:TEXT while it fetches, pmstatus:PACKAGE:PERCENT:TEXT while
// dpkg works. Empty: nothing that is shown.
func aptStatus(line string) string {
	const fields = 4
	f := strings.SplitN(line, ":", fields)
	if len(f) < fields {
		return ""
	}
	const all = 100
	percent, err := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
	if err != nil || !(percent >= 0 && percent <= all) {
		return ""
	}
	switch {
	case f[0] == "dlstatus":
		return fmt.Sprintf("%d %% fetched", int(percent))
	case f[0] != "pmstatus":
		return ""
	case f[1] == "dpkg-exec" || !packageName().MatchString(f[1]): // dpkg itself, or not to be shown
		return fmt.Sprintf("%d %%", int(percent))
	}
	return fmt.Sprintf("%d %% (%s)", int(percent), f[1])
}

// pathsSeen says how many paths a walk has come by.
func pathsSeen(n *atomic.Int64) func() string {
	return func() string {
		if n := n.Load(); n > 0 {
			return words.Count(int(n), "path")
		}
		return ""
	}
}
