package snapshot

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"opsafe/internal/host"
)

// Questions are what a Reader can be asked, in words: so they are remembered, and
// so they are named where an answer is not what it was any more.
const (
	askMachine = "the machine"
	askRanges  = "the id ranges of login.defs"
	askStrays  = "what is in the account databases besides"
	askUsers   = "the list of users"
	askGroups  = "the list of groups"
	askPending = "what is owed to units"
	askEngine  = "docker"

	askPackages   = "the list of packages"
	askUnfinished = "which packages are half done"
	askManual     = "which packages were installed by hand"
	askNetworks   = "the list of docker networks"

	askContainers = "the list of docker containers"
)

func askUser(name string) string      { return "user " + name }
func askGroup(name string) string     { return "group " + name }
func askUserID(uid int) string        { return "user number " + strconv.Itoa(uid) }
func askGroupID(gid int) string       { return "group number " + strconv.Itoa(gid) }
func askPassword(name string) string  { return "password of " + name }
func askShadow(group string) string   { return "password and administrators of group " + group }
func askTraces(name string) string    { return "what runs for " + name }
func askUserUnits(name string) string { return "units of " + name }
func askStat(path string) string      { return "state of " + path }
func askContent(path string) string   { return "content of " + path }
func askNames(path string) string     { return "names in " + path }
func askPackage(name string) string   { return "package " + name }
func askForeign(name string) string   { return "package " + name + " for other architectures" }
func askCandidate(name string) string { return "whether apt knows " + name }
func askUnit(name string) string      { return "unit " + name }
func askNetwork(name string) string   { return "docker network " + name }
func askFirewall(name string) string  { return "firewall of docker network " + name }
func askImage(ref string) string      { return "docker image " + ref }

func askUnpacked(name string) string { return "what was unpacked as " + name }

// askTree tells rules for one tree apart.
func askTree(rule host.TreeRule) (string, error) {
	data, err := json.Marshal(rule)
	if err != nil {
		return "", fmt.Errorf("cannot name the rule for %s: %w", rule.Root, err)
	}
	return fmt.Sprintf("the tree %s (rule %x)", rule.Root, shortSum(data)), nil
}

func shortSum(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:6]
}

// checkQuestion is all that a program's verdict depends on, but for the host.
type checkQuestion struct {
	Argv      []string
	Needs     []string
	Companion string
	Main, Dir string
	Name      string
	Declared  map[string]string
	Predicted map[string]string
	Unit      string
	Files     map[string]string
	Content   string
	Install   *host.InstallCheck `json:",omitempty"`
	Remove    *host.RemoveCheck  `json:",omitempty"`
}

// CheckKey names a check of a content, in words and with a digest of all that the
// program gets to see. A secret is in it by its own slow digest alone.
func CheckKey(c host.Check, content host.Content) (string, error) {
	q := checkQuestion{Argv: c.Argv, Needs: c.Needs, Companion: c.Companion, Content: contentKey(content), Install: c.Install, Remove: c.Remove}
	if t := c.Tree; t != nil {
		q.Main, q.Dir, q.Name = t.Main, t.Dir, t.Name
		q.Declared, q.Predicted = contentKeys(t.Declared), contentKeys(t.Predicted)
	}
	if u := c.Unit; u != nil {
		q.Unit, q.Files = u.Name, map[string]string{}
		for name, f := range u.Files {
			q.Files[name] = contentKey(f)
		}
	}
	data, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("cannot name a check: %w", err)
	}
	name := ""
	if len(c.Argv) > 0 {
		name = c.Argv[0]
	}
	return fmt.Sprintf("%s (input %x)", name, shortSum(data)), nil
}

func contentKeys(m map[string]*host.Content) map[string]string {
	out := map[string]string{}
	for p, c := range m {
		out[p] = ""
		if c != nil {
			out[p] = contentKey(*c)
		}
	}
	return out
}

func contentKey(c host.Content) string {
	if c.Secret() {
		return host.SecretDigest("check", c.Bytes())
	}
	return c.Digest()
}
