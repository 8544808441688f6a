package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/golden"
	"github.com/viaduct-sdn/viaduct/test/picture"
)

// pictured compares the README's picture with one that is drawn from what the kernels of
// the nodes have.
func (c *cluster) pictured(path string) {
	c.t.Helper()
	golden.File(c.t, path, picture.SVG(c.picture()), "go test ./test/e2e -run Quickstart")
}

func (c *cluster) picture() picture.Cluster {
	c.t.Helper()
	var guests []*model.Guest
	if err := json.Unmarshal([]byte(c.run("get", "guests", "-o", "json")), &guests); err != nil {
		c.t.Fatal(err)
	}
	out := picture.Cluster{Underlay: c.lab.Spec.Underlay.String(), Outside: lab.OutsideHost.String()}
	for _, n := range c.lab.Spec.Nodes {
		out.Nodes = append(out.Nodes, c.picturedNode(n.Name, guests))
	}
	return out
}

// kernelLink is what `ip -d -json address` prints of an interface.
type kernelLink struct {
	Name   string `json:"ifname"`
	MTU    int    `json:"mtu"`
	Master string `json:"master"`
	Group  string `json:"group"`
	Info   struct {
		Kind string `json:"info_kind"`
		Data struct {
			ID int `json:"id"`
		} `json:"info_data"`
	} `json:"linkinfo"`
	Addresses []struct {
		Family string `json:"family"`
		Local  string `json:"local"`
		Length int    `json:"prefixlen"`
	} `json:"addr_info"`
}

func (l *kernelLink) address() (addr, prefix string) {
	for _, a := range l.Addresses {
		if a.Family == "inet" {
			return a.Local, a.Local + "/" + jsonText(a.Length)
		}
	}
	return "", ""
}

func jsonText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// remoteVTEP is the far end in a line of `bridge fdb show`.
var remoteVTEP = regexp.MustCompile(` dst ([0-9.]+)`)

func (c *cluster) picturedNode(name string, guests []*model.Guest) picture.Node {
	c.t.Helper()
	var links []*kernelLink
	if err := json.Unmarshal([]byte(c.in(name, "ip", "-d", "-json", "address")), &links); err != nil {
		c.t.Fatal(err)
	}
	rules := c.in(name, "nft", "list", "ruleset")
	node := picture.Node{Name: name}
	for _, l := range links {
		if l.Name == "eth0" {
			node.Address, _ = l.address()
		}
		if l.Info.Kind != "bridge" || l.Group != jsonText(desired.LinkGroup) {
			continue
		}
		b := picture.Bridge{Name: l.Name, MTU: l.MTU}
		_, b.Gateway = l.address()
		b.NAT = b.Gateway != "" && strings.Contains(rules, "masquerade")
		for _, port := range links {
			if port.Master == l.Name && port.Info.Kind == "vxlan" {
				b.VNI = port.Info.Data.ID
				for _, m := range remoteVTEP.FindAllStringSubmatch(c.in(name, "bridge", "fdb", "show", "dev", port.Name), -1) {
					b.VTEPs = append(b.VTEPs, m[1])
				}
				slices.Sort(b.VTEPs)
				b.VTEPs = slices.Compact(b.VTEPs)
			}
		}
		for _, g := range guests {
			if g.Node == name && g.NICs[0].VNet == l.Name {
				addr, _ := c.guestAddress(g.Name)
				b.Guests = append(b.Guests, picture.Guest{Name: g.Name, Address: addr})
			}
		}
		node.Bridges = append(node.Bridges, b)
	}
	slices.SortFunc(node.Bridges, func(a, b picture.Bridge) int { return strings.Compare(a.Name, b.Name) })
	return node
}

// guestAddress is what a guest's own interface has.
func (c *cluster) guestAddress(name string) (addr, prefix string) {
	c.t.Helper()
	var links []*kernelLink
	if err := json.Unmarshal([]byte(c.in(name, "ip", "-json", "address", "show", "dev", "eth0")), &links); err != nil || len(links) != 1 {
		c.t.Fatalf("%s has %d interfaces eth0: %v", name, len(links), err)
	}
	return links[0].address()
}
