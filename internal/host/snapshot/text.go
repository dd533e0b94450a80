package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"opsafe/internal/host"
)

// Text is how a State is written, as JSON or YAML: short for people, without
// loss for recorders.
type Text struct {
	Version int `json:"version" yaml:"version"`
	// Release starts from Bare of that Debian release, in YAML (see Parse).
	Release string `json:"-" yaml:"release"`
	// Empty starts from a host with nothing on it instead, in YAML.
	Empty   bool `json:"-" yaml:"empty"`
	Partial bool `json:"partial,omitempty" yaml:"partial"`

	Facts  *host.MachineFacts `json:"facts,omitempty" yaml:"facts"`
	Ranges *host.IDRanges     `json:"ranges,omitempty" yaml:"ranges"`
	Users  []UserText         `json:"users" yaml:"users"`
	Groups []GroupText        `json:"groups" yaml:"groups"`
	Strays *host.Strays       `json:"strays,omitempty" yaml:"strays"`

	Files map[string]FileText `json:"files" yaml:"files"`
	// Packages are words: the state, the version if it matters, "hold".
	Packages   map[string]string   `json:"packages" yaml:"packages"`
	Manual     []string            `json:"manual,omitempty" yaml:"manual"`
	Candidates map[string]bool     `json:"candidates,omitempty" yaml:"candidates"`
	Units      map[string]UnitText `json:"units" yaml:"units"`
	// Docker is the engine's version; null when there is none.
	Docker    *EngineText     `json:"docker,omitempty" yaml:"docker"`
	Networks  []host.Network  `json:"networks,omitempty" yaml:"networks"`
	Firewalls []host.Firewall `json:"firewalls,omitempty" yaml:"firewalls"`

	Containers []host.Container               `json:"containers,omitempty" yaml:"containers"`
	Images     map[string]*host.Image         `json:"images,omitempty" yaml:"images"`
	Unpacked   map[string][]host.UnpackedTree `json:"unpacked,omitempty" yaml:"unpacked"`

	Pending  []host.Pending    `json:"pending,omitempty" yaml:"pending"`
	Programs map[string]string `json:"programs,omitempty" yaml:"programs"`

	// What a Recorder writes; see Recorded.
	Whole           *Whole              `json:"whole,omitempty" yaml:"-"`
	ElsewhereUsers  []UserText          `json:"elsewhere_users,omitempty" yaml:"-"`
	ElsewhereGroups []GroupText         `json:"elsewhere_groups,omitempty" yaml:"-"`
	Trees           map[string]TreeText `json:"trees,omitempty" yaml:"-"`
	Verdicts        map[string]Verdict  `json:"verdicts,omitempty" yaml:"-"`
	Troubles        map[string]Trouble  `json:"troubles,omitempty" yaml:"-"`
}

// UserText is a user with what else is known of the account.
type UserText struct {
	Name    string `json:"name" yaml:"name"`
	UID     int    `json:"uid" yaml:"uid"`
	GID     *int   `json:"gid,omitempty" yaml:"gid"` // left out: the uid
	Comment string `json:"comment,omitempty" yaml:"comment"`
	Home    string `json:"home,omitempty" yaml:"home"`
	Shell   string `json:"shell,omitempty" yaml:"shell"`
	// Password is words: set, locked (the default) or empty; "hash" for one
	// behind a lock; "must-change"; "expires=DAYS"; "max=DAYS", with "changed=DAY"
	// and "inactive=DAYS", for one that runs out; "missing", where shadow lacks the
	// line. Or "absent": no account.
	Password string       `json:"password,omitempty" yaml:"password"`
	Traces   *host.Traces `json:"traces,omitempty" yaml:"traces"`
	Units    []string     `json:"units,omitempty" yaml:"units"`
	Source   string       `json:"source,omitempty" yaml:"-"` // of one from elsewhere
}

// GroupText is a group.
type GroupText struct {
	Name    string   `json:"name" yaml:"name"`
	GID     int      `json:"gid" yaml:"gid"`
	Members []string `json:"members,omitempty" yaml:"members"`
	// Password is set, empty, locked (the default), or missing, where gshadow lacks
	// the line. Torn are members of whom group or gshadow does not know.
	Password string   `json:"password,omitempty" yaml:"password"`
	Admins   []string `json:"admins,omitempty" yaml:"admins"`
	Torn     []string `json:"torn,omitempty" yaml:"torn"`
	Source   string   `json:"source,omitempty" yaml:"-"`
}

