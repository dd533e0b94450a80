package debian_test

import (
	"testing"

	"opsafe/internal/debian"
)

func TestMajor(t *testing.T) {
	for version, want := range map[string]int{
		"": 0, "4.3-2": 4, "5:26.1.5+dfsg1-9": 26, "20.10.24+dfsg1-1+deb12u1": 20, "1:": 0, "abc": 0, "99999999999999999999": 0,
	} {
		if got := debian.Major(version); got != want {
			t.Errorf("Major(%q) is %d, not %d", version, got, want)
		}
	}
}
