package testhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// recipe is everything that goes into an image, but for the state of the
// Debian archive. A change of it makes a new image.
type recipe struct {
	Revision int
	Suite    string
	Base     []string `json:",omitempty"` // installed by debootstrap
	Archive  []string `json:",omitempty"` // in the hosts' archive with all they depend on
	Install  []string `json:",omitempty"` // installed from that archive
	Disable  []string `json:",omitempty"` // units that wait for a network, which never comes, or that few tests want
	Below    string   `json:",omitempty"` // the image that this one lies on
}

// revision is raised when the build does something else with the same lists.
const revision = 2

// bareRecipe is a minimal server and its archive.
func bareRecipe(suite string) recipe {
	base := []string{
		"acl", "adduser", "ca-certificates", "dbus", "iproute2", "libpam-systemd", "login", "openssh-server",
		"passwd", "procps", "sudo", "systemd", "systemd-sysv", "systemd-timesyncd",
	}
	if suite == "trixie" { // its systemd only recommends what one of its own units needs
		base = append(base, "libkmod2")
	}
	archive := append(fullPackages(),
		"at", "bolt", "cron", "docker-cli", "fwupd", "iptables", "libnss-extrausers", "nftables", "nginx-light", "popularity-contest",
		"redis-tools", "systemd-resolved", "tzdata")
	if suite == "bookworm" { // whole machines are tried on one suite
		archive = append(archive, "certbot", "nginx", "postgresql")
	}
	return recipe{Revision: revision, Suite: suite, Base: base, Archive: archive}
}

// fullRecipe is what lies on the bare image named below to make the full one.
func fullRecipe(suite, below string) recipe {
	return recipe{
		Revision: revision,
		Suite:    suite,
		Install:  fullPackages(),
		Disable:  []string{"nmbd.service", "xrdp.service", "xrdp-sesman.service"},
		Below:    below,
	}
}

// fullPackages are those of a managed backend. A suite may lack some.
func fullPackages() []string {
	return []string{
		"acl", "ca-certificates", "chrony", "curl", "docker-cli", "docker-compose", "docker.io", "git", "gpg", "iotop",
		"iptables", "jq", "libpam-pwquality", "python3", "ripgrep", "rsync", "samba", "smbclient", "strace", "tcpdump",
		"tree", "unattended-upgrades", "vim", "xrdp",
	}
}

// digest identifies the recipe.
func (r recipe) digest() (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6]), nil
}
