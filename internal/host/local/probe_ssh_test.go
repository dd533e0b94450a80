package local

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
)

func TestListenersOf(t *testing.T) {
	var want []netip.AddrPort
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		want = append(want, netip.MustParseAddrPort(l.Addr().String()))
	}
	got, err := listenersOf("/proc", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(l sshListener) bool { return l.at == w && l.inode != "" }) {
			t.Errorf("%s is not among %v", w, got)
		}
	}
}
