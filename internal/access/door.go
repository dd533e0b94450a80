package access

import (
	"strconv"
	"strings"

	"opsafe/internal/roster"
)

// Door is one thing by which somebody gets in as an account: a line of a key file,
// an authority for certificates, a password. Those that opsafe cannot judge are
// doors, too: they say so.
type Door struct {
	By  By
	Key roster.Key // of ByKey and ByAuthority
	At  string     // where it is: FILE:LINE, or what sshd asks
	Use Use
	// Command is what is run whatever is asked for, of UseCommand.
	Command string
	// Forwards is whether ports and sockets can be forwarded, and Socket the one
	// by which that is being root.
	Forwards bool
	Socket   string
	Limits   []string
	// Doubt says why it cannot be told whether it lets anybody in.
	Doubt string
}

// By is what a door goes by.
type By string

// What a door goes by.
const (
	ByKey       By = "key"
	ByAuthority By = "certificate authority"
	ByLine      By = "line"    // that opsafe does not understand
	ByFile      By = "file"    // that could not be read
	ByProgram   By = "program" // that says which keys there are
	ByPassword  By = "password"
	ByHost      By = "host"     // that vouches for its users
	ByTicket    By = "Kerberos" // of GSSAPI
)

// Use is what a door is good for, from the least on.
type Use int

// What a door is good for.
const (
	UseNothing    Use = iota
	UseForwarding     // no session: ports and sockets alone
	UseCommand        // one command
	UseFiles          // sftp alone
	UseCommands       // any command, but no terminal
	UseShell
)

// Same tells doors from others: by what they go, whatever they are good for.
func (d Door) same(o Door) bool {
	if d.By != o.By {
		return false
	}
	if d.Key.Blob != "" || o.Key.Blob != "" {
		return d.Key.Blob == o.Key.Blob
	}
	return d.At == o.At
}

// BySSH reports whether it is sshd that opens it.
func (d Door) BySSH() bool { return d.By != ByPassword || d.At == passwordBySSH }

// Good says what the door is good for, in words.
func (d Door) Good() string {
	var what string
	switch d.Use {
	case UseNothing:
		what = "nothing"
	case UseForwarding:
		what = "no shell, but forwarding"
	case UseCommand:
		what = "only the command " + strconv.Quote(d.Command)
		if d.Forwards {
			what += " and forwarding"
		}
	case UseFiles:
		what = "only files, by sftp"
		if d.Forwards {
			what += ", and forwarding"
		}
	case UseCommands:
		what = "commands only, no terminal"
	case UseShell:
		what = "a shell"
	}
	if d.Socket != "" {
		what += " (" + d.Socket + ": root)"
	}
	return strings.Join(append([]string{what}, d.Limits...), ", ")
}

// Words say what the door is.
func (d Door) Words() string {
	var what string
	switch d.By {
	case ByKey:
		what = "key " + d.Key.Fingerprint
	case ByAuthority:
		what = "certificates of the authority " + d.Key.Fingerprint
		if d.Key.Fingerprint == "" {
			what = "certificates of an authority"
		}
	case ByLine:
		what = "the line " + d.At
	case ByFile:
		what = "what " + d.At + " holds"
	case ByProgram:
		what = "the keys that " + d.At + " names"
	case ByPassword:
		what = d.At
	case ByHost:
		what = "the word of another host"
	case ByTicket:
		what = "a Kerberos ticket"
	}
	switch {
	case d.Doubt != "":
		return what + ": cannot be told: " + d.Doubt
	case d.By == ByPassword:
		return what
	}
	return what + ": " + d.Good()
}
