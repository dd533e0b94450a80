package kind

import (
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// imageOf is what is at a path before it is changed, for the journal: nil where
// nothing is. The content of a file that is only known after apply is left out.
func imageOf(r host.Reader, path string, n *host.Node) (*host.FileImage, error) {
	if n == nil {
		return nil, nil
	}
	image := &host.FileImage{Node: *n}
	if n.Type != host.TypeFile {
		return image, nil
	}
	data, err := r.ReadFile(path)
	if host.AfterApply(err) {
		return image, nil
	}
	if err != nil {
		return nil, err
	}
	image.Content = host.NewContent(data)
	return image, nil
}

// priorFiles are the regular files that steps are about to replace or remove, or
// that are not there yet.
func priorFiles(steps []host.Step) []host.PriorFile {
	var out []host.PriorFile
	for _, s := range steps {
		var path string
		var was *host.FileImage
		switch s := s.(type) {
		case host.WriteFile:
			path, was = s.Path, s.Was
		case host.RemovePath:
			path, was = s.Path, s.Was
		default:
			continue
		}
		switch {
		case was == nil:
			out = append(out, host.PriorFile{Path: path, Absent: true})
		case was.Node.Type == host.TypeFile:
			n := was.Node
			out = append(out, host.PriorFile{Path: path, Owner: n.Owner, Group: n.Group, Mode: n.Access.Mode(), Content: was.Content.Bytes()})
		}
	}
	return out
}

// diffOf is the change of a file's content from what was there to after. What
// is no text is not shown.
func diffOf(path string, was *host.FileImage, after []byte) *change.Diff {
	var before []byte
	if was != nil {
		before = was.Content.Bytes()
	}
	d := &change.Diff{Path: path, Before: string(before), After: string(after)}
	if isBinary(before) || isBinary(after) {
		d.Hidden = "binary"
		d.Before, d.After = describe(before), describe(after)
	}
	return d
}

// secretDiff is like diffOf, but only tells that the content differs.
func secretDiff(path, before, after string) *change.Diff {
	return &change.Diff{Path: path, Hidden: "secret", Before: before, After: after}
}

// digestOf stands for secret content at a path; empty for none.
func digestOf(path string, data []byte) string {
	if data == nil {
		return ""
	}
	return host.SecretDigest(path, data)
}

// describe stands for content that cannot be shown; nothing stands for nothing.
func describe(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, sha256 %s", count(len(data), "byte", "bytes"), host.NewContent(data).Digest()[:shortDigest])
}

// shortDigest is how much of a digest is shown.
const shortDigest = 12

// secretValue is a secret as it is shown, by its digest.
func secretValue(digest string) change.Value {
	if digest == "" {
		return change.Text("")
	}
	return change.Value{Kind: change.Secret, Text: digest[:shortDigest]}
}
