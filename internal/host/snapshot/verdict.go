package snapshot

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Verdict is what a program said of a content, or of a configuration.
type Verdict struct {
	// Of is the argument vector, for people.
	Of string `json:"of"`
	// Says is what it printed.
	Says string `json:"says,omitempty"`
	// Refused is what it refuses, and Already as in host.CheckError.
	Refused *Refusal `json:"refused,omitempty"`
	// Missing is set when the program was not on the host.
	Missing bool     `json:"missing,omitempty"`
	Trouble *Trouble `json:"trouble,omitempty"`
}

// Refusal is a host.CheckError.
type Refusal struct {
	Program string `json:"program"`
	Output  string `json:"output"`
	Already bool   `json:"already,omitempty"`
	Ignored bool   `json:"ignored,omitempty"`
}

// verdictOf records an answer.
func verdictOf(c host.Check, says string, err error) Verdict {
	v := Verdict{Of: strings.Join(c.Argv, " "), Says: says}
	var refused *host.CheckError
	switch {
	case err == nil:
	case errors.As(err, &refused):
		v.Refused = &Refusal{Program: refused.Program, Output: refused.Output, Already: refused.Already, Ignored: refused.Ignored}
	case errors.Is(err, host.ErrNoProgram) && !host.IsUnknown(err):
		v.Missing = true
	default:
		t := troubleOf(err)
		v.Trouble = &t
	}
	return v
}

func (v Verdict) answer() (string, error) {
	switch {
	case v.Refused != nil:
		return "", &host.CheckError{Program: v.Refused.Program, Output: v.Refused.Output, Already: v.Refused.Already, Ignored: v.Refused.Ignored}
	case v.Missing:
		return "", host.ErrNoProgram
	case v.Trouble != nil:
		return "", v.Trouble.err()
	}
	return v.Says, nil
}

// Check gives the recorded verdict, or runs one of the recorded programs, if it is
// among them.
func (r *Reader) Check(ctx context.Context, c host.Check, content host.Content) error {
	if len(c.Argv) == 0 {
		return host.ErrNoProgram
	}
	program := path.Base(c.Argv[0])
	if r.state.Verdicts != nil {
		_, err := r.recorded(ctx, c, &content)
		return err
	}
	bad, ok := r.state.Programs[program]
	if !ok {
		return host.ErrNoProgram
	}
	if bad != "" && strings.Contains(string(content.Bytes()), bad) {
		return &host.CheckError{Program: program, Output: "it holds " + bad}
	}
	return nil
}

// Evaluate gives what was recorded, or what a judge says.
func (r *Reader) Evaluate(ctx context.Context, c host.Check) (string, error) {
	if len(c.Argv) == 0 {
		return "", host.ErrNoProgram
	}
	if r.state.Verdicts != nil {
		return r.recorded(ctx, c, nil)
	}
	return "", &host.UnknownError{What: "what " + c.Argv[0] + " makes of its configuration", Why: "it cannot be run on a record of a host"}
}

// recorded is the recorded verdict on a content (nil: on the configuration as it
// is), else that of the judge.
func (r *Reader) recorded(ctx context.Context, c host.Check, content *host.Content) (string, error) {
	asked := host.NewContent(nil)
	if content != nil {
		asked = *content
	}
	key, err := CheckKey(c, asked)
	if err != nil {
		return "", err
	}
	if v, ok := r.state.Verdicts[key]; ok {
		return v.answer()
	}
	if says, err, ok := r.judged(ctx, c, content); ok {
		return says, err
	}
	if c.Install != nil { // what the record says of the index has to do
		return "", &host.UnknownError{What: "whether apt installs " + strings.Join(c.Install.Names, ", "), Why: "it was not asked when the record was made"}
	}
	if c.Remove != nil {
		return "", &host.UnknownError{What: "what goes with " + strings.Join(c.Remove.Names, ", "), Why: "it was not asked when the record was made"}
	}
	r.inVain("what " + strings.Join(c.Argv, " ") + " says")
	return "", &host.UnknownError{What: "the verdict of " + c.Argv[0], Why: "it cannot be run on a record of a host, and was not asked this when the record was made"}
}

// inVain notes a question of which nothing was recorded.
func (r *Reader) inVain(question string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unjudged[question] = true
}

// Unjudged lists what has been asked of programs, and of the package index, and
// was not recorded, sorted: a plan goes on without.
func (r *Reader) Unjudged() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.unjudged))
}
