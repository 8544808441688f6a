// Package picture draws a small cluster as SVG: nodes with their bridges, guests and
// tunnels, the underlay, and the host outside. The README's picture is drawn from a
// running demo.
package picture

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Cluster is what is drawn.
type Cluster struct {
	Underlay string // "192.168.0.0/24"
	Outside  string // address of the host outside
	Nodes    []Node
}

// Node is a node with its address in the underlay.
type Node struct {
	Name, Address string
	Bridges       []Bridge
}

// Bridge is a VNet on a node.
type Bridge struct {
	Name string
	// Gateway is the node's address on it, with the length of the network; empty for none.
	Gateway string
	// NAT tells that guests leave with the node's address.
	NAT bool
	// VNI is the VXLAN network identifier, 0 without tunnels; VTEPs are the remote ones.
	VNI    int
	VTEPs  []string
	MTU    int
	Guests []Guest
}

// Guest is a guest with a NIC in the bridge.
type Guest struct{ Name, Address string }

// Measures, in pixels.
const (
	nodeWidth, nodeGap    = 290, 15
	bridgeWidth           = 132
	margin                = 12
	nodeTop, nodeBottom   = 12, 306
	guestTop, guestHeight = 50, 40
	bridgeTop             = 124
	deviceTop             = 196
	nicTop                = 270
	underlayTop           = 340
	outsideTop            = 404
	height                = 456
)

// colours are those of tunnelled and of local networks.
var colours = map[bool]struct{ fill, line string }{true: {"#dbeafe", "#2563eb"}, false: {"#dcfce7", "#15803d"}}

type canvas struct{ strings.Builder }

func (c *canvas) box(x, y, w, h int, fill, line string, texts ...string) {
	fmt.Fprintf(c, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="%s"/>`+"\n", x, y, w, h, fill, line)
	for i, t := range texts {
		class := "sub"
		if i == 0 {
			class = "main"
		}
		fmt.Fprintf(c, `<text class="%s" x="%d" y="%d">`, class, x+w/2, y+h/2+5+15*i-(15*(len(texts)-1))/2)
		_ = xml.EscapeText(c, []byte(t)) // a builder does not fail
		c.WriteString("</text>\n")
	}
}

func (c *canvas) line(x1, y1, x2, y2 int, colour, style string) {
	fmt.Fprintf(c, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"%s/>`+"\n", x1, y1, x2, y2, colour, style)
}

// SVG draws the cluster.
func SVG(cl Cluster) string {
	var c canvas
	width := 2*margin + len(cl.Nodes)*(nodeWidth+nodeGap) - nodeGap
	fmt.Fprintf(&c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" text-anchor="middle">`+"\n", width, height)
	c.WriteString("<style>.main{font-size:14px;fill:#111827}.sub{font-size:11px;fill:#4b5563}</style>\n")
	fmt.Fprintf(&c, `<rect width="%d" height="%d" rx="10" fill="#ffffff"/>`+"\n", width, height)
	for i, n := range cl.Nodes {
		c.node(margin+i*(nodeWidth+nodeGap), n)
	}
	c.line(width/2, underlayTop+34, width/2, outsideTop, "#6b7280", "")
	c.box(margin, underlayTop, width-2*margin, 34, "#f3f4f6", "#6b7280", "underlay "+cl.Underlay+tunnels(cl))
	c.box(width/2-110, outsideTop, 220, 40, "#fef3c7", "#b45309", "outside host", cl.Outside)
	c.WriteString("</svg>\n")
	return c.String()
}

// tunnels says which networks the underlay carries.
func tunnels(cl Cluster) string {
	var parts []string
	for _, b := range cl.Nodes[0].Bridges {
		if b.VNI != 0 {
			parts = append(parts, fmt.Sprintf("VXLAN tunnels of %s (VNI %d)", b.Name, b.VNI))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (c *canvas) node(x int, n Node) {
	c.box(x, nodeTop, nodeWidth, nodeBottom-nodeTop, "#f9fafb", "#374151")
	fmt.Fprintf(c, `<text class="main" font-weight="bold" x="%d" y="%d">%s</text>`+"\n", x+nodeWidth/2, nodeTop+22, n.Name)
	middle := x + nodeWidth/2
	for i, b := range n.Bridges {
		bx := x + 8 + i*(bridgeWidth+10)
		c.bridge(bx, middle, b)
	}
	c.line(middle, nicTop+30, middle, underlayTop, "#6b7280", "")
	c.box(middle-70, nicTop, 140, 30, "#e5e7eb", "#6b7280", "eth0 "+n.Address)
}

func (c *canvas) bridge(x, nic int, b Bridge) {
	col, center := colours[b.VNI != 0], x+bridgeWidth/2
	guestWidth := bridgeWidth
	if len(b.Guests) > 0 {
		guestWidth = bridgeWidth / len(b.Guests)
	}
	for i, g := range b.Guests {
		gx := x + i*guestWidth
		c.line(gx+guestWidth/2, guestTop+guestHeight, gx+guestWidth/2, bridgeTop, col.line, "")
		c.box(gx, guestTop, guestWidth, guestHeight, "#ffffff", "#374151", g.Name, g.Address)
	}
	var device []string
	switch {
	case b.VNI != 0:
		device = []string{fmt.Sprintf("VXLAN, MTU %d", b.MTU), "to " + strings.Join(short(b.VTEPs), ", ")}
	case b.NAT:
		device = []string{"source NAT"}
	}
	if len(device) > 0 {
		c.line(center, bridgeTop+42, center, deviceTop, col.line, "")
		c.line(center, deviceTop+44, nic+(center-nic)/3, nicTop, col.line, ` stroke-dasharray="5 4"`)
		c.box(x, deviceTop, bridgeWidth, 44, "#ffffff", col.line, device...)
	}
	texts := []string{"VNet " + b.Name}
	if b.Gateway != "" {
		texts = append(texts, "gateway "+b.Gateway)
	}
	c.box(x, bridgeTop, bridgeWidth, 42, col.fill, col.line, texts...)
}

// short leaves out of addresses what all have in common, up to the last dot.
func short(addrs []string) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a
		if dot := strings.LastIndexByte(a, '.'); i > 0 && dot > 0 && strings.HasPrefix(addrs[0], a[:dot+1]) {
			out[i] = a[dot:]
		}
	}
	return out
}
