package host

// Program is a program that a deployment has run: as an account, with a clean
// environment and no more of its own than is said here.
type Program struct {
	Argv []string
	// As is the account whose rights it has.
	As  string
	Dir string // working directory; empty: /
	// Env are variables besides PATH, LANG, HOME, USER and LOGNAME, as NAME=value.
	Env   []string
	Stdin []byte
}
