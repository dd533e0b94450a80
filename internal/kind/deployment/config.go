package deployment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/words"
)

// Config is what opsafe deploy goes by: a deployment as it was declared
// last, with what counts where the declaration leaves it open. There is no secret in it.
type Config struct {
	Name      string        `json:"name"`
	Git       string        `json:"git,omitempty"`
	Spec      string        `json:"spec,omitempty"`
	Compose   []string      `json:"compose,omitempty"`
	To        string        `json:"to,omitempty"` // USER@HOST of ssh
	There     string        `json:"there,omitempty"`
	Ref       string        `json:"ref,omitempty"`
	Directory string        `json:"directory,omitempty"`
	User      string        `json:"user"`
	EnvFiles  []string      `json:"env_files,omitempty"` // of the worker
	Shared    []string      `json:"shared,omitempty"`
	Steps     []StepConfig  `json:"steps,omitempty"`
	Check     []string      `json:"check,omitempty"`
	CheckAs   string        `json:"check_as,omitempty"`
	Restart   []string      `json:"restart,omitempty"`
	Reload    []string      `json:"reload,omitempty"`
	Health    HealthConfig  `json:"health"`
	Within    Span          `json:"within"`
	Keep      int           `json:"keep,omitempty"`
	Rewind    bool          `json:"rewind,omitempty"`
	Signers   string        `json:"signers,omitempty"`
	Confirm   Span          `json:"confirm,omitzero"`
	Status    *StatusConfig `json:"status,omitempty"`
	// Every is how often the repository is asked besides; 0: never.
	Every Span `json:"every,omitzero"`
}

// Span is a length of time, which is written down as in a spec: 15m.
type Span struct{ time.Duration }

// String has it in the largest unit that has it whole.
func (s Span) String() string {
	return words.Span(s.Duration)
}

// MarshalText writes it.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads it, and the nanoseconds that opsafe wrote before.
func (s *Span) UnmarshalJSON(data []byte) (err error) {
	text := string(data)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		s.Duration = time.Duration(n)
		return nil
	}
	s.Duration, err = time.ParseDuration(strings.Trim(text, `"`))
	return err
}

// StepConfig is a step of a deployment.
type StepConfig struct {
	Run      []string `json:"run"`
	EnvFiles []string `json:"env_files,omitempty"`
	Within   Span     `json:"within,omitzero"` // 0: as long as all may take
}

// HealthConfig is what has to be so for a release to stay.
type HealthConfig struct {
	Unit   string   `json:"unit,omitempty"`
	HTTP   string   `json:"http,omitempty"`
	Status int      `json:"status,omitempty"` // of http; 0: any that says that all is well
	Run    []string `json:"run,omitempty"`
	Holds  Span     `json:"holds,omitzero"`
	Within Span     `json:"within"`
}

// StatusConfig is where commits are told what came of them.
type StatusConfig struct {
	Repository string `json:"repository"` // OWNER/NAME
	Token      string `json:"token"`      // path of the file
	API        string `json:"api"`
}

// Source is the address of the repository; empty: there is none.
func (c Config) Source() string { return cmp.Or(c.Git, c.Spec) }

// config is what is written down of a deployment.
func (d *Deployment) config(name string) Config {
	c := Config{
		Name: name, Git: d.Git, Spec: d.Spec, Compose: d.Compose, User: cmp.Or(d.User, kind.Root), EnvFiles: d.EnvFiles, Shared: d.Shared,
		Check: d.Check, Restart: d.Restart, Reload: d.Reload, Directory: d.Directory, Rewind: d.Rewind != nil && *d.Rewind, Signers: d.Signers,
		Within: duration(d.Within, defaultWithin), Confirm: duration(d.Confirm, 0), Every: duration(d.Every, 0),
	}
	if d.source() != "" {
		c.Ref, c.Keep = cmp.Or(d.Ref, defaultRef), defaultKeep
		if d.Keep != nil {
			c.Keep = *d.Keep
		}
	}
	if len(d.Check) > 0 {
		c.CheckAs = cmp.Or(d.CheckAs, c.User)
	}
	if d.SSH != nil {
		c.To, c.There = d.SSH.To, cmp.Or(d.SSH.Deployment, name)
	}
	for _, s := range d.Steps {
		c.Steps = append(c.Steps, StepConfig{Run: s.Run, EnvFiles: s.EnvFiles, Within: duration(s.Within, 0)})
	}
	c.Health.Within = Span{defaultHealthWithin}
	if h := d.Health; h != nil {
		c.Health = HealthConfig{Unit: h.Unit, HTTP: h.HTTP, Run: h.Run, Within: duration(h.Within, defaultHealthWithin)}
		c.Health.Holds = duration(h.Holds, usuallyHolds(c.Health.Within.Duration))
		if h.Status != nil {
			c.Health.Status = *h.Status
		}
	}
	if s := d.Status; s != nil {
		c.Status = &StatusConfig{Repository: s.Repository, Token: s.Token, API: cmp.Or(s.API, defaultStatusAPI)}
		if s.Repository == "" && d.Triggers != nil && d.Triggers.GitHub != nil {
			c.Status.Repository = d.Triggers.GitHub.Repository
		}
	}
	return c
}

// usuallyHolds is how long health has to hold where nobody says so.
func usuallyHolds(within time.Duration) time.Duration { return min(defaultHealthHolds, within/2) } //nolint:mnd // half of it

// duration reads a time that validation has accepted.
func duration(text string, otherwise time.Duration) Span {
	if d, err := time.ParseDuration(text); err == nil {
		return Span{d}
	}
	return Span{otherwise}
}

// Names lists the deployments that are on a host, sorted.
func Names(r host.Files) ([]string, error) {
	files, err := r.ReadDir(notes.Deployments)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		name, ok := strings.CutSuffix(file, ".json")
		if ok && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// Read reads what a deployment is, as a run has written it down; nil: there
// is none of that name.
func Read(r host.Files, name string) (*Config, error) {
	at := File(name)
	data, err := r.ReadFile(at)
	if err != nil || data == nil {
		return nil, err
	}
	c := &Config{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil || c.Name != name {
		return nil, fmt.Errorf("cannot read %s: it was not written by this opsafe: run opsafe manage, which writes it anew", at)
	}
	return c, nil
}
