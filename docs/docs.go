// Package docs is what people read, as it is in the binary: opsafe man makes manual
// pages of it.
package docs

import "embed"

// Files are the guides and the reference, by their paths below docs.
//
//go:embed *.md guides/*.md reference/*.md
var Files embed.FS
