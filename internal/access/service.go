package access

import (
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/debian"
)

// serviceHarmless are settings of a service, see systemd.service(5), none of whose values
// keeps sshd from starting, or from letting somebody in.
const serviceHarmless = `
	CPUAccounting CPUWeight Description Documentation IOAccounting IOSchedulingClass IOSchedulingPriority IOWeight
	LimitCORE MemoryAccounting Nice OOMScoreAdjust RestartSec SyslogFacility SyslogIdentifier SyslogLevel
	TasksAccounting`

// ofService is what decides, of the text of a service's files, how sshd is started.
func ofService(text string) string {
	// Not time-sync.target: a clock that nobody sets may be waited for without end.
	const early = "network-online.target network.target network-pre.target nss-lookup.target syslog.target"
	var b strings.Builder
	for _, s := range debian.ParseUnit(text).Settings {
		switch {
		case isAmong(s.Key, serviceHarmless):
		case s.Key == "Restart" && isAmong(s.Value, "always on-failure on-abnormal"):
		case (s.Key == "After" || s.Key == "Wants") && s.Value != "" && !slices.ContainsFunc(strings.Fields(s.Value), func(w string) bool { return !isAmong(w, early) }):
		case s.Key == "LimitNOFILE" && enough(s.Value, 1024), s.Key == "LimitNPROC" && enough(s.Value, 1024), s.Key == "TasksMax" && enough(s.Value, 1024):
		default:
			b.WriteString(s.Section + " " + s.Key + "=" + s.Value + "\n")
		}
	}
	return b.String()
}

// enough reports whether a limit, of which both parts may be given, is not below a number.
func enough(value string, least int) bool {
	for part := range strings.SplitSeq(value, ":") {
		if n, err := strconv.Atoi(part); part != "infinity" && (err != nil || n < least) {
			return false
		}
	}
	return true
}
