package docker

import (
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// TestDaemonOptions compares what a daemon.json sets, also where facts have nothing
// but digests of it.
func TestDaemonOptions(t *testing.T) {
	for _, tt := range []struct {
		have, want       string
		same, reloadable bool
	}{
		{`{"debug":true,"b":[1,2]}`, "{ \"b\": [1, 2],\n\"debug\": true }\n", true, true},
		{`{"debug":true}`, `{"debug":false}`, false, true},
		{`{"dns":["a"]}`, `{"dns":["b"]}`, false, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false, false},
		{`{"a":1}`, `{"a":"1"}`, false, false},
		{`{"a":1}`, `{"a":1,"b":null}`, false, false},
		{`{"a":1,"b":null}`, `{"a":1}`, false, false},
		{`{"a":1,"labels":["x"]}`, `{"a":1,"labels":["y"]}`, false, true},
		{`{"a":1,"labels":["x"]}`, `{"a":1}`, false, false},
		{`{"live-restore":true}`, `{}`, false, false},
		{`{"live-restore":true}`, `{"live-restore":false}`, false, true},
		{`{"features":{"buildkit":true},"max-concurrent-uploads":1}`, `{}`, false, true},
		{`{"authorization-plugins":["x"],"debug":true}`, `{"debug":true}`, false, true},
		{`{}`, `{"live-restore":true}`, false, true},
		{"", "{}", false, false},
		{"not JSON", "{}", false, false},
	} {
		read := kind.ReadDaemonOptions([]byte(tt.have))
		recorded, err := kind.DaemonOptionsOf(&kind.FileImage{Content: host.ByDigest(&host.RedactedError{Part: read.Part()})})
		if err != nil {
			t.Fatal(err)
		}
		for name, have := range map[string]kind.DaemonOptions{"read": read, "recorded": recorded} {
			want := kind.ReadDaemonOptions([]byte(tt.want)).Known
			if same, reloadable := same(have, want), reloadable(have, want); same != tt.same || reloadable != tt.reloadable {
				t.Errorf("%s, %s and %s: same %v, reloadable %v", name, tt.have, tt.want, same, reloadable)
			}
		}
	}
}
