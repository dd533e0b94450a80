package e2e

import "strings"

// offersTLS asks for TLS as a client of RDP does (MS-RDPBCGR 2.2.1.1), and says who the
// server is by its certificate. It exits with 1 if the server takes RDP's own encryption.
const offersTLS = `
import socket, ssl, sys
def ask(protocols):
    s = socket.create_connection(("127.0.0.1", 3389), 10)
    s.sendall(bytes([3, 0, 0, 19, 14, 224, 0, 0, 0, 0, 0, 1, 0, 8, 0, protocols, 0, 0, 0]))
    return s, s.recv(19)
_, said = ask(0)
if said[11] != 3:
    sys.exit("RDP's own encryption is taken")
s, said = ask(1)
if said[11] != 2 or said[15] != 1:
    sys.exit("TLS is not taken")
c = ssl.create_default_context()
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
print(ssl.DER_cert_to_PEM_cert(c.wrap_socket(s).getpeercert(True)))
`

// wantRDP has people sign in to emis as xrdp does it for them: reviewers get a session,
// and so does who is one by another role; nobody else does, whatever their password.
func wantRDP(e *env) {
	e.t.Helper()
	e.mustRun("useradd", "outsider")
	for name, in := range map[string]bool{"HelenCEBM": true, "madwort": true, "outsider": false, "root": false} {
		e.setPassword(name)
		r := e.run("xrdp-sesrun", "-s", "127.0.0.1", "-p", goodPassword, name)
		if got := strings.Contains(r.stdout, "\nok "); got != in {
			e.t.Errorf("%s signs in over RDP: %v: %s", name, got, r)
		}
	}
	if r := e.run("xrdp-sesrun", "-s", "127.0.0.1", "-p", "another", "HelenCEBM"); !strings.Contains(r.stdout, "denied") {
		e.t.Errorf("any password will do: %s", r)
	}
	if got := e.mustRun("python3", "-c", offersTLS); strings.TrimSpace(got) != strings.TrimSpace(e.read("/etc/xrdp/cert.pem")) {
		e.t.Errorf("the server shows another certificate:\n%s", got)
	}
}
