package kind

import (
	"strings"
	"testing"

	"opsafe/internal/change"
)

func TestHideValues(t *testing.T) {
	d := &change.Diff{
		Before: "# TOKEN=\nPORT=1\nexport TOKEN='abc def'\nTOKEN =xyz",
		After:  "PORT=2\nTOKEN=\n",
	}
	hideValues(d, map[string]bool{"TOKEN": true})
	for _, secret := range []string{"abc", "def", "xyz"} {
		if strings.Contains(d.Before, secret) {
			t.Errorf("%q is shown: %s", secret, d.Before)
		}
	}
	if !strings.HasPrefix(d.Before, "# TOKEN=\nPORT=1\nexport TOKEN=(secret, digest ") || d.After != "PORT=2\nTOKEN=\n" {
		t.Errorf("before: %s\nafter: %s", d.Before, d.After)
	}
}
