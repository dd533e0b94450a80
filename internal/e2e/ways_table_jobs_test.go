package e2e

import "fmt"

// hidden is a program of which no look tells what it does: it puts the words together.
func hidden(program, unit string) string {
	return fmt.Sprintf("#!/bin/sh\np=%s; q=%s; %s\n", program[:2], unit[:2], "${p}"+program[2:]+" ${q}"+unit[2:])
}

// runIs has a service run a program of the spec's own at once.
func runIs(program, settings string) string {
	return programIs("/usr/local/bin/x", program) +
		fmt.Sprintf("units: {x.service: {content: %q, running: true}}\n", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/x\n"+settings)
}

// waysOfJobs are about what a host does by itself, at once, at its next start or each day.
func waysOfJobs() []way {
	return []way{
		{name: "a job kills sshd", want: undone, spec: runIs(hidden("pkill", "sshd"), "")},
		{name: "a job stops sshd", want: undone, spec: runIs(hidden("systemctl stop", "ssh.service"), "")},
		{name: "a job stops sshd, to be confirmed", want: undone, args: "--confirm 10m", spec: runIs(hidden("systemctl stop", "ssh.service"), "")},
		{name: "a timer's job kills sshd", want: undone, spec: programIs("/usr/local/bin/x", hidden("pkill", "sshd")) +
			"units: {x.service: {content: \"[Service]\\nType=oneshot\\nExecStart=/usr/local/bin/x\\n\"}, x.timer: {content: \"[Timer]\\nOnActiveSec=0\\nAccuracySec=1ms\\n[Install]\\nWantedBy=timers.target\\n\", running: true}}\n"},
	}
}
