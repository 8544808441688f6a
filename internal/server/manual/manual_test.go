package manual

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/viaduct-sdn/viaduct/docs"
)

// Every link of every page leads to a page, an image or a heading that the server has, or out of
// the documentation.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	pages, err := Pages(docs.Files)
	if err != nil {
		t.Fatal(err)
	}
	reference := regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	links := 0
	for name, content := range pages {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range reference.FindAllStringSubmatch(string(content()), -1) {
			if m[1] == "/" || strings.Contains(m[1], "://") {
				continue
			}
			links++
			file, at, _ := strings.Cut(m[1], "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			target := pages[to]
			if target == nil || at != "" && !strings.Contains(string(target()), `id="`+at+`"`) {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
	if links < 200 {
		t.Errorf("only %d links were looked at", links)
	}
}

// Pages are one HTML document each; markup in their sources becomes none, and files outside of the
// documentation are those of the repository.
func TestRender(t *testing.T) {
	pages, err := Pages(fstest.MapFS{"how-to/a.md": {Data: []byte("# A `b` <script>alert(1)</script>\n\n<!-- run -->\n<img src=x onerror=alert(1)>\n\n[log](../../CHANGELOG.md) [other](../index.md#a-title) [same](#two)\n\n## Two\n\n## Two\n\n| x | y |\n|---|---|\n| 1 | <b>2</b> |\n")}})
	if err != nil {
		t.Fatal(err)
	}
	got := string(pages["how-to/a.md"]())
	for _, want := range []string{
		"<title>A b alert(1) · Viaduct documentation</title>", `href="../style.css"`, `href="` + Repository + `CHANGELOG.md"`, `href="../index.md#a-title"`, `id="two"`, `id="two-1"`, "<td>1</td>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %s:\n%s", want, got)
		}
	}
	for _, forbidden := range []string{"<script", "<img", "<b>2", "style="} {
		if strings.Contains(got, forbidden) {
			t.Errorf("it has %s:\n%s", forbidden, got)
		}
	}
}
