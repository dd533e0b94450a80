package kind

import (
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Secrets says what of a host's files nobody may record: what the specs of
// backends declare as secret, what not everybody may read, what is secret on
// every host, and what kinds withhold.
func Secrets(kinds []Kind, backends ...*spec.Backend) host.Secrecy {
	w := Withheld{Open: map[string]bool{}, Secrecy: host.Secrecy{Paths: map[string]bool{}, Variables: map[string]map[string]bool{}, Layers: map[string]bool{}}}
	s := &w.Secrecy
	for _, p := range []string{debian.Shadow, debian.GShadow, "/etc/shadow-", "/etc/gshadow-"} {
		s.Paths[p] = true
	}
	declared := map[string][]*spec.File{}
	for _, b := range backends {
		secretsOf(b, s)
		for _, k := range kinds {
			if k.Withholds != nil {
				k.Withholds(b, &w)
			}
		}
		for p, f := range b.Files {
			declared[p] = append(declared[p], f)
			if privacyOf(f.Secret).open {
				w.Open[p] = true
			}
		}
	}
	s.Open = func(p string, n host.Node) bool { return w.Open[p] || recordable(p, n) }
	s.Part = func(p string, data []byte) *host.Part {
		if p == host.TrustedBundle {
			return &host.Part{Lines: host.LeafDigests(data)}
		}
		part := partOf(p, data, declared[p])
		for _, k := range kinds {
			if k.Parts != nil {
				part = k.Parts(backends, p, data, part)
			}
		}
		return part
	}
	// Whoever has left a private key open to all has not meant it to get around.
	// And all that a host trusts is too much to be recorded whole.
	s.Closed = func(p string, data []byte) bool {
		return len(declared[p]) == 0 && (p == host.TrustedBundle || host.HasPrivateKey(data))
	}
	return *s
}

func secretsOf(b *spec.Backend, s *host.Secrecy) {
	if b.Keys.GitHub.TokenFile != "" {
		s.Paths[b.Keys.GitHub.TokenFile] = true
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
