package hosts

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"

	"gopkg.in/yaml.v3"
)

// Where cloud-init has what concerns /etc/hosts: see its module update_etc_hosts. Of
// /etc/cloud/cloud.cfg.d the last file counts, and over all of it what the provider
// says, so that the template has to have the names, too.
const (
	cloudConfig   = "/etc/cloud/cloud.cfg"
	cloudDropIns  = "/etc/cloud/cloud.cfg.d"
	cloudSwitch   = cloudDropIns + "/99-opsafe-hosts.cfg"
	cloudTemplate = "/etc/cloud/templates/hosts.debian.tmpl"
	nsswitch      = "/etc/nsswitch.conf"
	cloudKey      = "manage_etc_hosts: "
)

// keepFromCloud plans that cloud-init, where it is, leaves /etc/hosts alone.
func keepFromCloud(r host.Reader, c *change.Change) error {
	n, err := r.Stat(cloudConfig)
	if n == nil || err != nil {
		return err
	}
	value, file, err := cloudManages(r)
	if err != nil {
		return err
	}
	if value == "false" {
		return nil
	}
	if file > cloudSwitch {
		return fmt.Errorf("%s sets manage_etc_hosts to %s after %s: remove it there, or cloud-init writes %s anew at every boot", file, value, cloudSwitch, debian.HostsFile)
	}
	was, err := kind.Regular(r, cloudSwitch)
	if err != nil {
		return err
	}
	want := []byte("# Managed by opsafe: cloud-init leaves /etc/hosts alone.\nmanage_etc_hosts: false\n")
	c.Differ("cloud-init: manage_etc_hosts", value, "false")
	if was != nil {
		c.Attrs = append(c.Attrs, kind.Correct(cloudSwitch, was.Node, kind.OwnNode()).Attrs...)
	}
	if err := kind.NeedDir(r, c, cloudDropIns); err != nil {
		return err
	}
	c.Steps = append(c.Steps, kind.WriteOwn(cloudSwitch, want, kind.OwnNode()))
	return nil
}

// cloudManages is what counts for cloud-init of manage_etc_hosts, and the file that
// says so; empty: none does.
func cloudManages(r host.Reader) (value, file string, err error) {
	names, err := r.ReadDir(cloudDropIns)
	if err != nil {
		return "", "", err
	}
	files := []string{cloudConfig}
	for _, name := range names {
		if strings.HasSuffix(name, ".cfg") {
			files = append(files, path.Join(cloudDropIns, name))
		}
	}
	for _, at := range files {
		is, err := cloudSays(r, at)
		if err != nil {
			return "", "", err
		}
		if is != "" {
			value, file = is, at
		}
	}
	return value, file, nil
}

// cloudSays is what a file of cloud-init sets manage_etc_hosts to; empty: nothing.
func cloudSays(r host.Reader, at string) (string, error) {
	data, err := r.ReadFile(at)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		for _, value := range cloudValues() {
			if slices.Contains(red.Part.Lines, kind.LineDigest(red.Path, cloudKey+value)) {
				return value, nil
			}
		}
	}
	if err != nil {
		return "", err
	}
	return cloudValue(at, data)
}

func cloudValue(at string, data []byte) (string, error) {
	var config struct {
		Manage string `yaml:"manage_etc_hosts"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return "", fmt.Errorf("cannot read %s as YAML: put it right by hand: cloud-init cannot, either", at)
	}
	return strings.ToLower(config.Manage), nil
}

// cloudValues are the values of manage_etc_hosts, and none.
func cloudValues() []string { return []string{"", "false", "true", "template", "localhost"} }

// cloudParts adds to what facts hold of a drop-in of cloud-init that not everybody may
// read, as that of an installer: what it says of /etc/hosts.
func cloudParts(_ []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	if path.Dir(at) != cloudDropIns {
		return part
	}
	if part == nil {
		part = &host.Part{}
	}
	if value, err := cloudValue(at, data); err == nil {
		part.Lines = append(part.Lines, kind.LineDigest(at, cloudKey+value))
		slices.Sort(part.Lines)
	}
	return part
}
