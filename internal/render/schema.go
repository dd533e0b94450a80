package render

import _ "embed"

//go:embed document.schema.json
var documentSchema string

// Schema is the JSON Schema (draft 2020-12) of Document.
func Schema() string { return documentSchema }
