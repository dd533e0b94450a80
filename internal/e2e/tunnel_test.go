package e2e

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
)

// proxyPort is where hosts have the proxy.
const proxyPort = "127.0.0.1:3128"

// tunnel is an HTTPS proxy: it knows a few names, which lead to one server, and passes on
// what it cannot read.
type tunnel struct {
	knows []string // as in github.com:443
	to    string   // address of the server

	mu    sync.Mutex
	asked []string
}

// open has the proxy listen on a host.
func (p *tunnel) open(e *env) {
	e.t.Helper()
	l, err := e.Listen("tcp", proxyPort)
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: p} //nolint:gosec // it ends with the test
	go func() { _ = server.Serve(l) }()
	e.t.Cleanup(func() { _ = server.Close() })
}

// seen are the names that the proxy was asked for since it was last asked.
func (p *tunnel) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.asked = nil }()
	return p.asked
}

// ServeHTTP implements http.Handler.
func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || !slices.Contains(p.knows, r.Host) {
		http.Error(w, "not for you", http.StatusForbidden)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = there.Close() }()
	w.WriteHeader(http.StatusOK)
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = here.Close() }()
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
}
