package sweep

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/fault"
)

// Table writes the figures of a sweep in Markdown.
func (r *Result) Table(w io.Writer) {
	names := slices.Sorted(maps.Keys(r.Calls))
	fmt.Fprintf(w, "| | %s | all | not in order |\n|---|%s--:|--:|\n", strings.Join(names, " | "), strings.Repeat("--:|", len(names)))
	row(w, "calls of one run that change something", names, func(n string) int { return r.Calls[n] }, -1)
	for _, f := range append(fault.Faults(), fault.PowerCut) {
		row(w, string(f), names, func(n string) int { return r.count(n, f) }, r.countBad(f))
	}
	row(w, "points", names, func(n string) int { return r.count(n, "") }, r.countBad(""))
	fmt.Fprintf(w, "\n%s points in %s; %d more were not reached. Where they fell: %s.\n",
		group(len(r.Points)), r.Took.Round(time.Second), r.Missed, r.classes())
}

func row(w io.Writer, label string, names []string, of func(string) int, bad int) {
	fmt.Fprintf(w, "| %s |", label)
	all := 0
	for _, n := range names {
		all += of(n)
		fmt.Fprintf(w, " %s |", group(of(n)))
	}
	if bad < 0 {
		fmt.Fprintf(w, " %s | |\n", group(all))
		return
	}
	fmt.Fprintf(w, " %s | %d |\n", group(all), bad)
}

// count counts points of a scenario and a fault; of all if it is empty.
func (r *Result) count(scenario string, f fault.Fault) int {
	n := 0
	for _, p := range r.Points {
		if p.Scenario == scenario && (f == "" || p.Fault == f) {
			n++
		}
	}
	return n
}

func (r *Result) countBad(f fault.Fault) int {
	n := 0
	for _, p := range r.Bad() {
		if f == "" || p.Fault == f {
			n++
		}
	}
	return n
}

// classes says in how many points which kind of call failed.
func (r *Result) classes() string {
	n := map[string]int{}
	for _, p := range r.Points {
		class := string(p.Class)
		if class == "" {
			class = "after the last call"
		}
		n[class]++
	}
	var list []string
	for _, c := range slices.Sorted(maps.Keys(n)) {
		list = append(list, fmt.Sprintf("%s %s", c, group(n[c])))
	}
	return strings.Join(list, ", ")
}

// group writes a number with commas between thousands.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
