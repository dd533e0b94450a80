package kind

import (
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Secrets says what of a host's files nobody may record: what the specs of
// backends declare as secret, what not everybody may read, and what is secret on
// every host.
func Secrets(backends ...*spec.Backend) host.Secrecy {
	s := host.Secrecy{Paths: map[string]bool{}, Variables: map[string]map[string]bool{}, Layers: map[string]bool{}}
	for _, p := range []string{debian.Shadow, debian.GShadow, "/etc/shadow-", "/etc/gshadow-"} {
		s.Paths[p] = true
	}
	declared, open, pairs := map[string][]*spec.File{}, map[string]bool{}, map[string]bool{}
	for _, b := range backends {
		secretsOf(b, &s)
		for p, f := range b.Files {
			declared[p] = append(declared[p], f)
			if privacyOf(f.Secret).open {
				open[p] = true
			}
		}
		for _, v := range venvsOf(b) { // which versions of what are installed is no secret
			open[v.Requirements] = true
		}
		for p := range keyPairsOf(b) {
			pairs[p], open[p+".pub"] = true, true
		}
	}
	s.Open = func(p string, n host.Node) bool { return open[p] || recordable(p, n) }
	s.Part = func(p string, data []byte) *host.Part {
		switch {
		case p == host.TrustedBundle:
			return &host.Part{Lines: host.LeafDigests(data)}
		case pairs[p]:
			return privatePart(p, data)
		case p == dockerConfig:
			return daemonPart(data)
		case p == chronyConfig:
			return chronyPart(data, partOf(p, data, declared[p]))
		}
		if path.Dir(p) == cloudDropIns {
			return cloudPart(p, data, partOf(p, data, declared[p]))
		}
		part := withAddresses(partOf(p, data, declared[p]), p, data, backends)
		return withCertificate(withPaths(part, p, data, backends), data)
	}
	// Whoever has left a private key open to all has not meant it to get around.
	// And all that a host trusts is too much to be recorded whole.
	s.Closed = func(p string, data []byte) bool {
		return len(declared[p]) == 0 && (p == host.TrustedBundle || host.HasPrivateKey(data))
	}
	return s
}

func secretsOf(b *spec.Backend, s *host.Secrecy) {
	if b.Keys.GitHub.TokenFile != "" {
		s.Paths[b.Keys.GitHub.TokenFile] = true
	}
	for p := range keyPairsOf(b) {
		s.Paths[p] = true
	}
	for _, c := range certificatesOf(b) {
		if c.Key != "" {
			s.Paths[c.Key] = true
		}
	}
	for _, f := range hookFiles(b) {
		s.Paths[f.path] = true
	}
	for _, e := range environmentsOf(b) {
		for _, p := range e.Files {
			s.Layers[p] = true
		}
	}
	in := &Input{Backend: b}
	for p, f := range b.Files {
		names := in.secretVariables(p)
		// What is to be kept from others is not written down while it is open.
		mode := spec.Mode(f.Mode)
		closed := mode != nil && host.AccessOf(*mode).Other&host.Read == 0 && !privacyOf(f.Secret).open
		if spec.Is(f.Secret) || closed {
			s.Paths[p] = true
			continue
		}
		if !host.IsEnvFile(p) {
			continue
		}
		for name := range names {
			if s.Variables[p] == nil {
				s.Variables[p] = map[string]bool{}
			}
			s.Variables[p][name] = true
		}
	}
}
