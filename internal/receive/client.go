package receive

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// origin is where a request comes from. The zero one is not known.
type origin struct{ netip.Addr }

func (o origin) String() string {
	if !o.IsValid() {
		return "unknown"
	}
	return o.Addr.String()
}

// client is who sent a request: who has connected, or, if that is a proxy, the last one
// in X-Forwarded-For that is none. All before it may be made up.
func (s *Server) client(r *http.Request) origin {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	at := peer.Addr().Unmap().WithZone("")
	if err == nil && !slices.Contains(s.proxies, at) {
		return origin{at}
	}
	// A Unix socket has no addresses: whoever may connect to it is a proxy.
	var all []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		all = append(all, strings.Split(line, ",")...)
	}
	for _, text := range slices.Backward(all) {
		a, ok := forwarded(strings.TrimSpace(text))
		if !ok {
			return origin{}
		}
		if a = a.Unmap().WithZone(""); !slices.Contains(s.proxies, a) {
			return origin{a}
		}
	}
	return origin{at} // the proxy itself
}

// forwarded is the address that a proxy names: some, such as Azure's, put the port behind
// it, and some put brackets around one of IPv6.
func forwarded(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a, true
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.Addr(), true
	}
	inner, opens := strings.CutPrefix(text, "[")
	inner, closes := strings.CutSuffix(inner, "]")
	a, err := netip.ParseAddr(inner)
	return a, err == nil && opens && closes && a.Is6()
}

func (s *Server) fromGitHub(from origin) bool {
	if s.ranges == nil {
		return true
	}
	return from.IsValid() && slices.ContainsFunc(s.ranges, func(p netip.Prefix) bool { return p.Contains(from.Addr) })
}
