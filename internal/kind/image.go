package kind

import (
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// FileImage is what is at a path before it is changed.
type FileImage struct {
	Node    host.Node
	Content host.Content // of a regular file
}

// ImageOf is what is at a path, to be compared and shown: nil where nothing
// is. The content of a file that is only known after apply is left out.
func ImageOf(r host.Reader, path string, n *host.Node) (*FileImage, error) {
	if n == nil {
		return nil, nil
	}
	image := &FileImage{Node: *n}
	if n.Type != host.TypeFile {
		return image, nil
	}
	data, err := r.ReadFile(path)
	switch red := host.Redacted(err); {
	case host.AfterApply(err):
		return image, nil
	case red != nil && red.Digest != "":
		image.Content = host.ByDigest(red)
	case err != nil:
		return nil, err
	case !host.Everybody(r, path, *n):
		image.Content = host.NewSecret(data)
	default:
		image.Content = host.NewContent(data)
	}
	return image, nil
}

// Holds reports whether the file at a path has this content already.
func Holds(image *FileImage, content []byte) bool { return image != nil && image.Content.Is(content) }

// ShowContent adds the content of a file before and after to c. What not
// everybody could read before is not shown.
func ShowContent(c *change.Change, path string, was *FileImage, after []byte) {
	if was == nil || !was.Content.Secret() {
		c.Diff = DiffOf(path, was, after)
		return
	}
	showDigests(c, path, was.Content.Shown(path), digestOf(path, after))
}

// showDigests is what is shown of secret content.
func showDigests(c *change.Change, path, before, after string) {
	if before != after {
		c.Attrs = append(c.Attrs, change.Attr{Name: "content", Before: SecretValue(before), After: SecretValue(after)})
	}
	c.Diff = secretDiff(path, before, after)
}

// DiffOf is the change of a file's content from what was there to after. What
// is no text is not shown.
func DiffOf(path string, was *FileImage, after []byte) *change.Diff {
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

// secretDiff is like DiffOf, but only tells that the content differs.
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
	return fmt.Sprintf("%s, sha256 %s", words.Count(len(data), "byte"), host.NewContent(data).Digest()[:ShortDigest])
}

// ShortDigest is how much of a digest is shown.
const ShortDigest = 12

// SecretValue is a secret as it is shown, by its digest. It may come from a container's
// label, which an image can have, too, and be shorter.
func SecretValue(digest string) change.Value {
	if digest == "" {
		return change.Text("")
	}
	return change.Value{Kind: change.Secret, Text: digest[:min(len(digest), ShortDigest)]}
}
