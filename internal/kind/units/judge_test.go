package units

import (
	"strings"
	"testing"

	"opsafe/internal/debian"
)

// FuzzUnitText reads any text as a unit file: a unit that it needs has one name.
func FuzzUnitText(f *testing.F) {
	for _, s := range []string{
		"[Unit]\nRequires=a.service b.socket\n", "[Service]\nExecStart=/bin/a \\\n  b\n", "[Service]\nA=\\\n# c\n b\n", "A=b\n", "[a]\n=\n", "[]\n", "[Unit]\\\n",
		"[Unit]\nA=\\", "[Unit]\r\nA=b\r\n", "[Unit]\nPartOf=\"a%i.service\" 'b.service'\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file := debian.ParseUnit(s)
		for _, x := range hardNeeds(file) {
			if strings.ContainsAny(x.Value, " \t\n") {
				t.Fatalf("needs %+v", x)
			}
		}
	})
}
