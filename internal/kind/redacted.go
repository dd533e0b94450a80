package kind

import (
	"context"

	"opsafe/internal/host"
)

// presentContent is what is known of the content of a file that is there: the
// content itself, or what a recorded host has kept of a secret one.
type presentContent struct {
	data []byte // nil for none
	// digest stands for content that is secret as a whole.
	digest string
	path   string
	// part is what is known of declared parts of content that is kept back.
	part *host.Part
	kept error
}

// present reads the file. Of one that was recorded without its secrets it gives
// what is enough to compare it.
func (l fileLook) present(ctx context.Context, r host.Reader) (presentContent, error) {
	data, err := r.ReadFile(l.path)
	red := host.Redacted(err)
	switch {
	case red == nil:
		return presentContent{data: data}, err
	case red.Text != nil && !l.hide:
		return l.inPart(ctx, r, red)
	case red.Digest != "" && l.hide && l.form.whole():
		return presentContent{digest: red.Digest, path: red.Path}, nil
	case red.Part != nil && l.hide:
		return presentContent{part: red.Part, path: red.Path, kept: err}, nil
	}
	return presentContent{}, err
}

// inPart is content that was recorded with digests in the place of the values of
// secret variables. Where the declared content has the same value, the digest
// says so, and the value takes its place again.
func (l fileLook) inPart(ctx context.Context, r host.Reader, red *host.RedactedError) (presentContent, error) {
	declared, err := l.form.content(ctx, r, red.Text)
	if err != nil {
		return presentContent{}, err
	}
	known := map[string]string{} // by name and digest
	host.EachValue(string(declared), l.hidden, func(name, value string) string {
		if !host.IsHidden(value) {
			known[name+" "+host.HiddenEnv(red.Path, name, value)] = value
		}
		return value
	})
	text := host.EachValue(string(red.Text), l.hidden, func(name, value string) string {
		if same, ok := known[name+" "+value]; ok {
			return same
		}
		return value
	})
	return presentContent{data: []byte(text)}, nil
}

// is reports whether the content is data.
func (p presentContent) is(data []byte) bool {
	if p.digest != "" {
		return p.digest == host.SecretDigest(p.path, data)
	}
	return string(p.data) == string(data)
}

// shown is the digest by which the content is shown, empty for none.
func (p presentContent) shown(path string) string {
	if p.digest != "" {
		return p.digest
	}
	return digestOf(path, p.data)
}
