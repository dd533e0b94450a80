package local

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"time"

	"opsafe/internal/host"
)

const (
	logSocket = "/dev/log"
	// accountLog is the priority of what is said of accounts, see syslog(3): for the
	// information of those who may read what concerns security (authpriv).
	accountLog = 10<<3 | 6
	// logPatience is how long a log may take: one that is full, or whose service hangs, holds
	// nothing up.
	logPatience = 2 * time.Second
)

// logAccounts has the log of the host say which accounts were made, in the words that
// useradd has for its own.
func (h *Host) logAccounts(users []host.AddUser) {
	log, err := net.DialTimeout("unixgram", h.accounts.root+logSocket, logPatience)
	if err != nil {
		return // there is none
	}
	defer log.Close()
	if log.SetWriteDeadline(time.Now().Add(logPatience)) != nil {
		return
	}
	for _, u := range users {
		_, err := fmt.Fprintf(log, "<%d>%s opsafe[%d]: new user: name=%s, UID=%d, group=%s, home=%s, shell=%s",
			accountLog, time.Now().Format(time.Stamp), os.Getpid(), u.Name, u.UID, cmp.Or(u.Group, u.Name), u.Home, u.Shell)
		if err != nil {
			return
		}
	}
}
