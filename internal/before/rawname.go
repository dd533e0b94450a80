package before

import (
	"encoding/json"
	"unicode/utf8"
)

// JSON has no way to write a name that is not UTF-8: it is kept as bytes, beside what
// can be read of it.

// rawName is a name as bytes, if it is not UTF-8.
func rawName(name string) []byte {
	if utf8.ValidString(name) {
		return nil
	}
	return []byte(name)
}

// MarshalJSON keeps the bytes of the path.
func (p Path) MarshalJSON() ([]byte, error) {
	type plain Path
	return json.Marshal(struct {
		plain
		Raw    []byte `json:"raw_path,omitempty"`
		Target []byte `json:"raw_target,omitempty"`
	}{plain(p), rawName(p.Path), p.rawTarget()})
}

// rawTarget is that of a link, if it is not UTF-8.
func (p Path) rawTarget() []byte {
	if p.Node == nil {
		return nil
	}
	return rawName(p.Node.Target)
}

// UnmarshalJSON reads what MarshalJSON has written.
func (p *Path) UnmarshalJSON(data []byte) error {
	type plain Path
	var read struct {
		plain
		Raw    []byte `json:"raw_path"`
		Target []byte `json:"raw_target"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*p = Path(read.plain)
	if read.Raw != nil {
		p.Path = string(read.Raw)
	}
	if read.Target != nil && p.Node != nil {
		p.Node.Target = string(read.Target)
	}
	return nil
}

// MarshalJSON keeps the bytes of the path.
func (n TreeNode) MarshalJSON() ([]byte, error) {
	type plain TreeNode
	return json.Marshal(struct {
		plain
		Raw []byte `json:"raw_path,omitempty"`
	}{plain(n), rawName(n.Path)})
}

// UnmarshalJSON reads what MarshalJSON has written.
func (n *TreeNode) UnmarshalJSON(data []byte) error {
	type plain TreeNode
	var read struct {
		plain
		Raw []byte `json:"raw_path"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	*n = TreeNode(read.plain)
	if read.Raw != nil {
		n.Path = string(read.Raw)
	}
	return nil
}
