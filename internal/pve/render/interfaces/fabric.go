package interfaces

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// The methods of stanzas with an address.
const (
	static4 = " inet static"
	static6 = " inet6 static"
)

// fabrics adds the node's parts in fabrics to the end of the file, in the order of the
// fabrics.
func (r *renderer) fabrics(out *bytes.Buffer) {
	for _, id := range slices.Sorted(maps.Keys(r.run.Fabrics)) {
		f := r.run.Fabrics[id]
		n := r.run.FabricNodes[model.FabricNodeID(id, r.facts.Node)]
		if r.run.Broken(f) || n == nil || r.run.Broken(n) {
			continue // already reported, or not on this node
		}
		device := naming.Fabric.Of(id)
		if !r.fabricNames(n, device) {
			continue
		}
		if n.IP.IsValid() {
			address(out, device, static4, host(n.IP), "link-type dummy")
		}
		if n.IP6.IsValid() {
			address(out, device, static6, host(n.IP6), "link-type dummy")
		}
		for _, i := range n.Interfaces {
			fabricLink(out, f, n, &i)
		}
	}
}

// fabricNames refuses a node's part with invalid interface names.
func (r *renderer) fabricNames(n *model.FabricNode, device string) bool {
	names := []string{device}
	for _, i := range n.Interfaces {
		names = append(names, i.Name)
	}
	for _, name := range names {
		if !interfaces.PlainName(name) {
			r.refuse(model.KindFabricNode, n.ID, "interfaces", name, "cannot be the name of an interface; the node's part in the fabric is left out")
			return false
		}
	}
	if !n.IP.IsValid() && !n.IP6.IsValid() {
		r.warn(model.KindFabricNode, n.ID, "ip", "", fmt.Sprintf("is not set, and neither is ip6, so that node %s has no address in the fabric", r.facts.Node))
	}
	return true
}

func fabricLink(out *bytes.Buffer, f *model.Fabric, n *model.FabricNode, i *model.FabricInterface) {
	if f.Protocol == model.FabricBGP { // unnumbered (RFC 5549)
		block{"ip-forward 1", "ip6-forward 1", "accept-ra 0"}.write(out, i.Name, " inet manual")
		return
	}
	if i.IP.IsValid() {
		address(out, i.Name, static4, i.IP)
	}
	if i.IP6.IsValid() {
		address(out, i.Name, static6, i.IP6)
	}
	switch {
	case i.IP.IsValid() || i.IP6.IsValid():
	case n.IP.IsValid(): // it borrows the node's address
		address(out, i.Name, static4, host(n.IP))
	case n.IP6.IsValid():
		address(out, i.Name, static6, host(n.IP6))
	}
}

// address writes a stanza with an address. Proxmox enables forwarding with the
// keyword of IPv4 in both families.
func address(out *bytes.Buffer, name, method string, p netip.Prefix, more ...string) {
	b := append(block{"address " + p.String()}, more...)
	append(b, "ip-forward 1").write(out, name, method)
}

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
