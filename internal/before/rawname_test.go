package before

import (
	"encoding/json"
	"reflect"
	"testing"

	"opsafe/internal/host"
)

// TestRawNames: whatever bytes a name has, its image survives the record.
func TestRawNames(t *testing.T) {
	for _, name := range []string{"/srv/plain", "/srv/ü", "/srv/\xff\xfe", "/srv/\ufffd", "/srv/\xffü\n"} {
		was := []Image{
			{Path: &Path{Path: name, Node: &host.Node{Type: host.TypeFile, Owner: "root", Group: "root"}, Content: []byte("x")}},
			{Path: &Path{Path: "/etc/link", Node: &host.Node{Type: host.TypeSymlink, Owner: "root", Group: "root", Target: name}}},
			{Tree: &Tree{Root: "/srv", Rule: "1", Nodes: []TreeNode{{Path: name, Type: host.TypeFile, Owner: "root", Group: "root"}}}},
		}
		data, err := json.Marshal(was)
		if err != nil {
			t.Fatal(err)
		}
		var now []Image
		if err := json.Unmarshal(data, &now); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(was, now) {
			t.Errorf("%q: %s", name, data)
		}
	}
}
