package svg_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/topology/svg"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// hostile is markup, quotes, control characters and text of both directions.
const hostile = "</text><script>alert(1)</script>\" onload='x' ]]> \x00\x1b[31m \u202e שלום 🦊\nnext"

func picture() *api.Topology {
	t := &api.Topology{Revision: 3, Width: 800, Height: 400, Summary: hostile}
	for i, k := range api.ElementKinds() {
		e := api.Element{ID: string(k), Kind: k, Label: hostile, Detail: hostile, Message: hostile, State: "degraded", X: 100, Y: float64(20 * i), W: 90, H: 18, From: "vtep", To: "router", Guests: i % 2}
		if i%3 == 0 {
			e.Change = api.ChangeAdded
		}
		t.Elements = append(t.Elements, e)
	}
	return t
}

// elements are the names of all elements of a document, which must be valid XML.
func elements(t *testing.T, text string) map[string]int {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	found := make(map[string]int)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if s, ok := token.(xml.StartElement); ok {
			found[s.Name.Local]++
			for _, a := range s.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("attribute %s of %s", a.Name.Local, s.Name.Local)
				}
			}
		}
	}
}

func TestHostileTextIsNoMarkup(t *testing.T) {
	for _, dense := range []bool{false, true} {
		p := picture()
		p.Dense = dense
		found := elements(t, svg.Draw(p))
		allowed := map[string]bool{"svg": true, "title": true, "desc": true, "style": true, "rect": true, "path": true, "g": true, "text": true, "tspan": true}
		for name := range found {
			if !allowed[name] {
				t.Errorf("the picture has an element %s", name)
			}
		}
		if found["desc"] != 1 || found["title"] < 10 || found["text"] < 10 {
			t.Errorf("elements: %v", found)
		}
	}
}

func TestStatesAreShapesAndWords(t *testing.T) {
	p := &api.Topology{Width: 100, Height: 100, Elements: []api.Element{{ID: "node/a", Kind: api.ElementNode, Label: "a", State: "unreachable", W: 160, H: 56}}}
	if got := svg.Draw(p); !strings.Contains(got, "◌ unreachable") || !strings.Contains(got, `class="column unreachable"`) {
		t.Error(got)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"short", 5, "short"}, {"abcdefghij", 5, "ab…ij"}, {"שלום עולם", 4, "של…ם"}, {"abc", 2, "ab"}, {"abc", 0, "a"}} {
		if got := svg.Cut(c.text, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
