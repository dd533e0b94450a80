package access

import (
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestPAM goes through stacks as pam.conf(5) says of controls.
func TestPAM(t *testing.T) {
	const debian = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n"
	for _, tt := range []struct{ name, stack, want string }{
		{"Debian's", debian, "open"},
		{"it denies", "account required pam_deny.so\n", "shut"},
		{"it denies after all", debian + "account required pam_deny.so\n", "shut"},
		{"enough is enough", "account sufficient pam_unix.so\naccount required pam_deny.so\n", "open"},
		{"it may deny", "account optional pam_deny.so\naccount required pam_unix.so\n", "open"},
		{"a jump too far", "account [success=2 default=ignore] pam_unix.so\naccount required pam_permit.so\naccount required pam_permit.so\n", "shut"},
		{"a module that is not known", debian + "account required pam_nosuch.so\n", "cannot be told"},
		{"of another type", debian + "auth required pam_nosuch.so\n", "open"},
		{"behind the end", "account [success=done default=bad] pam_unix.so\naccount required pam_nosuch.so\n", "open"},
		{"a module elsewhere", "account required /tmp/pam_unix.so\n", "cannot be told"},
		{"an include", "@include more\n", "open"},
		{"an include of a line", "account include more\naccount required pam_deny.so\n", "shut"},
		{"a stack of its own", "account substack more\n", "open"},
		{"a control that is not known", "account [success=what] pam_unix.so\n", "cannot be told"},
		{"nothing", "# nothing\n", "open"}, // other counts
		{"a line that goes on", "account \\\n required pam_deny.so\n", "shut"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := func(text string) snapshot.File {
				return snapshot.File{Node: host.Node{Type: host.TypeFile, Owner: "root", Group: "root", Access: host.AccessOf(0o644)}, Content: []byte(text)}
			}
			w := newWorld()
			w.Files["/etc/pam.d/lab"], w.Files["/etc/pam.d/more"], w.Files["/etc/pam.d/other"] = file(tt.stack), file(debian), file(debian)
			no, doubt, err := (&judge{Reader: w.reader()}).pam("lab", "account")
			got := "open"
			switch {
			case err != nil:
				t.Fatal(err)
			case no != "":
				got = "shut"
			case doubt != "":
				got = "cannot be told"
			}
			if got != tt.want {
				t.Errorf("it is %s, not %s: %s%s", got, tt.want, no, doubt)
			}
		})
	}
}
