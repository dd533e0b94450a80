//go:build release

package report_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"opsafe/internal/report"
)

// browser is Chromium, at the page of a report. Scripts are off, as with a cautious
// auditor: what a test asks, it asks from outside.
type browser struct {
	*testing.T
	run func(actions ...chromedp.Action)

	mu    sync.Mutex
	asked []string // what was fetched
}

// browse opens a report in Chromium.
func browse(t *testing.T, r *report.Report) *browser {
	t.Helper()
	b := &browser{T: t}
	html := written(t, "html", r)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b.mu.Lock()
		b.asked = append(b.asked, q.URL.Path)
		b.mu.Unlock()
		_, _ = w.Write([]byte(html))
	}))
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b.run = func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	b.run(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(server.URL))
	return b
}

// in shows the page in a colour scheme, or on a medium.
func (b *browser) in(medium, scheme string) {
	b.Helper()
	b.run(emulation.SetEmulatedMedia().WithMedia(medium).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// shot looks at the page, and keeps the picture beside the test's other artifacts.
func (b *browser) shot(name string) {
	b.Helper()
	var data []byte
	b.run(chromedp.FullScreenshot(&data, 100))
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), name+".png"), data, 0o600); err != nil {
		b.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	colours := map[any]bool{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			colours[picture.At(x, y)] = true
		}
	}
	if len(colours) < 20 {
		b.Errorf("%s: there are %d colours in the picture: nothing to read", name, len(colours))
	}
}

// lowContrast lists what can be seen of the page's text with a contrast below 4.5 to
// what is behind it, level AA of the Web Content Accessibility Guidelines.
const lowContrast = `(() => {
	const rgb = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = rgb(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
		if ((rgb(c)[3] ?? 1) > 0) return c; } return "rgb(255, 255, 255)"; };
	const bad = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let seen = 0;
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.checkVisibility({contentVisibilityAuto: true})) continue;
		seen++;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) bad.push(ratio.toFixed(1) + " " + texts.currentNode.data.trim());
	}
	return [String(seen), ...bad];
})()`

// TestInBrowser reads a report as an auditor does.
func TestInBrowser(t *testing.T) {
	r := made(t, report.Options{Old: 24 * time.Hour, Expect: []string{"north1", "north4"}}, fleet(t)...)
	r.Compare(made(t, report.Options{}, append(fleet(t)[:2], parsed(t, "b", accessOf("north2", people()...)))...))
	b := browse(t, r)
	for _, look := range []struct{ medium, scheme string }{{"screen", "light"}, {"screen", "dark"}, {"print", "light"}} {
		b.in(look.medium, look.scheme)
		name := look.medium + "-" + look.scheme
		var said []string
		b.run(chromedp.Evaluate(lowContrast, &said))
		if len(said) != 1 || len(said[0]) < 2 {
			t.Errorf("%s: of some texts, and these cannot be read well: %q", name, said)
		}
		b.shot(name)
	}
	b.wide(1280, 360)
	b.keyboard()
	b.paper()
	if got := strings.Join(b.asked, " "); got != "/" && got != "/ /favicon.ico" {
		t.Errorf("the page fetches %s", got)
	}
}

// wide checks at some widths, in pixels, that the page itself never has to be moved
// sideways: wide tables are, each by itself.
func (b *browser) wide(widths ...int64) {
	b.Helper()
	b.in("screen", "light")
	for _, w := range widths {
		var over int
		b.run(chromedp.EmulateViewport(w, 800), chromedp.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &over))
		if over > 0 {
			b.Errorf("at %d pixels, the page is %d too wide", w, over)
		}
		b.shot(fmt.Sprintf("%d-wide", w))
	}
}

// keyboard goes through the page by Tab, and opens by Enter what is folded.
func (b *browser) keyboard() {
	b.Helper()
	const focused = `(() => { const e = document.activeElement, s = getComputedStyle(e);
		return e === document.body ? "" : [e.tagName, e.matches(":focus-visible") && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
			e.tagName === "SUMMARY" && !e.parentElement.open].join(" ") })()`
	var want int
	b.run(chromedp.Evaluate(`document.querySelectorAll("details > summary").forEach(s => s.parentElement.open = false)`, nil),
		chromedp.Evaluate(`document.querySelectorAll("a, summary, .scroll").length`, &want))
	stops := 0
	for ; stops <= want; stops++ {
		var at string
		b.run(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(focused, &at))
		if at == "" {
			break
		}
		tag, rest, _ := strings.Cut(at, " ")
		if !strings.HasPrefix(rest, "true") {
			b.Errorf("stop %d, a %s, does not show that it is where one is", stops, tag)
		}
		if strings.HasSuffix(rest, " true") {
			b.run(chromedp.KeyEvent(kb.Enter))
		}
	}
	var open bool
	b.run(chromedp.Evaluate(`[...document.querySelectorAll("details")].every(d => d.open)`, &open))
	if stops != want || !open {
		b.Errorf("by Tab one comes to %d of %d links, folds and tables; by Enter all folds are open: %v", stops, want, open)
	}
}

// paper prints the page, and looks that nothing is folded there.
func (b *browser) paper() {
	b.Helper()
	var pdf []byte
	b.run(
		chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = false)`, nil),
		emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.ActionFunc(func(ctx context.Context) error {
			var err error
			pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
			return err
		}))
	var hidden []string
	for range 100 { // until the page is laid out for the other medium
		b.run(chromedp.Evaluate(`[...document.querySelectorAll("td, th")].filter(c => !c.checkVisibility({contentVisibilityAuto: true})).map(c => c.textContent)`, &hidden))
		if len(hidden) == 0 {
			break
		}
	}
	if len(hidden) > 0 {
		b.Errorf("on paper these are missing: %q", hidden)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		b.Error("it cannot be printed")
	}
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), "report.pdf"), pdf, 0o600); err != nil {
		b.Fatal(err)
	}
}

// TestHostileInBrowser shows names that are made to be taken for a page's own: they
// are text, and no more.
func TestHostileInBrowser(t *testing.T) {
	b := browse(t, hostile(t))
	var got string
	b.run(emulation.SetScriptExecutionDisabled(false), chromedp.Reload(),
		chromedp.Evaluate(`[...document.querySelectorAll("script, img, iframe, object, [onload], a:not([href^='#'])")].map(e => e.outerHTML).join()`, &got))
	if got != "" {
		t.Errorf("names became %s", got)
	}
	var text string
	b.run(chromedp.Evaluate(`document.body.textContent`, &text))
	if !strings.Contains(text, "<script>alert(1)</script>") {
		t.Error("names are not shown")
	}
	for _, path := range b.asked {
		if path != "/" && path != "/favicon.ico" {
			t.Errorf("a name fetched %s", path)
		}
	}
}
