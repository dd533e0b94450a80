package deployment

import (
	"bytes"
	"errors"
	"fmt"

	"opsafe/internal/host"
)

// GitHubHook is the path of GitHub's form below the receiver's address.
const GitHubHook = "github-webhook"

// minHookSecret is how many bytes a secret has to have that anybody may try.
const minHookSecret = 12

// HookSecret is the secret in a file: all of it but the ends of lines behind it.
func HookSecret(data []byte) ([]byte, error) {
	secret := bytes.TrimRight(data, "\r\n")
	switch {
	case len(secret) == 0:
		return nil, errors.New("it is empty")
	case host.IsPlaceholder(string(secret)):
		return nil, errors.New("it is a placeholder")
	case len(secret) < minHookSecret:
		return nil, fmt.Errorf("it has less than %d characters", minHookSecret)
	}
	return secret, nil
}
