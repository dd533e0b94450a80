package hosttest

import (
	"encoding/json"
	"net/http/httptest"
	"os"

	"opsafe/internal/host"
)

// InContainer is set in the environment of this suite's binary when it runs in a
// container, where it waits to be stopped.
const InContainer = "OPSAFE_TEST_IN_CONTAINER"

func composeProject(e *env) {
	e.do(host.InstallPackages{Refresh: true, Packages: []host.PackageInstall{dockerPackage(), {Name: "docker-compose"}}})
	var registry Registry
	self, err := os.Executable()
	e.ok(err)
	program, err := os.ReadFile(self)
	e.ok(err)
	e.ok(registry.Put("ct/app", "1", program, []string{"/suite", "-test.run=^TestContainer$"}, "ct"))
	server := httptest.NewServer(&registry)
	defer server.Close()
	image := server.Listener.Addr().String() + "/ct/app"
	file := func(ref string) host.ComposeFile {
		text, err := json.Marshal(map[string]any{"services": map[string]any{
			"app": map[string]any{"image": ref, "environment": map[string]string{InContainer: "1"}, "labels": map[string]string{"opsafe.config": "x"}},
		}})
		e.ok(err)
		return host.ComposeFile{Project: "ct", Content: host.NewSecret(text)}
	}
	up := func(ref string) host.UpServices {
		return host.UpServices{
			File: file(ref), Networks: []string{"ct_default"},
			Services: []host.UpService{{Name: "app", Image: ref, Restart: "no", Labels: map[string]string{"opsafe.config": "x"}}},
		}
	}
	of, name := host.ServiceRef{Project: "ct", Service: "app"}, "ct_app_1"
	container := func() *host.Container {
		e.Helper()
		c, err := host.FindContainer(e.ctx, e.host, of)
		e.ok(err)
		return c
	}
	state := func(want string) {
		e.Helper()
		if c := container(); c == nil || c.State != want {
			e.Fatalf("the container is %+v, not %s", c, want)
		}
	}
	e.refuse(up(image+":none"), host.StartContainer{Of: of, Name: name}, host.RemoveContainer{Of: of, Name: name})
	e.do(host.PullImages{File: file(image + ":1"), Services: []string{"app"}, Images: []string{image + ":1"}})
	got, err := e.host.Image(e.ctx, image+":1")
	e.ok(err)
	if got == nil {
		e.Fatal("there is no image")
	}
	e.do(up(image + ":1"))
	state("running")
	c := container()
	e.same("image", []string{c.Image, c.ImageID}, []string{image + ":1", got.ID})
	e.same("labels", c.Labels, map[string]string{"opsafe.config": "x"})
	e.same("restart policy", c.Restart, "no")
	e.same("project of its network", e.network("ct_default").Project, "ct")
	e.do(host.StopContainer{Of: of, Name: name})
	state("exited")
	e.same("who ended it", container().End.By, host.EndedByHand)
	e.do(host.StartContainer{Of: of, Name: name})
	state("running")
	e.do(host.RemoveContainer{Of: of, Name: name}, host.RemoveNetwork{Name: "ct_default"})
	if c := container(); c != nil {
		e.Errorf("it is still there: %+v", c)
	}
}
