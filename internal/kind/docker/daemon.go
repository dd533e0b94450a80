package docker

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// checkDaemon checks daemon.json: an option that dockerd does not know keeps it from
// starting, and releases before 23 cannot be asked beforehand.
func checkDaemon(c *spec.Checker, d *Engine) {
	known := daemonKeys()
	for _, key := range slices.Sorted(maps.Keys(d.Daemon)) {
		label := "docker: daemon: option " + strconv.Quote(key)
		if !slices.Contains(known, key) {
			c.Addf(d.AtKey("daemon", key), "%s: dockerd has no such option%s", label, c.Hint(key, slices.Values(known)))
			continue
		}
		if _, err := json.Marshal(d.Daemon[key]); err != nil {
			c.Addf(d.AtKey("daemon", key), "%s: cannot be written as JSON: %v", label, err)
		}
	}
}

// notes say who becomes root by the options, and what they need that nobody can see here.
func (l daemonLook) notes() []string {
	var out []string
	hosts, _ := l.daemon["hosts"].([]any)
	for _, at := range hosts {
		if text, _ := at.(string); strings.HasPrefix(text, "tcp:") && l.daemon["tlsverify"] != true {
			out = append(out, "whoever reaches "+text+" is root on this host: without tlsverify, docker asks nobody who they are")
		}
	}
	if group, _ := l.daemon["group"].(string); group != "" && group != "docker" && group != kind.Root {
		out = append(out, "whoever is in the group "+group+" can use docker, and is root by it")
	}
	if driver, ok := l.daemon["log-driver"].(string); ok && !slices.Contains(logDrivers(), driver) {
		out = append(out, "log-driver "+driver+" is none of docker's own: no container starts where no plugin of that name is installed")
	}
	return out
}

// logDrivers are docker's own on Linux, of the same releases; others are plugins.
func logDrivers() []string {
	return []string{"none", "local", "json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "logentries"}
}

// daemonKeys are the options of daemon.json on Linux from docker 20.10 to 29: see
// dockerd's reference, "daemon configuration file", and its flags, which may be
// written there by their long name, or its plural where they can be repeated.
func daemonKeys() []string {
	return []string{
		"allow-direct-routing", "allow-nondistributable-artifacts", "api-cors-header", "apparmor-profile",
		"authorization-plugins", "bip", "bip6", "bridge", "bridge-accept-fwmark", "builder", "cdi-spec-dirs",
		"cgroup-parent", "cluster-advertise", "cluster-store", "cluster-store-opts", "containerd",
		"containerd-namespace", "containerd-plugin-namespace", "containerd-plugins-namespace",
		"cpu-rt-period", "cpu-rt-runtime", "data-root", "debug", "default-address-pools",
		"default-cgroupns-mode", "default-gateway", "default-gateway-v6", "default-ipc-mode",
		"default-network-opts", "default-runtime", "default-shm-size", "default-ulimits", "dns", "dns-opts",
		"dns-search", "exec-opts", "exec-root", "experimental", "features", "firewall-backend", "fixed-cidr",
		"fixed-cidr-v6", "group", "host-gateway-ip", "host-gateway-ips", "hosts", "http-proxy", "https-proxy",
		"icc", "init", "init-path", "insecure-registries", "ip", "ip-forward", "ip-forward-no-drop", "ip-masq",
		"ip6tables", "iptables", "ipv6", "labels", "live-restore", "log-driver", "log-format", "log-level",
		"log-opts", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts",
		"metrics-addr", "min-api-version", "mtu", "network-control-plane-mtu", "network-diagnostic-port",
		"no-new-privileges", "no-proxy", "node-generic-resources", "nri-opts", "oom-score-adjust", "pidfile",
		"proxies", "raw-logs", "registry-mirrors", "rootless", "runtimes", "seccomp-profile",
		"selinux-enabled", "shutdown-timeout", "storage-driver", "storage-opts",
		"swarm-default-advertise-addr", "swarm-raft-election-tick", "swarm-raft-heartbeat-tick", "tls",
		"tlscacert", "tlscert", "tlskey", "tlsverify", "userland-proxy", "userland-proxy-path", "userns-remap",
	}
}
