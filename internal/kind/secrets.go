package kind

import (
	"path"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Secrets says what of a host's files nobody may record: what the spec declares
// as secret, and what is so on every host.
func Secrets(b *spec.Backend) host.Secrecy {
	s := host.Secrecy{Paths: map[string]bool{}, Variables: map[string]map[string]bool{}}
	for _, p := range []string{"/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"} {
		s.Paths[p] = true
	}
	if b.Keys.GitHub.TokenFile != "" {
		s.Paths[b.Keys.GitHub.TokenFile] = true
	}
	for p := range b.KeyPairs {
		s.Paths[p] = true
	}
	in := &Input{Backend: b}
	for p, f := range b.Files {
		names := in.secretVariables(p)
		switch {
		case spec.Is(f.Secret):
			s.Paths[p] = true
		case path.Ext(p) == host.EnvSuffix && len(names) > 0:
			s.Variables[p] = names
		}
	}
	return s
}
