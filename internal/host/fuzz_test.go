package host

import "testing"

// FuzzModes reads any text as a mode and as rights: what is accepted is written
// the same way again.
func FuzzModes(f *testing.F) {
	for _, s := range []string{"0750", "750", "7777", "08", "0o750", "rwx", "r-X", "---", "", "-rw", "\xff", "+7", "rr"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMode(s); err == nil {
			if again, err := ParseMode(m.String()); err != nil || again != m || m > 0o7777 {
				t.Fatalf("%q is %v, then %v, %v", s, m, again, err)
			}
		}
		if p, err := ParsePerm(s); err == nil {
			if again, err := ParsePerm(p.String()); err != nil || again != p {
				t.Fatalf("%q is %v, then %v, %v", s, p, again, err)
			}
		}
	})
}
