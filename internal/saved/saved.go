// Package saved is a plan that is kept in a file, to be carried out as it is: with
// the spec and the facts that it rests on, so that it can be told whether they are
// still the same.
package saved

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/render"
	"opsafe/internal/spec"
)

// FormatVersion is the version of the file. It grows when a field changes its
// meaning or goes.
const FormatVersion = 1

// maxSize is the largest file that is read, in bytes.
const maxSize = 256 << 20

// Plan is the file.
type Plan struct {
	FormatVersion int       `json:"format_version"`
	Opsafe        string    `json:"opsafe"`
	Made          time.Time `json:"made"` // RFC 3339, UTC
	Backend       string    `json:"backend"`
	Host          Host      `json:"host"`
	Only          []string  `json:"only"`
	Skip          []string  `json:"skip"`
	// Salt keeps the digests from being compared with those of other plans.
	Salt []byte `json:"salt"`
	// Spec are the digests of the files of the repository, by path.
	Spec  map[string]string `json:"spec"`
	Facts []Fact            `json:"facts"`
	// Run is what was planned.
	Run render.Document `json:"run"`
}

// Host tells the host from others.
type Host struct {
	Name string `json:"name"`
	ID   string `json:"id"` // a digest of its machine-id(5)
}

// Fact is an answer that the plan rests on.
type Fact struct {
	Question string   `json:"question"`
	Digest   string   `json:"digest"`
	Words    string   `json:"words,omitempty"`
	Items    []string `json:"items,omitempty"`
}

// Input is what a plan is made of.
type Input struct {
	Opsafe     string
	Made       time.Time
	Host       Host
	Only, Skip []string
	Repo       *spec.Repository
	Backend    *spec.Backend
	Answers    []snapshot.Answer
}

// New makes up a plan, which Does completes.
func New(in Input) (*Plan, error) {
	p := &Plan{
		FormatVersion: FormatVersion, Opsafe: in.Opsafe, Made: in.Made.UTC().Truncate(time.Second), Backend: in.Backend.Name,
		Host: in.Host, Only: in.Only, Skip: in.Skip, Salt: make([]byte, sha256.Size),
	}
	if _, err := rand.Read(p.Salt); err != nil {
		return nil, fmt.Errorf("cannot make a salt: %w", err)
	}
	p.Spec = p.sums(in.Repo, in.Backend)
	p.Facts = p.facts(in.Answers)
	return p, nil
}

// Does puts into a plan what it does.
func (p *Plan) Does(run render.Document) {
	p.Run = run
	p.Run.Summary.Seconds = 0
}

// Identity tells this host from others. A clone has another machine-id, and a host
// that is installed anew, too.
func Identity(r host.Reader) (Host, error) {
	facts, err := r.Facts()
	if err != nil {
		return Host{}, err
	}
	id, err := r.ReadFile("/etc/machine-id")
	if err != nil {
		return Host{}, fmt.Errorf("cannot tell which host this is: %w", err)
	}
	// The id itself is not to be shown around, see machine-id(5).
	mac := hmac.New(sha256.New, bytes.TrimSpace(id))
	mac.Write([]byte("opsafe"))
	return Host{Name: facts.Hostname, ID: hex.EncodeToString(mac.Sum(nil)[:16])}, nil
}

// sums are the digests of the files that a backend's spec was read from.
func (p *Plan) sums(repo *spec.Repository, b *spec.Backend) map[string]string {
	secret := b.SecretFiles()
	out := map[string]string{}
	for file, sum := range repo.Sums {
		out[file] = p.digest(file, sum[:], secret[file])
	}
	return out
}

func (p *Plan) facts(answers []snapshot.Answer) []Fact {
	out := make([]Fact, 0, len(answers))
	for _, a := range answers {
		out = append(out, Fact{Question: a.Question, Digest: p.digest(a.Question, a.Data, a.Private), Words: a.Words, Items: a.Items})
	}
	return out
}

// digest is one that gives nothing away: of what may be secret it is slow.
func (p *Plan) digest(of string, data []byte, secret bool) string {
	if secret {
		return host.SecretDigest(hex.EncodeToString(p.Salt)+of, data)
	}
	mac := hmac.New(sha256.New, p.Salt)
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Marshal writes the plan.
func (p *Plan) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(p); err != nil {
		return nil, fmt.Errorf("cannot write down the plan: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads a plan. What it says is going to be done as root: nobody else may
// have had a hand in it.
func Read(path string) (*Plan, error) {
	data, err := readOwn(path)
	if err != nil {
		return nil, err
	}
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("cannot use the plan %s: %w", path, err)
	}
	return p, nil
}

func readOwn(path string) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.Mode().IsRegular() || !ok:
		return nil, fmt.Errorf("cannot use the plan %s: it is no regular file", path)
	case sys.Uid != 0 && int(sys.Uid) != os.Geteuid():
		return nil, fmt.Errorf("cannot use the plan %s: it belongs to somebody else (uid %d), who could have changed it: have it made anew by sudo opsafe plan --out", path, sys.Uid)
	case st.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("cannot use the plan %s: others can read or write it (mode %04o), and could have changed it: have it made anew by sudo opsafe plan --out", path, st.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	return data, nil
}

// Parse reads a plan from its bytes.
func Parse(data []byte) (*Plan, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("it is larger than %d MiB", maxSize>>20)
	}
	var version struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("it is not the JSON that opsafe plan --out writes: %w", err)
	}
	if version.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("its format is version %d, and this opsafe reads %d: plan anew", version.FormatVersion, FormatVersion)
	}
	var p Plan
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("it is not what opsafe plan --out writes: %w", err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the plan")
	}
	return &p, nil
}
