package local

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestWithhold: what compose says of a failure may quote a value of an environment file.
func TestWithhold(t *testing.T) {
	const note = " (values of its environment files are left out)"
	for name, c := range map[string]struct {
		values     []string
		says, want string
	}{
		"as it is":          {[]string{"canary", "canary-2", "8080", ""}, "no such file: /srv/canary-2, canary: port 8080", "no such file: /srv/(secret), (secret): port 8080" + note},
		"not quoted":        {[]string{"canary"}, "no such image", "no such image"},
		"quoted":            {[]string{`ca"na\ry`}, `invalid: "ca\"na\\ry"`, `invalid: "(secret)"` + note},
		"tab":               {[]string{"can\tary"}, `invalid: "can\tary"`, `invalid: "(secret)"` + note},
		"blanks around it":  {[]string{" canary "}, "canary", "(secret)" + note},
		"lines":             {[]string{"-----BEGIN\ncanary\nabc\n"}, "canary\nabc", "(secret)\nabc" + note},
		"lines, as a whole": {[]string{"canary\nabc\n"}, "is canary\nabc", "is (secret)" + note},
		"lines, quoted":     {[]string{"canary\r\nabc\n"}, `is "canary\r\nabc\n"`, `is "(secret)\n"` + note},
		"a line, quoted":    {[]string{"a\nca\"nary\n"}, `is "ca\"nary"`, `is "(secret)"` + note},
		"truth":             {[]string{"false", "canary"}, `exec: "false": canary`, `exec: "false": (secret)` + note},
		"what stands for":   {[]string{"secret", "canary"}, "canary", "(secret)" + note},
	} {
		t.Run(name, func(t *testing.T) {
			var values []host.Content
			for _, v := range c.values {
				values = append(values, host.NewSecret([]byte(v)))
			}
			failed := &runError{Program: "docker-compose", Code: 1, Output: c.says}
			err := withhold(fmt.Errorf("around: %w", failed), values)
			if got, _ := strings.CutPrefix(err.Error(), "around: "); got != "docker-compose ended with exit code 1: "+c.want {
				t.Errorf("it says %q", got)
			}
			if failed.Output != c.says {
				t.Error("it changes the error that it is given")
			}
		})
	}
	if other := errors.New("canary"); !errors.Is(withhold(other, []host.Content{host.NewSecret([]byte("canary"))}), other) {
		t.Error("an error that is no program's is another one")
	}
}

// TestWithholdCut: of a value in a line whose beginning is lost, the end would not be
// known for one.
func TestWithholdCut(t *testing.T) {
	secret := "canary-" + strings.Repeat("x", 100) + "-canary"
	for name, c := range map[string]struct {
		says []string
		want string
	}{
		"at the value":  {[]string{"invalid: " + secret, strings.Repeat("a", outputTail-60)}, strings.Repeat("a", outputTail-60)},
		"in one line":   {[]string{secret + strings.Repeat("a", outputTail-60)}, "(a line of more than 4096 bytes)"},
		"not at all":    {[]string{"invalid: " + secret, "b"}, "invalid: (secret)\nb (values of its environment files are left out)"},
		"to the margin": {[]string{strings.Repeat("a", outputTail-1)}, strings.Repeat("a", outputTail-1)},
	} {
		for _, stream := range []string{"stdout", "stderr"} {
			t.Run(name+" of "+stream, func(t *testing.T) {
				args := []string{"sh", "-c", `printf '%s\n' "$@"`, "sh"}
				if stream == "stderr" {
					args[2] += " >&2"
				}
				args[2] += "; exit 3"
				_, err := run(t.Context(), append(args, c.says...), runOptions{})
				var failed *runError
				if !errors.As(withhold(err, []host.Content{host.NewSecret([]byte(secret))}), &failed) || failed.Code != 3 || failed.Output != c.want {
					t.Errorf("it says %v", err)
				}
			})
		}
	}
}
