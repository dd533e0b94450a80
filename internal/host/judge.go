package host

import (
	"context"

	"opsafe/internal/words"
)

// A Judge has programs, and asks them about the configuration of another machine,
// of which it is given every file: nothing of its own is read. A program that it
// lacks is an error that matches ErrNoProgram.
type Judge interface {
	// JudgeFiles is Reader.Check for a check with a Tree or a Unit. Files are the
	// configuration as it is, by path; a unit needs none.
	JudgeFiles(ctx context.Context, c Check, content Content, files map[string][]byte) error
	// EvaluateFiles is Reader.Evaluate.
	EvaluateFiles(ctx context.Context, c Check, files map[string][]byte) (string, error)
}

// IncludeLine is a line of sshd_config(5) or sudoers(5) that includes others: the
// keyword with what is behind it, what is included, and the end of the line.
var IncludeLine = words.Pattern(`(?i)^(\s*"?(?:include"?|[@#]include|[@#]includedir)(?:\s*=\s*|\s+))(.*?)(\s*)$`)
