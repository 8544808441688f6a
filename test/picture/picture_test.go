package picture

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// A picture is XML, has every name and address, and draws nothing outside of itself.
func TestSVG(t *testing.T) {
	got := SVG(Cluster{Underlay: "192.0.2.0/24", Outside: "198.51.100.1", Nodes: []Node{
		{Name: "n1", Address: "192.0.2.1", Bridges: []Bridge{
			{Name: "b1", VNI: 7, MTU: 1450, VTEPs: []string{"192.0.2.2", "192.0.2.3"}, Guests: []Guest{{Name: "a<b", Address: "10.0.0.1"}, {Name: "g2", Address: "10.0.0.2"}}},
			{Name: "b2", Gateway: "10.1.0.1/24", NAT: true},
		}},
		{Name: "n2", Address: "192.0.2.2", Bridges: []Bridge{{Name: "b1", VNI: 7}}},
	}})
	var texts strings.Builder
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
		if chars, ok := tok.(xml.CharData); ok {
			texts.Write(chars)
		}
	}
	for _, want := range []string{"n1", "eth0 192.0.2.2", "VNet b1", "to 192.0.2.2, .3", "VXLAN, MTU 1450", "gateway 10.1.0.1/24", "source NAT", "a<b", "10.0.0.2", "198.51.100.1", "underlay 192.0.2.0/24: VXLAN tunnels of b1 (VNI 7)"} {
		if !strings.Contains(texts.String(), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}
