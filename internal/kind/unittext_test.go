package kind

import (
	"strings"
	"testing"
)

func TestInstallLinks(t *testing.T) {
	for _, tt := range []struct{ name, unit, text, want string }{
		{"none", "a.service", "[Service]\nExecStart=/bin/true\n", ""},
		{"wanted", "a.service", "[Install]\nWantedBy=multi-user.target\n", "multi-user.target.wants/a.service"},
		{"several, sorted, once", "a.service", "[Install]\nWantedBy=b.target a.target\nWantedBy=b.target\n", "a.target.wants/a.service b.target.wants/a.service"},
		{"all sorts", "a.service", "[Install]\nRequiredBy=r.target\nUpheldBy=u.target\nAlias=z.service\nAlso=x.socket\n", "r.target.requires/a.service u.target.upholds/a.service z.service"},
		{"another section", "a.service", "[Unit]\nWantedBy=x.target\n", ""},
		{"comments", "a.service", "[Install]\n#WantedBy=x.target\n;WantedBy=y.target\nWantedBy=z.target\n", "z.target.wants/a.service"},
		{"continued", "a.service", "[Install]\nWantedBy=a.target \\\n# between\n  b.target\n", "a.target.wants/a.service b.target.wants/a.service"},
		{"blanks and carriage returns", "a.service", " [Install] \r\n WantedBy = x.target \r\n", "x.target.wants/a.service"},
		{"an empty value takes back what was before", "a.service", "[Install]\nWantedBy=a.target\nWantedBy=\nWantedBy=b.target\n", "b.target.wants/a.service"},
		{"instance", "a@b.service", "[Install]\nWantedBy=x.target\n", "x.target.wants/a@b.service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.ReplaceAll(strings.Join(installLinks(tt.unit, []byte(tt.text)), " "), unitDir, "")
			if got != tt.want {
				t.Errorf("%q, not %q", got, tt.want)
			}
		})
	}
}

func TestActivated(t *testing.T) {
	for _, tt := range []struct{ name, unit, text, want string }{
		{"service", "a.service", "[Service]\n", ""},
		{"host's own", "a.timer", "", ""},
		{"by name", "a.timer", "[Timer]\nOnBootSec=1\n", "a.service"},
		{"said", "a.timer", "[Timer]\nUnit=b.service\n", "b.service"},
		{"said elsewhere", "a.timer", "[Install]\nUnit=b.service\n", "a.service"},
		{"path", "a.path", "[Path]\nUnit=b.service\n", "b.service"},
		{"socket", "a.socket", "[Socket]\nService=b.service\n", "b.service"},
		{"automount", "srv-a.automount", "[Automount]\n", "srv-a.mount"},
		{"socket for each connection", "a.socket", "[Socket]\nAccept=yes\n", ""},
	} {
		if got := Activated(tt.unit, []byte(tt.text)); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
}
