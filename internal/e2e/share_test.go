package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestShare reads tpp's share as its people do, with a real client: there is no other
// share, nobody writes, and nobody else is let in, nor from another network.
func TestShare(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	const inside, elsewhere = "192.0.2.1", "198.51.100.1"
	e.mustRun("ip", "link", "add", "eth0", "type", "bridge")
	e.mustRun("ip", "link", "add", "container", "type", "bridge")
	for link, address := range map[string]string{"eth0": inside, "container": elsewhere} {
		e.mustRun("ip", "address", "add", address+"/24", "dev", link)
		e.mustRun("ip", "link", "set", link, "up") // a bridge is to smbd like any other interface
	}
	e.manageJSON("tpp")
	e.makeWorkspace(mediumPrivacy)
	e.mustRun("useradd", "outsider")
	e.setPassword("madwort") // who has to set one first is not let in
	for _, name := range []string{"madwort", "outsider"} {
		if r := e.feed(e.Command(t.Context(), "smbpasswd", "-s", "-a", name), goodPassword+"\n"+goodPassword+"\n"); r.code != 0 {
			t.Fatal(r)
		}
	}
	e.share(inside, "madwort", "level 4", "get w/sub/out.csv -", "patients")
	for _, line := range strings.Split(e.mustRun("smbclient", "-g", "-L", inside, "-U", "madwort%"+goodPassword), "\n") {
		if strings.HasPrefix(line, "Disk|") && line != "Disk|level 4|Level 4 outputs" || strings.HasPrefix(line, "Printer|") {
			t.Errorf("it is shared, too: %s", line)
		}
	}
	for command, path := range map[string]string{"put /etc/issue w/new": "/w/new", "mkdir new": "/new"} {
		e.share(inside, "madwort", "level 4", command, "NT_STATUS_ACCESS_DENIED")
		if e.exists(mediumPrivacy + path) {
			t.Errorf("%s has written", command)
		}
	}
	e.share(inside, "madwort", "level 4", "rm w/sub/out.csv", "NT_STATUS_")
	if !e.exists(mediumPrivacy + "/w/sub/out.csv") {
		t.Error("rm has removed")
	}
	e.share(inside, "outsider", "level 4", "ls", "NT_STATUS_ACCESS_DENIED")
	e.share(inside, "stranger", "level 4", "ls", "NT_STATUS_LOGON_FAILURE")
	e.share(inside, "%", "level 4", "ls", "NT_STATUS_ACCESS_DENIED")
	e.share(inside, "madwort", "madwort", "ls", "NT_STATUS_BAD_NETWORK_NAME")
	e.share(elsewhere, "madwort", "level 4", "ls", "NT_STATUS_CONNECTION_REFUSED")

	e.replace("/etc/samba/smb.conf", "valid users = @reviewers", "writeable = yes\n   guest ok = yes")
	e.appendTo("/etc/samba/smb.conf", "[all]\n   path = /srv\n")
	e.mustRun("smbcontrol", "smbd", "reload-config")
	e.says(2, e.opsafe("plan", "--backend", "tpp", "--exit-code"), "[all]", "[level 4] writeable", "[level 4] guest ok", "[level 4] valid users")
	e.manageJSON("tpp")
	e.share(inside, "madwort", "all", "ls", "NT_STATUS_BAD_NETWORK_NAME")
	e.share(inside, "madwort", "level 4", "put /etc/issue w/new", "NT_STATUS_ACCESS_DENIED")
	e.undoLast()
	if conf := e.read("/etc/samba/smb.conf"); !strings.Contains(conf, "[all]") || !strings.Contains(conf, "writeable = yes") {
		t.Errorf("undo has brought back %s", conf)
	}
}

// share has somebody do something with a share, and wants an answer.
func (e *env) share(address, user, share, command, want string) {
	e.t.Helper()
	if !strings.Contains(user, "%") {
		user += "%" + goodPassword
	}
	if r := e.run("smbclient", "//"+address+"/"+share, "-U", user, "-c", command); !strings.Contains(r.stdout+r.stderr, want) {
		e.t.Errorf("%s at %s by %s in %s: %s, not %s", command, address, user, share, r, want)
	}
}
