package host

import "errors"

// ErrUntried is the error of a trial that could not be made, as on a full disk: it says
// nothing about the way in.
var ErrUntried = errors.New("the way in could not be tried")
