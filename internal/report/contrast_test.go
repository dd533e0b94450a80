package report_test

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"opsafe/internal/report"
)

// luminance is the relative luminance of a colour as the Web Content Accessibility
// Guidelines have it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}

// TestContrast: text can be read on what is behind it, light, dark and on paper:
// a ratio of 4.5 or more, which is level AA.
func TestContrast(t *testing.T) {
	page := written(t, "html", made(t, report.Options{}, fleet(t)...))
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(page, -1)
	if len(schemes) != 3 {
		t.Fatalf("%d colour schemes", len(schemes))
	}
	for i, scheme := range schemes {
		colors := map[string]string{}
		for name, before := range colorsOf(schemes[0][1]) {
			colors[name] = before
		}
		for name, color := range colorsOf(scheme[1]) {
			colors[name] = color
		}
		for _, text := range []string{"text", "dim", "link", "good", "bad", "warn", "ask", "old"} {
			for _, behind := range []string{"page", "band", "plus", "minus"} {
				if text != "text" && (behind == "plus" || behind == "minus") {
					continue
				}
				a, b := luminance(t, colors[text]), luminance(t, colors[behind])
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
					t.Errorf("scheme %d: %s on %s has a contrast of %.1f", i, text, behind, ratio)
				}
			}
		}
	}
}

// colorsOf are the colours of a scheme by name.
func colorsOf(css string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]+)`).FindAllStringSubmatch(css, -1) {
		out[m[1]] = m[2]
	}
	return out
}
