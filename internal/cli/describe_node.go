package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// facts are the facts that the described node reports; nil for other objects, and for a
// node that has not reported.
func (d *description) facts() *model.Facts {
	i := slices.IndexFunc(d.status.Nodes, func(n api.NodeStatus) bool { return n.Name == d.id })
	if d.kind != model.KindNode || i < 0 || d.status.Nodes[i].Report == nil {
		return nil
	}
	return d.status.Nodes[i].Report.Facts
}

// factsText describes the software of the node, as far as its features depend on it.
func (d *description) factsText() string {
	f := d.facts()
	if f == nil {
		return ""
	}
	frr := dialect(f.FRR)
	if f.FRR != nil && !f.FRR.IPv6Tunnels() {
		frr += "; EVPN tunnels over IPv4 only"
	}
	if f.FRR != nil && f.FRR.ASN != 0 {
		frr += fmt.Sprintf("; router bgp %d of its own", f.FRR.ASN)
	}
	ovs := "does not answer"
	if f.OVS {
		ovs = "answers"
		if len(f.OVSBridges) > 0 {
			ovs += ", bridges " + line.Few(f.OVSBridges, 8)
		}
	}
	rows := [][]string{{"  viaduct", f.Version}, {"  kernel", f.Kernel}, {"  frr", frr}, {"  open vswitch", ovs}}
	if len(f.Resolvers) > 0 {
		rows = append(rows, []string{"  resolvers", strings.Join(addrTexts(f.Resolvers), ", ")})
	}
	if lacking := lackingText(f); lacking != "" {
		rows = append(rows, []string{"  lacks", lacking})
	}
	if routes := defaultRoutes(f); routes != "" {
		rows = append(rows, []string{"  default route", routes})
	}
	return table([]string{"  SOFTWARE", "STATE"}, rows)
}

// lackingText names the features that the node lacks.
func lackingText(f *model.Facts) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.Features)) {
		if !f.Features[name] {
			out = append(out, string(name))
		}
	}
	return strings.Join(out, ", ")
}

// defaultRoutes lists the interfaces of the node's default routes.
func defaultRoutes(f *model.Facts) string {
	var out []string
	for _, r := range f.Routes {
		if r.Dst.Bits() == 0 {
			family := "IPv4"
			if r.Dst.Addr().Is6() {
				family = "IPv6"
			}
			out = append(out, family+" by "+r.Dev)
		}
	}
	return line.Few(slices.Compact(out), 8)
}

// maxInterfaces bounds how many interfaces of a node are listed.
const maxInterfaces = 50

// interfacesText lists a node's interfaces, without those created for guests or by
// Viaduct.
func (d *description) interfacesText() string {
	f := d.facts()
	if f == nil || len(f.Interfaces) == 0 {
		return ""
	}
	var rows [][]string
	for _, i := range f.Interfaces[:min(len(f.Interfaces), maxInterfaces)] {
		state := "down"
		if i.Up {
			state = "up"
		}
		kind := i.Kind
		if i.VLANFiltering {
			kind += ", vlan-aware"
		}
		addrs := make([]string, len(i.Addresses))
		for n, a := range i.Addresses {
			addrs[n] = a.String()
		}
		rows = append(rows, []string{"  " + i.Name, kind, state, strconv.Itoa(i.MTU), i.MAC, i.Master, line.Few(addrs, 4)})
	}
	text := table([]string{"  INTERFACE", "KIND", "STATE", "MTU", "MAC", "MASTER", "ADDRESSES"}, rows)
	if more := len(f.Interfaces) - maxInterfaces; more > 0 {
		text += fmt.Sprintf("  ... and %d more: viaduct describe shows the first, GET /api/v1/status?facts=all all\n", more)
	}
	return text
}

// bridgeVLANsText lists the VLANs of the ports of VLAN-aware bridges.
func (d *description) bridgeVLANsText() string {
	f := d.facts()
	if f == nil {
		return ""
	}
	var rows [][]string
	for _, b := range f.BridgeVLANs {
		for _, p := range b.Ports {
			tagged := make([]string, len(p.Tagged))
			for i, r := range p.Tagged {
				tagged[i] = strconv.Itoa(r.First)
				if r.Last != r.First {
					tagged[i] += "-" + strconv.Itoa(r.Last)
				}
			}
			native := ""
			if p.Native != 0 {
				native = strconv.Itoa(p.Native)
			}
			rows = append(rows, []string{"  " + b.Bridge, p.Name, native, line.Few(tagged, 8)})
		}
	}
	if len(rows) == 0 {
		return ""
	}
	text := table([]string{"  BRIDGE", "PORT", "UNTAGGED", "TAGGED"}, rows[:min(len(rows), maxInterfaces)])
	if more := len(rows) - maxInterfaces; more > 0 {
		text += fmt.Sprintf("  ... and %d more: viaduct describe shows the first, GET /api/v1/status?facts=all all\n", more)
	}
	return text
}
