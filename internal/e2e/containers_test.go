package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host/hosttest"
	"opsafe/internal/testhost"
)

// imageProxy is where the committed backends have their images from.
const imageProxy = "docker-proxy.opensafely.org"

// certified is what a server of the test needs to answer by names over https, and the
// certificate that its clients have to trust.
func certified(t *testing.T, names ...string) (config *tls.Config, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, //nolint:gosec // of a test
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// proxy has a registry answer by the name and address of the backends' own, over https,
// with images that run until they are told to end.
func (e *env) proxy(images ...string) (put func(image, label string)) {
	e.t.Helper()
	const behind = "127.0.0.1:5443"
	config, ca := certified(e.t, imageProxy)
	e.mustRun("mkdir", "-p", "/etc/docker/certs.d/"+imageProxy)
	e.write("/etc/docker/certs.d/"+imageProxy+"/ca.crt", ca, 0o644)
	listener, err := e.Listen("tcp", behind)
	if err != nil {
		e.t.Fatal(err)
	}
	var registry hosttest.Registry
	server := &http.Server{Handler: &registry, TLSConfig: config} //nolint:gosec // of a test
	go func() { _ = server.ServeTLS(listener, "", "") }()
	e.t.Cleanup(func() { _ = server.Close() })
	// The airlock has the port itself on this host.
	e.mustRun("ip", "address", "add", "157.245.31.108/32", "dev", "lo")
	e.mustRun("iptables", "-t", "nat", "-I", "OUTPUT", "-d", "157.245.31.108", "-p", "tcp", "--dport", "443", "-j", "REDIRECT", "--to-ports", "5443")

	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		e.t.Fatal(err)
	}
	put = func(image, label string) {
		e.t.Helper()
		argv := []string{"/bin/busybox", "sh", "-c", "trap exit TERM; /bin/busybox sleep 1000000 & wait"}
		if err := registry.Put("opensafely-core/"+image, "latest", program, argv, label); err != nil {
			e.t.Fatal(err)
		}
	}
	for _, image := range images {
		put(image, "first")
	}
	// dockerd goes by what /etc/hosts said up to five seconds ago, before the run that has
	// just written it.
	e.await("docker finds its proxy", func() bool {
		return e.run("docker", "pull", "--quiet", imageProxy+"/opensafely-core/"+images[0]+":latest").code == 0
	})
	return put
}

// inspects compares what docker says of a container.
func (e *env) inspects(name string, want map[string]string) {
	e.t.Helper()
	for what, value := range want {
		if got := e.mustRun("docker", "inspect", "--format", "{{"+what+"}}", name); got != value {
			e.t.Errorf("%s of %s is %s, not %s", what, name, got, value)
		}
	}
}

// TestContainers has the committed backends' own compose projects run, from images of their
// registry, once a host's secrets are said to be filled in; and has its timer's service
// deploy another image, but for what an operator has stopped.
func TestContainers(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.manageJSON("tpp")
	put := e.proxy("job-runner", "airlock", "release-hatch")
	if got := e.mustRun("docker", "ps", "--all", "--quiet"); got != "" {
		t.Fatalf("there are containers before there are secrets: %s", got)
	}
	e.mustRun("touch", "/home/opensafely/config/deploy")
	e.says(0, e.opsafe("manage", "--backend", "tpp"), "agent never started → running", "airlock never started → running")
	e.says(0, e.opsafe("plan", "--backend", "tpp", "--exit-code", "--registries"), "Nothing to do.")
	e.deployed()

	// Deploy once more, with other images, of which the operator does not want one.
	put("job-runner", "second")
	put("airlock", "second")
	e.mustRun("docker", "stop", "airlock")
	e.mustRun("systemctl", "start", "opsafe-deploy.service")
	e.inspects("agent", map[string]string{".State.Running": "true", `index .Config.Labels "is"`: "second"})
	e.inspects("airlock", map[string]string{".State.Running": "false", `index .Config.Labels "is"`: "first"})
	agent := e.mustRun("docker", "inspect", "--format", "{{.Id}}", "agent")

	// Another certificate has the airlock made anew, and nothing else.
	e.mustRun("docker", "start", "airlock")
	e.write("/home/opensafely/airlock/certs/fullchain.pem", "another chain\n", 0o600)
	e.says(0, e.opsafe("manage", "--backend", "tpp"), "airlock /home/opensafely/airlock/certs/fullchain.pem", "airlock running → made anew")
	e.inspects("airlock", map[string]string{".State.Running": "true", `index .Config.Labels "is"`: "second"})
	e.inspects("agent", map[string]string{".Id": agent})

	e.says(0, e.opsafe("manage", "--backend", "emis", "--only", "directory", "--only", "compose/release-hatch"), "release-hatch never started → running")
	e.inspects("release-hatch", map[string]string{
		`json .HostConfig.PortBindings`: `{"8001/tcp":[{"HostIp":"","HostPort":"8001"}]}`, ".HostConfig.SecurityOpt": "[seccomp:unconfined]", ".Config.User": "10000:10000",
	})
}

// deployed compares tpp's containers with what they are to be.
func (e *env) deployed() {
	e.t.Helper()
	docker := e.mustRun("sh", "-c", "getent group docker | cut -d: -f3")
	e.inspects("agent", map[string]string{
		".State.Running": "true", ".Config.User": "10000:10000", ".HostConfig.GroupAdd": "[" + docker + "]", ".HostConfig.Dns": "[127.0.0.1]",
		"json .HostConfig.LogConfig": `{"Type":"journald","Config":{"tag":"agent"}}`, ".Config.Image": imageProxy + "/opensafely-core/job-runner:latest",
	})
	e.inspects("airlock", map[string]string{
		".State.Running": "true", `json .HostConfig.PortBindings`: `{"8000/tcp":[{"HostIp":"","HostPort":"443"}]}`,
		"json .HostConfig.LogConfig": `{"Type":"journald","Config":{"tag":"airlock"}}`, ".Config.Image": imageProxy + "/opensafely-core/airlock:latest",
	})
	for name, words := range map[string][]string{
		"agent": {
			"OTEL_SERVICE_NAME=agent-tpp", "POLL_INTERVAL=60", "TEMP_DATABASE_NAME=OPENCoronaTempTables", "JOB_SERVER_TOKEN=",
			"/var/run/docker.sock:/var/run/docker.sock:rw", "/srv/high_privacy:/srv/high_privacy:rw", "/srv/medium_privacy:/srv/medium_privacy:rw",
			"/home/opensafely/jobrunner/workdir:/workdir:rw", "/etc/hosts:/etc/hosts:ro", "/etc/passwd:/etc/passwd:ro", "/etc/group:/etc/group:ro",
		},
		"airlock": {
			"OTEL_SERVICE_NAME=airlock-tpp", "DJANGO_ALLOWED_HOSTS=tpp.backends.opensafely.org", "/home/opensafely/airlock/certs:/certs:ro",
			"/srv/medium_privacy/workspaces:/srv/medium_privacy/workspaces:ro", "/srv/medium_privacy/requests:/srv/medium_privacy/requests:rw",
		},
	} {
		said := e.mustRun("docker", "inspect", "--format", `{{json .Config.Env}}{{range .Mounts}} "{{.Source}}:{{.Destination}}:{{if .RW}}rw{{else}}ro{{end}}"{{end}}`, name)
		for _, word := range words {
			if !strings.Contains(said, `"`+word+`"`) {
				e.t.Errorf("%s has no %s: %s", name, word, said)
			}
		}
	}
}
