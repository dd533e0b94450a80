// Package certificate is the kind of the certificates of services: warned of, or made and trusted on the host.
package certificate

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// warnBefore is how long before it expires a certificate is warned of.
const warnBefore = "14d"

// Kind is the kind certificate.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "certificate", Plural: "certificates", Is: "certificates of services", Sections: []string{"certificates"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Certificate](),
				Field: spec.Field{
					Name: "certificates", Item: "certificate NAME", Is: "certificates of services, by name",
					More:  "Plan and status warn of one that is missing, cannot be read, expires soon, or has another key.",
					Unset: "none", Example: `{web: {path: /etc/web/fullchain.pem, key: /etc/web/privkey.pem}}`,
					Names: &spec.Form{Says: "name", Pattern: kind.NotedName, Longest: 64},
				},
			}},
			Check: check, Owns: owns,
		},
		Stage: kind.StageFiles, Declare: declare, Adopt: adopt,
		Withholds: withhold, Parts: parts,
		Orphans: []kind.Orphans{trustedOrphans()},
	}
}

// Certificate is a file with a service's certificate in it, and the one with its key.
type Certificate struct {
	spec.Item
	// Path and Key are the files, which variables on the host can name instead.
	Path     string    `yaml:"path"`
	Key      string    `yaml:"key"`
	PathFrom *PathFrom `yaml:"path_from"`
	KeyFrom  *PathFrom `yaml:"key_from"`
	// WarnBefore is a number of days, as in 30d.
	WarnBefore string `yaml:"warn_before"`
	// SelfSigned has the pair made on the host, owned by Owner and Group.
	SelfSigned *SelfSigned `yaml:"self_signed"`
	Owner      string      `yaml:"owner"`
	Group      string      `yaml:"group"`
	Notify     spec.Notify `yaml:"notify"`
	// State is present (the default) or absent (the host trusts it no more).
	State string `yaml:"state"`
}

// SelfSigned is a certificate that nobody else vouches for.
type SelfSigned struct {
	spec.Meta
	Names   []string `yaml:"names"`
	Days    int      `yaml:"days"`
	Trusted bool     `yaml:"trusted"`
}

// days is how long it is valid.
func (s *SelfSigned) days() int { return cmp.Or(s.Days, selfSignedDays) }

// selfSignedDays is the validity of a certificate whose declaration leaves it open, and
// maxDays the longest.
const (
	selfSignedDays = 365
	maxDays        = 3650
)

// PathFrom is a variable of an environment file on the host that names a file.
type PathFrom struct {
	spec.Meta
	File     string `yaml:"file"`
	Variable string `yaml:"variable"`
}

// Fields says what there is to know of the fields.
func (Certificate) Fields() []spec.Field {
	return []spec.Field{
		{Name: "path", Is: "the file of the certificate, in PEM", More: "The service's own comes first, then those that vouch for it.", Unset: "an error, without path_from", Example: "/etc/web/fullchain.pem", Form: spec.PathForm()},
		{Name: "key", Is: "the file of its private key, in PEM", Unset: "the key is not looked at", Example: "/etc/web/privkey.pem", Form: spec.PathForm()},
		{Name: "path_from", Is: "a variable on the host that names that file", Unset: "path says it", Example: "{file: /etc/web/local.env, variable: TLS_CERT_PATH}"},
		{Name: "key_from", Is: "a variable on the host that names the key's file", Unset: "key says it", Example: "{file: /etc/web/local.env, variable: TLS_KEY_PATH}"},
		{Name: "warn_before", Is: "how long before it expires that is warned of", More: "A number of days.", Default: warnBefore, Example: "30d", Form: spec.Form{Says: "number of days such as 30d", Pattern: `^[1-9][0-9]{0,3}d$`}},
		{Name: "self_signed", Is: "a pair that the host makes for itself, once", More: "An RSA key of 2048 bits, and a certificate that nobody else vouches for: for tests. It is renewed, with the same key, when its names change, and when it would be warned of.", Unset: "they come from elsewhere", Example: "{names: [web.test], trusted: true}"},
		{Name: "owner", Is: "whose a self-signed pair is", Default: "root", Example: "web", Form: spec.AccountForm()},
		{Name: "group", Is: "the group of a self-signed pair", Default: "root", Example: "web", Form: spec.AccountForm()},
		{Name: "notify", Is: "units to act on when a self-signed pair changes", Unset: "none", Example: "{restart: [web.service]}"},
		{Name: "state", Is: "whether there is one", More: "absent: the host trusts it no more. Certificate and key stay.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (SelfSigned) Fields() []spec.Field {
	return []spec.Field{
		{Name: "names", Is: "names and addresses that it is for", Unset: "an error", Example: `[web.test, "127.0.0.1"]`, Form: spec.Form{Says: "name or address", Pattern: `^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-f:.]+$`, Longest: 253}, List: spec.ListRules{Distinct: true, NonEmpty: true}},
		{Name: "days", Is: "for how many days it is valid", Default: "365", Example: "825", Form: spec.Form{Min: 1, Max: maxDays}},
		{Name: "trusted", Is: "whether programs on the host trust it", More: "By /usr/local/share/ca-certificates, and update-ca-certificates. It vouches for nothing else.", Default: "false", Example: "true"},
	}
}

// Fields says what there is to know of the fields.
func (PathFrom) Fields() []spec.Field {
	return []spec.Field{
		{Name: "file", Is: "the environment file, with lines NAME=VALUE", Unset: "an error", Example: "/etc/web/local.env", Form: spec.PathForm()},
		{Name: "variable", Is: "the variable", More: "The path that it holds is not shown.", Unset: "an error", Example: "TLS_CERT_PATH", Form: spec.VariableForm()},
	}
}

func of(b *spec.Backend) map[string]*Certificate {
	return spec.Of[map[string]*Certificate](b, "certificates")
}

// warnFrom is when it begins to be warned of a certificate that expires then.
func (c *Certificate) warnFrom(until time.Time) time.Time { return until.AddDate(0, 0, -c.warnDays()) }

func (c *Certificate) warnDays() int {
	days, _ := strconv.Atoi(strings.TrimSuffix(cmp.Or(c.WarnBefore, warnBefore), "d")) // as its form says
	return days
}

// variables are those that name its files.
func (c *Certificate) variables() []*PathFrom {
	return slices.DeleteFunc([]*PathFrom{c.PathFrom, c.KeyFrom}, func(f *PathFrom) bool { return f == nil })
}
