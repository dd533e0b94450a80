package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnablementLinks(t *testing.T) {
	dir := t.TempDir()
	for link, target := range map[string]string{
		"multi-user.target.wants/ssh.service":   "/lib/systemd/system/ssh.service",
		"sshd.service":                          "/lib/systemd/system/ssh.service",
		"getty.target.wants/getty@tty1.service": "/lib/systemd/system/getty@.service",
		"x.target.requires/a.service":           "../a.service",
		"x.target.upholds/a.service":            "/etc/systemd/system/a.service",
		"masked.service":                        "/dev/null",
		"linked.service":                        "/opt/linked.service",
		"ssh.service.d/override.conf":           "/opt/x.conf",
	} {
		path := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readLinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := linkIndex{
		"ssh.service":        {dir + "/multi-user.target.wants/ssh.service", dir + "/sshd.service"},
		"getty@tty1.service": {dir + "/getty.target.wants/getty@tty1.service"},
		"a.service":          {dir + "/x.target.requires/a.service", dir + "/x.target.upholds/a.service"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if got, err := readLinks(dir + "/none"); err != nil || len(got) != 0 {
		t.Errorf("no directory: got %v, %v", got, err)
	}
}
