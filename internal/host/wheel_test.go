package host_test

import (
	"testing"

	"opsafe/internal/host"
)

func TestWheelFits(t *testing.T) {
	t.Parallel()
	for name, fits := range map[string]bool{
		"tool-1.2-py3-none-any.whl":                                 true,
		"tool-1.2-py2.py3-none-any.whl":                             true,
		"tool-1.2-1-py3-none-any.whl":                               true,
		"tool-1.2-py311-none-any.whl":                               true,
		"tool-1.2-py312-none-any.whl":                               false,
		"tool-1.2-py2-none-any.whl":                                 false,
		"tool-1.2-cp311-cp311-manylinux_2_17_x86_64.whl":            true,
		"tool-1.2-cp311-cp311-manylinux2014_x86_64.linux_armv7.whl": true,
		"tool-1.2-cp311-cp311-manylinux_2_17_aarch64.whl":           false,
		"tool-1.2-cp311-cp311-musllinux_1_1_x86_64.whl":             false,
		"tool-1.2-cp311-cp311-win_amd64.whl":                        false,
		"tool-1.2-cp310-cp310-linux_x86_64.whl":                     false,
		"tool-1.2-cp310-none-any.whl":                               false,
		"tool-1.2-cp37-abi3-linux_x86_64.whl":                       true,
		"tool-1.2-cp312-abi3-linux_x86_64.whl":                      false,
		"tool-1.2-pp311-pypy311_pp73-linux_x86_64.whl":              false,
	} {
		f, ok := host.ReadWheelName(name)
		if !ok || !f.Is(host.Wheel{Name: "tool", Version: "1.2"}) {
			t.Errorf("%s: not read: %+v", name, f)
		}
		if why := f.Misfit("3.11", "x86_64"); (why == "") != fits {
			t.Errorf("%s: %q", name, why)
		}
	}
	for _, name := range []string{"tool-1.2.tar.gz", "tool.whl", "tool-py3-none-any.whl", "a-b-c-d-e-f-g.whl"} {
		if f, ok := host.ReadWheelName(name); ok {
			t.Errorf("%s is taken for a wheel: %+v", name, f)
		}
	}
	if f, _ := host.ReadWheelName("My_Tool.X-1.0-py3-none-any.whl"); f.Name != "my-tool-x" {
		t.Errorf("its name is %q", f.Name)
	}
}
