// Package compile turns a configuration and the facts of one node into the
// desired state of that node.
//
// It is placed between model and desired in the one-way flow and is pure: no I/O,
// no clock, no randomness, no logger. The server compiles for every node to
// make an exact plan, the agent compiles for itself, so that it needs no server
// to boot, to repair drift or to survive a partition.
//
// It works in passes, listed below: each makes one part out of the input and of parts
// that earlier passes have made.
package compile

import (
	"cmp"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Level ranks a Note.
type Level string

// The levels. With LevelError the object is left out on the node.
const (
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Note is a remark on one object of one node.
type Note struct {
	// Object is the reference: "vnet/vnet1".
	Object  string
	Level   Level
	Message string
	message.Details
	// Class classifies the fault; empty for the declaration itself.
	Class fault.Class
}

// What the passes make. A part that is a *desired.Space holds only what that pass adds.
var (
	partIPSets     = part[ipSets]{"IP sets"}                        // derived and declared sets, as address ranges
	partFabrics    = part[*fabricLinks]{"fabrics"}                  // links and addresses of fabrics
	partZones      = part[*networks]{"zones"}                       // links, addresses and routes of all zones, beside the fabrics'
	partNetworks   = part[*networks]{"networks"}                    // those of them that the node can have
	partSectors    = part[*sectors]{"sectors"}                      // gateways of sectors, with the networks that they are joined to
	partRouting    = part[*suiteConfig]{"routing"}                  // what FRR does
	partDHCP       = part[*dhcpService]{"DHCP"}                     // DHCP servers, and what keeps DHCP on the node
	partGuestPorts = part[*desired.Space]{"guest ports"}            // guests' NICs, joined to their bridges
	partIsolation  = part[*desired.Space]{"isolation"}              // the filter that keeps zones apart, and source NAT
	partFirewalls  = part[*desired.Space]{"firewalls"}              // rules of VNets, filters of NICs
	partForwarding = part[*desired.Space]{"forwarding"}             // IP forwarding of the node
	partNames      = part[*desired.NameServer]{"names"}             // the node's DNS server
	partState      = part[*desired.Node]{"state of the whole node"} // all of it together
)

// passes are the compiler, in the order in which they run: the part that a pass makes, how,
// and the parts that it needs. Higher objects are lowered to simpler ones first, so that no
// later pass knows them.
var passes = []pass{
	makes(partIPSets, lowerIPSets),
	makes(partFabrics, compileFabrics),
	makes(partZones, compileZones, partFabrics),
	makes(partNetworks, leaveOut, partZones),
	makes(partSectors, compileSectors, partNetworks),
	makes(partRouting, compileRouting, partNetworks),
	makes(partDHCP, compileDHCP, partNetworks),
	makes(partGuestPorts, compileGuestPorts, partNetworks),
	makes(partIsolation, compileIsolation, partSectors, partDHCP),
	makes(partFirewalls, compileFirewalls, partIPSets, partNetworks, partGuestPorts),
	makes(partForwarding, compileForwarding, partFabrics, partNetworks, partRouting),
	makes(partNames, compileNames, partNetworks, partDHCP),
	makes(partState, join, partNetworks, partSectors, partRouting, partDHCP, partGuestPorts, partIsolation, partFirewalls, partForwarding, partNames),
}

// Node compiles a node's document together with its facts. The result is
// sorted. Objects that cannot be created are left out and reported in the notes.
func Node(doc *document.Document, facts *model.Facts) (*desired.Node, []Note) {
	parts, notes := run(passes, newInput(doc, facts))
	slices.SortStableFunc(notes, func(a, b Note) int { return cmp.Compare(a.Object, b.Object) })
	return parts[partState.name].(*desired.Node), notes
}

// join puts the node's state together.
func join(n *node) *desired.Node {
	dhcp := partDHCP.of(n)
	sectors := partSectors.of(n)
	out := desired.Node{Space: *partNetworks.of(n).out, Spaces: sectors.spaces}
	if self := n.cfg.Nodes[n.name]; self != nil && self.Backend != model.BackendNetlink {
		out.Backend = self.Backend
	}
	if len(dhcp.linkLocal) > 0 {
		out.Links = slices.Clone(out.Links)
		for i := range out.Links {
			if l := &out.Links[i]; dhcp.linkLocal[l.Name] {
				l.NoLinkLocal = false
			}
		}
	}
	out.Links = slices.Concat(out.Links, sectors.host.Links)
	out.Addresses = slices.Concat(out.Addresses, sectors.host.Addresses)
	out.Routes = slices.Concat(out.Routes, sectors.host.Routes)
	out.LoadBalancers = sectors.host.LoadBalancers
	out.DHCP, out.FRR, out.NameServer = dhcp.out.DHCP, partRouting.of(n).frr, partNames.of(n)
	out.Ports = slices.Concat(out.Ports, partGuestPorts.of(n).Ports)
	out.Addresses = append(out.Addresses, dhcp.out.Addresses...)
	out.Sysctls = slices.Concat(out.Sysctls, dhcp.out.Sysctls, partForwarding.of(n).Sysctls)
	out.Tables = slices.Concat(dhcp.out.Tables, sectors.host.Tables, partIsolation.of(n).Tables, partFirewalls.of(n).Tables)
	out.Sort()
	return &out
}
