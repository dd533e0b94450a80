package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// maxPins is how many distributions an environment can have.
const maxPins = 2000

// parsePins reads what is to be installed: lines of pip's requirements, each of which
// names one version and its digests. The error says in which line it is.
func parsePins(text string) ([]host.Wheel, error) {
	var out []host.Wheel
	at, held := 0, ""
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if held == "" {
			at = i + 1
		}
		line = requirementComment().ReplaceAllString(line, "")
		if more, goes := strings.CutSuffix(line, `\`); goes {
			held += more + " "
			continue
		}
		line, held = strings.TrimSpace(held+line), ""
		if line == "" {
			continue
		}
		w, err := parsePin(line)
		if err == nil && slices.ContainsFunc(out, func(o host.Wheel) bool { return o.Name == w.Name }) {
			err = fmt.Errorf("%s is in it twice", w.Name)
		}
		if err == nil && len(out) == maxPins {
			err = fmt.Errorf("it pins more than %d distributions", maxPins)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		out = append(out, w)
	}
	if held != "" {
		return nil, fmt.Errorf("line %d: it ends amid a line", at)
	}
	if len(out) == 0 {
		return nil, errors.New("it pins nothing")
	}
	slices.SortFunc(out, func(a, b host.Wheel) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

var (
	requirementComment = words.Pattern(`(^|\s)#.*$`)
	requirement        = words.Pattern(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[A-Za-z0-9._, -]*\])?\s*==\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)((?:\s+--hash=sha256:[0-9a-f]{64})+)$`)
)

func parsePin(line string) (host.Wheel, error) {
	m := requirement().FindStringSubmatch(line)
	switch {
	case m != nil:
		w := host.Wheel{Name: host.DistributionName(m[1]), Version: m[2]}
		for word := range strings.FieldsSeq(m[3]) {
			w.SHA256 = append(w.SHA256, strings.TrimPrefix(word, "--hash=sha256:"))
		}
		slices.Sort(w.SHA256)
		w.SHA256 = slices.Compact(w.SHA256)
		return w, nil
	case strings.HasPrefix(line, "-"):
		return host.Wheel{}, fmt.Errorf("opsafe knows no options of pip's here: take out %q", shorten(line))
	case strings.Contains(line, ";"):
		return host.Wheel{}, fmt.Errorf("opsafe judges no conditions: take the one after ; out of %q, or the line", shorten(line))
	case !strings.Contains(line, "--hash="):
		return host.Wheel{}, fmt.Errorf("%q has no digest: want NAME==VERSION --hash=sha256:DIGEST; sha256sum gives that of a wheel", shorten(line))
	}
	return host.Wheel{}, fmt.Errorf("cannot read %q: want NAME==VERSION --hash=sha256:DIGEST", shorten(line))
}

// shorten is the beginning of a line that a message quotes.
func shorten(line string) string {
	const most = 60
	if len(line) > most {
		return strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// pinLines are what parsePins reads, one for each distribution.
func pinLines(wheels []host.Wheel) []string {
	var out []string
	for _, w := range wheels {
		line := w.Name + "==" + w.Version
		for _, sum := range w.SHA256 {
			line += " --hash=sha256:" + sum
		}
		out = append(out, line)
	}
	return out
}

// pinsDigest stands for a list of what is pinned.
func pinsDigest(wheels []host.Wheel) string {
	return host.NewContent([]byte(strings.Join(pinLines(wheels), "\n"))).Digest()
}
