package spec

// testParts are those of the kinds. Only a package of its own can import them, which
// hands them over before the first test.
var testParts []Part

// SetParts has tests load specs in the language of these parts.
func SetParts(parts []Part) { testParts = parts }

// Merged is a backend in three files.
const Merged = `
-- backends/common/base.yaml --
include: [lower.yaml]
packages: {vim: installed, curl: installed}
files:
  /etc/motd: {source: motd, mode: "0644"}
  /etc/issue: {source: motd}
users:
  app: {groups: [sudo, adm], shell: /bin/sh, home_mode: "0750"}
docker:
  daemon: {mtu: 1, features: {c: 2}}
  networks: {db: {interface: db0}}
-- backends/common/lower.yaml --
packages: {curl: purged, tree: installed}
values: {ONE: one, TWO: two}
-- backends/common/motd --
hello
-- backends/one/backend.yaml --
include: [../common/base.yaml, ../common/lower.yaml]
packages: {vim: {managed: false}, tree: {hold: true}}
values: {TWO: zwei}
files:
  /etc/motd: {content: "bye\n"}
users:
  app: {groups: [adm]}
docker:
  daemon: {features: true}
  networks: {db: {subnet: 172.30.0.0/24}}
`
