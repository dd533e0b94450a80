package kind

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/spec"
)

// warnBefore is how long before it expires a certificate is warned of.
const warnBefore = "14d"

// Certificates is the kind certificate.
func Certificates() Kind {
	return Kind{
		Part: spec.Part{
			Name: "certificate", Plural: "certificates", Is: "certificates of services", Sections: []string{"certificates"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Certificate](),
				Field: spec.Field{
					Name: "certificates", Item: "certificate NAME", Is: "certificates of services, by name",
					More:  "They come from elsewhere: plan and status warn of one that is missing, cannot be read, expires soon, or has another key.",
					Unset: "none", Example: `{web: {path: /etc/web/fullchain.pem, key: /etc/web/privkey.pem}}`,
					Names: &spec.Form{Says: "name", Pattern: itemName, Longest: 64},
				},
			}},
			Check: checkCertificates,
		},
		Stage: StageFiles, Declare: declareCertificates, Adopt: adoptCertificates,
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
}

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
	}
}

// Fields says what there is to know of the fields.
func (PathFrom) Fields() []spec.Field {
	return []spec.Field{
		{Name: "file", Is: "the environment file, with lines NAME=VALUE", Unset: "an error", Example: "/etc/web/local.env", Form: spec.PathForm()},
		{Name: "variable", Is: "the variable", More: "The path that it holds is not shown.", Unset: "an error", Example: "TLS_CERT_PATH", Form: spec.VariableForm()},
	}
}

func certificatesOf(b *spec.Backend) map[string]*Certificate {
	return spec.Of[map[string]*Certificate](b, "certificates")
}

// warnFrom is when it begins to be warned of a certificate that expires then.
func (c *Certificate) warnFrom(until time.Time) time.Time {
	days, _ := strconv.Atoi(strings.TrimSuffix(cmp.Or(c.WarnBefore, warnBefore), "d")) // as its form says
	return until.AddDate(0, 0, -days)
}

// variables are those that name its files.
func (c *Certificate) variables() []*PathFrom {
	return slices.DeleteFunc([]*PathFrom{c.PathFrom, c.KeyFrom}, func(f *PathFrom) bool { return f == nil })
}

func checkCertificates(b *spec.Backend, problems *spec.Problems) {
	for name, c := range certificatesOf(b) {
		label := "certificate " + name
		switch {
		case c.Path == "" && c.PathFrom == nil:
			problems.Addf(c.At("path"), "%s: has no path, and no path_from: say where it is", label)
		case c.Path != "" && c.PathFrom != nil:
			problems.Addf(c.At("path_from"), "%s: has path and path_from: want one or the other", label)
		case c.Key != "" && c.KeyFrom != nil:
			problems.Addf(c.At("key_from"), "%s: has key and key_from: want one or the other", label)
		}
		for _, from := range c.variables() {
			if from.File == "" || from.Variable == "" {
				problems.Addf(from.Pos, "%s: want a file and a variable of it that names another", label)
			}
		}
	}
}

// declareCertificates lists the certificates.
func declareCertificates(in *Input) []Resource {
	var out []Resource
	all := certificatesOf(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		out = append(out, Resource{
			ID: change.ID{Kind: "certificate", Name: name}, Pos: c.Pos, When: c.When,
			Looker: certificateLook{decl: c, now: in.Now},
		})
	}
	return out
}
