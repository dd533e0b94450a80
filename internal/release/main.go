// Command release makes what is given to hosts: static binaries, Debian packages, the
// collection for Ansible and the checksums of all. The same commit gives the same bytes, whoever builds it.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/ansible"
)

// architectures are those that are built for, by Go's and Debian's name, which are the
// same for these.
func architectures() []string { return []string{"amd64", "arm64"} }

// sumsFile lists the checksums, as sha256sum -c reads them.
const sumsFile = "SHA256SUMS"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: release NFPM DIR\n  NFPM is the program that makes packages, DIR is where everything goes")
		os.Exit(1)
	}
	if err := release(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release builds everything into a directory, which it makes anew.
func release(nfpm, dir string) error {
	c, err := committed()
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return fmt.Errorf("cannot make %s: %w", dir, err)
	}
	for _, arch := range architectures() {
		if err := build(dir, arch); err != nil {
			return err
		}
	}
	version, err := versionOf(binary(dir, runtime.GOARCH))
	if err != nil {
		return err
	}
	for _, arch := range architectures() {
		if err := pack(nfpm, dir, arch, version, c); err != nil {
			return err
		}
	}
	collection, err := ansible.Collection(version, c.at)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "opsafe-opsafe-"+version+".tar.gz"), collection, 0o644); err != nil {
		return fmt.Errorf("cannot write the collection: %w", err)
	}
	return sums(dir)
}

func binary(dir, arch string) string { return filepath.Join(dir, "opsafe_linux_"+arch) }

// commit is what is built.
type commit struct {
	at time.Time
	by string // as in Name <name@host>
}

// committed is the commit that is checked out. What is not committed cannot be built
// again by anybody else, and is refused.
func committed() (commit, error) {
	changed, err := output(nil, "git", "status", "--porcelain")
	if err != nil {
		return commit{}, err
	}
	if changed != "" {
		return commit{}, fmt.Errorf("not everything is committed, so nobody could build the same: commit or stash\n%s", changed)
	}
	said, err := output(nil, "git", "log", "-1", "--format=%ct %cn <%ce>")
	if err != nil {
		return commit{}, err
	}
	seconds, by, _ := strings.Cut(said, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return commit{}, fmt.Errorf("cannot read the time of the commit: %w", err)
	}
	return commit{at: time.Unix(n, 0).UTC(), by: by}, nil
}

func build(dir, arch string) error {
	// What go env -w has written counts where a variable is empty: none is.
	_, err := output([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off"},
		"go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w", "-o", binary(dir, arch), "./cmd/opsafe")
	return err
}

// versionOf asks a program for its version, without the v that Go writes before it.
func versionOf(program string) (string, error) {
	said, err := output(nil, program, "version", "--format", "json")
	if err != nil {
		return "", err
	}
	var v struct{ Version string }
	if err := json.Unmarshal([]byte(said), &v); err != nil {
		return "", fmt.Errorf("cannot read what %s says of its version: %w", program, err)
	}
	number, ok := strings.CutPrefix(v.Version, "v")
	if !ok {
		return "", fmt.Errorf("%s does not know its version, %q: build it in a clone of the repository, with git", program, v.Version)
	}
	return number, nil
}

// sums writes the checksums of all that is in the directory.
func sums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, sumsFile), out.Bytes(), 0o644)
}

// output runs a program with further variables and returns what it writes.
func output(env []string, argv ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, out, &stderr)
	}
	return strings.TrimSpace(string(out)), nil
}
