package compose

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestRenderPorts: ports are in the form that docker-compose 1.29 knows with the address
// of the host, and come to the same when they are read again.
func TestRenderPorts(t *testing.T) {
	ports := `["3801:8000", "127.0.0.1:3802:8000", "[::1]:3803:53/udp", "80", "127.0.0.1::81", "5000-5001:6000-6001", {"target": 90, "published": "9000", "mode": "host"}]`
	load := func(file []byte) *Project {
		t.Helper()
		p, err := Load(t.Context(), Source{Name: "app", Dir: "/", Files: []File{{Name: "app.yaml", Data: file}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := load([]byte(`{"services": {"web": {"image": "app", "ports": ` + ports + `}}}`))
	out, err := first.Render(map[string]Extra{"web": {}})
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Ports []string }
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatalf("not in the short form: %v: %s", err, out)
	}
	want := []string{"3801:8000/tcp", "127.0.0.1:3802:8000/tcp", "[::1]:3803:53/udp", "80/tcp", "127.0.0.1::81/tcp", "5000:6000/tcp", "5001:6001/tcp", "9000:90/tcp"}
	if got := file.Services["web"].Ports; !slices.Equal(got, want) {
		t.Errorf("ports are %q, not %q", got, want)
	}
	again, err := load(out).Render(map[string]Extra{"web": {}})
	if err != nil || string(again) != string(out) {
		t.Errorf("read again, it comes to %s, not to %s (%v)", again, out, err)
	}
}

// TestRenderExternal: of what is made elsewhere there is the name and nothing else, which is
// all that docker-compose 1.29 takes there.
func TestRenderExternal(t *testing.T) {
	file := `{"services": {"web": {"image": "app", "networks": ["mine", "plain"], "volumes": ["data:/data"]}},
		"networks": {"mine": {"external": true, "name": "theirs"}, "plain": {"external": true}}, "volumes": {"data": {"external": true}}}`
	p, err := Load(t.Context(), Source{Name: "app", Dir: "/", Files: []File{{Name: "app.yaml", Data: []byte(file)}}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Render(map[string]Extra{"web": {}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Networks, Volumes json.RawMessage }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	const networks, volumes = `{"mine":{"external":true,"name":"theirs"},"plain":{"external":true,"name":"plain"}}`, `{"data":{"external":true,"name":"data"}}`
	if string(got.Networks) != networks || string(got.Volumes) != volumes {
		t.Errorf("networks are %s, volumes %s", got.Networks, got.Volumes)
	}
}
