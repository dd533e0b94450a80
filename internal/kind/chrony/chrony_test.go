package chrony

import "testing"

func TestReadsDropIns(t *testing.T) {
	for conf, want := range map[string]bool{
		"confdir /etc/chrony/conf.d\n":          true,
		"pool x\n\tconfdir  /etc/chrony/conf.d": true,
		"CONFDIR /run/x /etc/chrony/conf.d\n":   true,
		"#confdir /etc/chrony/conf.d\n":         false,
		"! confdir /etc/chrony/conf.d\n":        false,
		"confdir /etc/chrony/conf.d2\n":         false,
		"sourcedir /etc/chrony/conf.d\n":        false,
		"":                                      false,
	} {
		if got := readsDropIns([]byte(conf)); got != want {
			t.Errorf("%q: %v", conf, got)
		}
	}
}
