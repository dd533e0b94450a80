package spec

import (
	"testing"

	"gopkg.in/yaml.v3"
)

// TestDraftBlock: whatever a file begins with, what is written is read as it was.
func TestDraftBlock(t *testing.T) {
	t.Parallel()
	texts := []string{""}
	for range 4 {
		for _, text := range texts {
			for _, next := range []string{"\n", " ", "\t", "a", ":", "#"} {
				texts = append(texts, text+next)
			}
		}
	}
	for _, text := range texts {
		root := NewDraft().Set("files", NewDraft().Block("content", text).Node())
		data, err := yaml.Marshal(root.Node())
		if err != nil {
			t.Fatal(err)
		}
		var read map[string]map[string]string
		if err := yaml.Unmarshal(data, &read); err != nil || read["files"]["content"] != text {
			t.Errorf("%q is read as %q, %v", text, read["files"]["content"], err)
		}
	}
}
