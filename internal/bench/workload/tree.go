package workload

import (
	"fmt"
	"os"
	"path/filepath"
)

// Tree is the tree of files whose owner, mode and ACL are declared.
const Tree = "/srv/tree"

// TreeTools brings the tree to its state with the tools that everybody has, TreeLook
// reads what there is to be known of it with them.
const (
	TreeTools = "chown -R treeown:treegroup /srv/tree; chmod -R u=rwX,g=rX,o= /srv/tree; setfacl -R -m g:treegroup2:rwX,d:g:treegroup2:rwX /srv/tree"
	TreeLook  = "find /srv/tree ! -user treeown -o ! -group treegroup -o -type f ! -perm 0660 -o -type d ! -perm 2770; getfacl -R -p /srv/tree | wc -l"
)

const treeSpec = `groups: {treegroup: {}, treegroup2: {}}
users: {treeown: {uid: 3000, system: true, home: /nonexistent, shell: /usr/sbin/nologin}}
directories:
  /srv/tree:
    owner: treeown
    group: treegroup
    mode: "2750"
    recurse: {owner: treeown, group: treegroup, files: "0640", directories: "2750", from: [root]}
acls:
  /srv/tree:
    access: ["group:treegroup2:rwX"]
    default: ["group:treegroup2:rwX"]
    recursive: true
`

// WriteTreeSpec writes a spec of the tree.
func WriteTreeSpec(dir string) error {
	path := filepath.Join(dir, "backends", Backend, "backend.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot write the spec: %w", err)
	}
	if err := os.WriteFile(path, []byte(treeSpec), 0o644); err != nil {
		return fmt.Errorf("cannot write the spec: %w", err)
	}
	return nil
}
