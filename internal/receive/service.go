package receive

import (
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listeners are the sockets that systemd has handed over. With none, nobody has.
func Listeners() ([]net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("cannot take the socket over from systemd: %w", err)
	}
	for _, l := range all {
		if l == nil {
			return nil, fmt.Errorf("what systemd has handed over is no socket that listens")
		}
	}
	return all, nil
}

// NewLog writes a line for each event. The journal knows the time.
func NewLog(to io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}
