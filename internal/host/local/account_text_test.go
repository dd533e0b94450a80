package local

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
)

// databases are those of a small host, with one account that useradd has made.
func databases() accountText {
	return accountText{files: map[string]string{
		"passwd":  "root:x:0:0:root:/root:/bin/bash\na:x:1001:1001::/home/a:/bin/sh\n",
		"shadow":  "root:*:19000:0:99999:7:::\na:!:20000:1:90:7:30:25567:\nc:$6$old:1::::::\n",
		"group":   "root:x:0:\nstaff:x:50:a\na:x:1001:\nd:x:77:\n",
		"gshadow": "root:*::\nstaff:!::a\na:!::\nd:!::\n",
		"subuid":  "a:100000:65536\nz:200000:65536\n",
		"subgid":  "a:100000:65536\n",
	}}
}

func TestAccountText(t *testing.T) {
	text := databases()
	sample, ok := text.sampleOf("a", accountText{})
	if !ok {
		t.Fatal("no sample")
	}
	writes, err := text.with([]host.AddUser{
		{Name: "b", UID: 1002, Groups: []string{"staff"}, Home: "/home/b", Shell: "/bin/sh", Comment: "B"},
		{Name: "c", UID: 1003, GID: 1005, Home: "/home/c", Shell: "/bin/sh"},
		{Name: "d", UID: 1004, Group: "d", Groups: []string{"staff"}, Home: "/home/d", Shell: "/bin/sh"},
	}, sample)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, w := range writes {
		order = append(order, w.file)
	}
	// A group of a new account is there before it, the account's memberships after it.
	if diff := cmp.Diff([]string{"subuid", "subgid", "group", "gshadow", "shadow", "passwd", "group", "gshadow"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for _, w := range writes[2:4] {
		if strings.Contains(w.text, "staff:x:50:a,b") {
			t.Errorf("%s has members that are nobody yet:\n%s", w.file, w.text)
		}
	}
	was := databases().files
	want := map[string]string{
		"passwd":  was["passwd"] + "b:x:1002:1002:B:/home/b:/bin/sh\nc:x:1003:1005::/home/c:/bin/sh\nd:x:1004:77::/home/d:/bin/sh\n",
		"shadow":  "root:*:19000:0:99999:7:::\na:!:20000:1:90:7:30:25567:\nc:!:20000:1:90:7:30:25567:\nb:!:20000:1:90:7:30:25567:\nd:!:20000:1:90:7:30:25567:\n",
		"group":   "root:x:0:\nstaff:x:50:a,b,d\na:x:1001:\nd:x:77:\nb:x:1002:\nc:x:1005:\n",
		"gshadow": "root:*::\nstaff:!::a,b,d\na:!::\nd:!::\nb:!::\nc:!::\n",
		"subuid":  was["subuid"] + "b:265536:65536\nc:331072:65536\nd:396608:65536\n", // sorted
		"subgid":  was["subgid"] + "b:165536:65536\nc:231072:65536\nd:296608:65536\n",
	}
	if diff := cmp.Diff(want, text.after(writes).files); diff != "" {
		t.Errorf("databases (-want +got):\n%s", diff)
	}
	// What died before the accounts were there is taken up where it was.
	half := text.after(writes[:2])
	again, err := half.with([]host.AddUser{{Name: "b", UID: 1002, Home: "/home/b", Shell: "/bin/sh"}}, sample)
	if err != nil || half.after(again).files["subuid"] != want["subuid"] {
		t.Errorf("ranges are given twice: %v", err)
	}
}

func TestAccountTextRefuses(t *testing.T) {
	text := databases()
	sample, _ := text.sampleOf("a", accountText{})
	for _, u := range []host.AddUser{
		{Name: "a", UID: 1002},
		{Name: "b", UID: 1001},
		{Name: "d", UID: 1002},
		{Name: "b", UID: 1002, GID: 50},
		{Name: "b", UID: 1002, Group: "none"},
		{Name: "b", UID: 1002, Groups: []string{"none"}},
	} {
		if _, err := text.with([]host.AddUser{u}, sample); err == nil {
			t.Errorf("%+v is taken", u)
		}
	}
	text.defs = map[string]int{"SUB_UID_MAX": 165536 + 65534}
	if _, err := text.with([]host.AddUser{{Name: "b", UID: 1002}}, sample); err == nil {
		t.Error("a range beyond SUB_UID_MAX is given")
	}
}

// TestAccountTextFree: one whose name or number somebody has taken meanwhile leaves the
// others to be made together.
func TestAccountTextFree(t *testing.T) {
	users := []host.AddUser{
		{Name: "b", UID: 1002},
		{Name: "a", UID: 1003},
		{Name: "e", UID: 1001},
		{Name: "d", UID: 1004},
		{Name: "f", UID: 77},
		{Name: "g", UID: 1005, GID: 50},
		{Name: "h", UID: 1006, Group: "d"},
		{Name: "i", UID: 1007},
	}
	free, others := databases().free(users)
	names := func(of []host.AddUser) (out string) {
		for _, u := range of {
			out += u.Name
		}
		return out
	}
	if names(free) != "bhi" || names(others) != "aedfg" {
		t.Errorf("%s are free, %s are not", names(free), names(others))
	}
	sample, _ := databases().sampleOf("a", accountText{})
	if _, err := databases().with(free, sample); err != nil {
		t.Error(err)
	}
}

// TestAccountTextPlain leaves to useradd what is not understood.
func TestAccountTextPlain(t *testing.T) {
	if !databases().plain() {
		t.Error("a small host is not plain")
	}
	for file, line := range map[string]string{"passwd": "+::::::\n", "group": "staff:x:50:z\n", "shadow": "a:!:1::::::\n", "gshadow": "-x:::\n"} {
		text := databases()
		text.files[file] += line
		if text.plain() {
			t.Errorf("%s with %q is plain", file, line)
		}
	}
	text := databases()
	text.defs = map[string]int{"MAX_MEMBERS_PER_GROUP": 10}
	if text.plain() {
		t.Error("groups in parts are plain")
	}
	for _, u := range []host.AddUser{
		{Name: "b", UID: 1002, Home: "/h", Shell: "/s", System: true},
		{Name: "b:c", UID: 1002, Home: "/h", Shell: "/s"},
		{Name: "b", UID: 0, Home: "/h", Shell: "/s"},
		{Name: "b", UID: 1, Home: "/h:i", Shell: "/s"},
		{Name: "b", UID: 1, Home: "/h", Shell: "/s\n"},
		{Name: "b", UID: 1, Home: "/h", Shell: "/s", Comment: "é"},
	} {
		if ordinary(u) {
			t.Errorf("%+v is ordinary", u)
		}
	}
}
