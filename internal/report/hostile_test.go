package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"opsafe/internal/report"
)

// evil is what a name may be on a host.
const evil = "<script>alert(1)</script>\n| `x` | [a](https://evil.example) @somebody #1 **b**\x1b[2J\r\x00\u202egnp\u200f\u2066\u061c\u200b\ufeff\u00ad\U000e0041\" onload=\"x' &amp; -->"

// spoil puts the text in the place of all that a document has, but for the words
// that say what it is.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		switch v.String() {
		case "plan", "status", "access", "changed", "unknown", "failed", "unchanged", "change", "drifted", "as declared", "everybody":
		default:
			v.SetString(evil + v.String())
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	default:
	}
}

// hostile is the fleet with the text everywhere, in a report with all its parts.
func hostile(t *testing.T) *report.Report {
	t.Helper()
	docs := fleet(t)
	before := made(t, report.Options{}, fleet(t)...)
	for _, d := range docs {
		spoil(reflect.ValueOf(d).Elem())
	}
	for i := range docs {
		var doc any = docs[i].Status
		if docs[i].Access != nil {
			doc = docs[i].Access
		}
		docs[i] = parsed(t, docs[i].File, doc)
	}
	r := made(t, report.Options{Expect: []string{evil}}, docs...)
	r.Compare(before)
	return r
}

// TestHostileText: nothing moves a cursor, hides, changes the direction of the text
// or ends a line, in any format.
func TestHostileText(t *testing.T) {
	r := hostile(t)
	for _, format := range []string{"txt", "md", "html"} {
		got := written(t, format, r)
		for i, c := range got {
			if c != '\n' && (c < 0x20 || c >= 0x7f && c < 0xa0 || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x61c || c == 0x200e || c == 0x200f || c == 0x200b || c == 0xfeff || c == 0xad || c == 0xe0041) {
				t.Errorf("%s: %U at %d: %q", format, c, i, got[max(0, i-40):i])
				break
			}
		}
		if !strings.Contains(got, "�") {
			t.Errorf("%s does not show that there was something", format)
		}
	}
	if got := written(t, "txt", r); strings.Contains(got, "\n| `x`") {
		t.Error("text: a name goes on in a new line")
	}
	var again report.Report
	if err := json.Unmarshal([]byte(written(t, "json", r)), &again); err != nil || again.Hosts[0].Name != r.Hosts[0].Name {
		t.Errorf("JSON does not give the name back: %v", err)
	}
}

// TestHostileMarkdown: outside of fences, what comes from documents is no markup, and
// no table has another number of cells.
func TestHostileMarkdown(t *testing.T) {
	got := regexp.MustCompile("(?ms)^(````*)diff\n.*?^````*$").ReplaceAllString(written(t, "md", hostile(t)), "")
	for _, not := range []string{"<script", "`x`", "[a]", "](", "https://", "@somebody", "**b**", "-->\"", " & "} {
		if strings.Contains(got, not) {
			t.Errorf("%q is in it", not)
		}
	}
	columns := 0
	for line := range strings.Lines(got) {
		switch n := strings.Count(line, "|"); {
		case !strings.HasPrefix(line, "|"):
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("%d cells, not %d: %s", n-1, columns-1, line)
		}
	}
}

// TestHTML: the page is well formed, has nothing but what a page to be read needs,
// and needs nothing from anywhere.
func TestHTML(t *testing.T) {
	allowed := regexp.MustCompile(`^(html|head|meta|title|style|body|header|main|nav|section|div|h1|h2|p|ul|li|a|details|summary|table|caption|thead|tbody|tr|th|td|span|code|pre|br)$`)
	attributes := regexp.MustCompile(`^(lang|charset|name|content|http-equiv|id|class|scope|open|tabindex|role|href|aria-label|aria-hidden)$`)
	for name, r := range map[string]*report.Report{"fleet": made(t, report.Options{}, fleet(t)...), "hostile": hostile(t)} {
		got := written(t, "html", r)
		ids, links, depth := map[string]bool{}, []string{}, 0
		dec := xml.NewDecoder(strings.NewReader(got))
		dec.Entity = map[string]string{}
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch e := token.(type) {
			case xml.StartElement:
				depth++
				if !allowed.MatchString(e.Name.Local) {
					t.Errorf("%s has <%s>", name, e.Name.Local)
				}
				for _, a := range e.Attr {
					switch {
					case !attributes.MatchString(a.Name.Local):
						t.Errorf("%s has <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
					case a.Name.Local == "id":
						ids[a.Value] = true
					case a.Name.Local == "href":
						links = append(links, a.Value)
					}
				}
			case xml.EndElement:
				depth--
			}
		}
		if depth != 0 || len(links) < 5 {
			t.Errorf("%s: %d elements are open, %d links", name, depth, len(links))
		}
		for _, l := range links {
			if !ids[strings.TrimPrefix(l, "#")] || !strings.HasPrefix(l, "#") {
				t.Errorf("%s leads to %q", name, l)
			}
		}
		if strings.Contains(got, "url(") || strings.Contains(got, "@import") {
			t.Errorf("%s: the style asks for something", name)
		}
		for _, of := range []string{"caption", `th scope="col"`, `th scope="row"`} {
			if n := strings.Count(got, "<table>"); strings.Count(got, "<"+of) < n || n < 5 {
				t.Errorf("%s: %d tables, and fewer <%s>", name, n, of)
			}
		}
	}
}
