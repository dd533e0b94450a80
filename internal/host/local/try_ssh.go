package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/crypto/ssh"
)

// trySSHD has sshd answer with its key exchange on each address on which its
// configuration, or its socket, has it listen.
func (h *Host) trySSHD(ctx context.Context) error {
	conn, err := h.units.connect(ctx)
	if err != nil {
		return err
	}
	if socketActive(ctx, conn) {
		return answersAll(ctx, socketAddresses(ctx, conn))
	}
	at, err := sshAddresses(ctx)
	if err != nil {
		return err
	}
	return answersAll(ctx, at)
}

// socketAddresses are those on which systemd listens for sshd.
func socketAddresses(ctx context.Context, conn *sdbus.Conn) []netip.AddrPort {
	p, err := conn.GetUnitTypePropertyContext(ctx, sshSocket, "Socket", "Listen")
	if err != nil {
		return nil
	}
	pairs, _ := p.Value.Value().([][]any)
	var out []netip.AddrPort
	for _, pair := range pairs {
		const fields = 2 // the sort of socket, and its address
		if len(pair) != fields {
			continue
		}
		text, _ := pair[1].(string)
		if at, err := netip.ParseAddrPort(text); err == nil {
			out = append(out, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
		}
	}
	return out
}

// answersAll has sshd answer at each address with its key exchange.
func answersAll(ctx context.Context, at []netip.AddrPort) error {
	if len(at) == 0 {
		return errors.New("sshd listens nowhere")
	}
	for _, a := range at {
		if err := exchange(ctx, a); err != nil {
			return fmt.Errorf("sshd does not answer on %s: %w", a, err)
		}
	}
	return nil
}

// anyAlgorithm are all that this program has and are safe, not those alone that it
// prefers.
func anyAlgorithm() ssh.Config {
	all := ssh.SupportedAlgorithms()
	return ssh.Config{KeyExchanges: all.KeyExchanges, Ciphers: all.Ciphers, MACs: all.MACs}
}

// errExchanged ends a connection of which enough is known.
var errExchanged = errors.New("the keys are exchanged")

// exchange goes as far as the exchange of keys, and no further.
func exchange(ctx context.Context, at netip.AddrPort) error {
	conn, to, err := dialSSHD(ctx, at)
	if conn == nil || err != nil {
		return err
	}
	defer conn.Close()
	done := false
	_, _, _, err = ssh.NewClientConn(conn, to, &ssh.ClientConfig{
		Config: anyAlgorithm(), User: "opsafe-" + strconv.Itoa(os.Getpid()),
		HostKeyCallback: func(string, net.Addr, ssh.PublicKey) error {
			done = true
			return errExchanged
		},
	})
	if done {
		return nil
	}
	return err
}
