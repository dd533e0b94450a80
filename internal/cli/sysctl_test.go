package cli_test

import "testing"

// TestSysctlWrong: each mistake in a value of the kernel is one problem, with the way out.
func TestSysctlWrong(t *testing.T) {
	for value, want := range map[string]string{
		`1`:              `net.ipv4.ip_forward: want text, got the number 1: write it in quotes: "1"`,
		`{value: 1}`:     `net.ipv4.ip_forward: value: want text, got the number 1: write it in quotes: "1"`,
		`""`:             `net.ipv4.ip_forward: value "": want a value`,
		`" "`:            `net.ipv4.ip_forward: value " ": want a value`,
		`{}`:             `net.ipv4.ip_forward: has no value`,
		`absent`:         `net.ipv4.ip_forward: no value of the kernel is called absent: write {state: absent}`,
		`{value: absnt}`: ``,
		`["1"]`:          `net.ipv4.ip_forward: want a map of fields, got a list`,
	} {
		w := newWorld(t, "-- developers.yaml --\n{}\n-- backends/one/backend.yaml --\ndescription: d\nsysctl:\n  net.ipv4.ip_forward: "+value+"\n")
		if want == "" {
			w.want(0, nil, nil, "validate")
			continue
		}
		w.want(1, nil, []string{"the spec has 1 problem", want}, "validate")
	}
}
