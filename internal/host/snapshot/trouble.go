package snapshot

import (
	"errors"

	"opsafe/internal/host"
)

// Trouble is why a question could not be answered.
type Trouble struct {
	// What is unknown, and why, of a host.UnknownError.
	What       string `json:"what,omitempty"`
	Why        string `json:"why,omitempty"`
	AfterApply bool   `json:"after_apply,omitempty"`
	// Error is the whole message; empty where What and Why say it all.
	Error string `json:"error,omitempty"`
}

func troubleOf(err error) Trouble {
	var u *host.UnknownError
	if !errors.As(err, &u) {
		return Trouble{Error: err.Error()}
	}
	t := Trouble{What: u.What, Why: u.Why, AfterApply: u.AfterApply}
	if err.Error() != u.Error() {
		t.Error = err.Error()
	}
	return t
}

func (t Trouble) err() error {
	if t.What == "" {
		return errors.New(t.Error)
	}
	u := &host.UnknownError{What: t.What, Why: t.Why, AfterApply: t.AfterApply}
	if t.Error == "" {
		return u
	}
	return &toldError{text: t.Error, unknown: u}
}

// toldError is an unknown value as it was told, with what stood around it.
type toldError struct {
	text    string
	unknown *host.UnknownError
}

func (e *toldError) Error() string { return e.text }

func (e *toldError) Unwrap() error { return e.unknown }
