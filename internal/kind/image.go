package kind

import (
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// fileImage is what is at a path before it is changed.
type fileImage struct {
	Node    host.Node
	Content host.Content // of a regular file
}

// imageOf is what is at a path, to be compared and shown: nil where nothing
// is. The content of a file that is only known after apply is left out.
func imageOf(r host.Reader, path string, n *host.Node) (*fileImage, error) {
	if n == nil {
		return nil, nil
	}
	image := &fileImage{Node: *n}
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

// is reports whether the file at a path has this content already.
func is(image *fileImage, content []byte) bool { return image != nil && image.Content.Is(content) }

// showContent adds the content of a file before and after to c. What not
// everybody could read before is not shown.
func showContent(c *change.Change, path string, was *fileImage, after []byte) {
	if was == nil || !was.Content.Secret() {
		c.Diff = diffOf(path, was, after)
		return
	}
	showDigests(c, path, was.Content.Shown(path), digestOf(path, after))
}

// showDigests is what is shown of secret content.
func showDigests(c *change.Change, path, before, after string) {
	if before != after {
		c.Attrs = append(c.Attrs, change.Attr{Name: "content", Before: secretValue(before), After: secretValue(after)})
	}
	c.Diff = secretDiff(path, before, after)
}

// diffOf is the change of a file's content from what was there to after. What
// is no text is not shown.
func diffOf(path string, was *fileImage, after []byte) *change.Diff {
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
	return fmt.Sprintf("%s, sha256 %s", words.Count(len(data), "byte"), host.NewContent(data).Digest()[:shortDigest])
}

// shortDigest is how much of a digest is shown.
const shortDigest = 12

// secretValue is a secret as it is shown, by its digest. It may come from a container's
// label, which an image can have, too, and be shorter.
func secretValue(digest string) change.Value {
	if digest == "" {
		return change.Text("")
	}
	return change.Value{Kind: change.Secret, Text: digest[:min(len(digest), shortDigest)]}
}