// FileText is a path. The mode's middle digit is the owning group's entry, with
// and without an ACL.
type FileText struct {
	Type  host.NodeType `json:"type,omitempty" yaml:"type"` // default file; "absent" for nothing
	Mode  string        `json:"mode,omitempty" yaml:"mode"` // default 0644, of directories 0755
	Owner string        `json:"owner,omitempty" yaml:"owner"`
	Group string        `json:"group,omitempty" yaml:"group"`
	// ACL lists entries as getfacl does. Masks are computed if left out.
	ACL     []string `json:"acl,omitempty" yaml:"acl"`
	Content string   `json:"content,omitempty" yaml:"content"`
	Lines   []string `json:"lines,omitempty" yaml:"-"`       // content of several lines; the last may be empty
	Base64  []byte   `json:"base64,omitempty" yaml:"base64"` // content that is not text
	Unread  string   `json:"unread,omitempty" yaml:"unread"`
	Target  string   `json:"target,omitempty" yaml:"target"`
	Links   int      `json:"links,omitempty" yaml:"links"` // default 1
	// Size is that of content which is not recorded, in bytes.
	Size  int64     `json:"size,omitempty" yaml:"-"`
	Names *[]string `json:"names,omitempty" yaml:"-"` // in a directory
	// Held lists what keeps it from being changed; see host.Held.
	Held []string `json:"held,omitempty" yaml:"held"`
	// Secret is what is kept of secret content.
	Secret *Secret `json:"secret,omitempty" yaml:"-"`
}

// TreeText sums up what is below a directory.
type TreeText struct {
	Sorts   []SortText     `json:"sorts"`
	Refused []host.Refusal `json:"refused,omitempty"`
	Unknown int            `json:"unknown,omitempty"`
}

// SortText is nodes that are alike.
type SortText struct {
	Type  host.NodeType `json:"type"`
	Mode  string        `json:"mode"`
	Owner string        `json:"owner"`
	Group string        `json:"group"`
	ACL   []string      `json:"acl,omitempty"`
	Links int           `json:"links,omitempty"` // 2: several
	Held  []string      `json:"held,omitempty"`
	Count int           `json:"count"`
	First []string      `json:"first"`
}

// UnitText is a host.Unit, field by field; the defaults are a loaded unit that does
// not run.
type UnitText struct {
	Name       string   `json:"-" yaml:"-"`
	Load       string   `json:"load,omitempty" yaml:"load"`
	Active     string   `json:"active,omitempty" yaml:"active"`
	Sub        string   `json:"sub,omitempty" yaml:"sub"`
	File       string   `json:"file,omitempty" yaml:"file"`
	Fragment   string   `json:"fragment,omitempty" yaml:"fragment"`
	NeedReload bool     `json:"need_reload,omitempty" yaml:"need_reload"`
	Links      []string `json:"links,omitempty" yaml:"links"`
	Triggers   []string `json:"triggers,omitempty" yaml:"triggers"`
	Dependents []string `json:"dependents,omitempty" yaml:"dependents"`
	Starters   []string `json:"starters,omitempty" yaml:"starters"`
	WantedBy   []string `json:"wanted_by,omitempty" yaml:"wanted_by"`
	Instances  []string `json:"instances,omitempty" yaml:"instances"`
}

// EngineText is a host.Engine, field by field.
type EngineText struct {
	Version    string `json:"version" yaml:"version"`
	APIVersion string `json:"api" yaml:"api"`
}

// Parse reads a State from YAML: what it lists comes on top of a bare host of
// its release (bookworm unless said), or of nothing with "empty: true". It is
// strict about unknown fields. Directories on the way to a listed file are there,
// root's, unless listed themselves.
func Parse(data []byte) (State, error) {
	var t Text
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return State{}, fmt.Errorf("cannot read the host's state: %w", err)
	}
	if t.Version != 0 && t.Version != Version {
		return State{}, fmt.Errorf("cannot read the host's state: version %d is not %d", t.Version, Version)
	}
	s := State{Partial: t.Partial}
	if !t.Empty {
		if t.Release == "" {
			t.Release = "bookworm"
		}
		s = Bare(t.Release)
		s.Partial = t.Partial
	}
	if err := t.addTo(&s); err != nil {
		return State{}, fmt.Errorf("cannot read the host's state: %w", err)
	}
	s.settle()
	return s, nil
}

// MarshalJSON writes the state as Text, the version first.
func (s State) MarshalJSON() ([]byte, error) { return json.Marshal(s.text()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(data []byte) error {
	var t Text
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return fmt.Errorf("cannot read a snapshot: %w", err)
	}
	if err := t.check(); err != nil {
		return fmt.Errorf("cannot read a snapshot: %w", err)
	}
	if t.Version != Version {
		return fmt.Errorf("cannot read a snapshot: its format is version %d, this program reads %d", t.Version, Version)
	}
	next := State{Partial: t.Partial}
	if err := t.addTo(&next); err != nil {
		return fmt.Errorf("cannot read a snapshot: %w", err)
	}
	if err := t.addRecorded(&next); err != nil {
		return fmt.Errorf("cannot read a snapshot: %w", err)
	}
	*s = next
	return nil
}
