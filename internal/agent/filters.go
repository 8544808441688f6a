package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/linux/foreign"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// bridged is true by address family if frames that stay on a bridge also pass the filters
// of routed packets (br_netfilter).
type bridged struct{ four, six bool }

func (b bridged) family(f string) bool { return f == "ip" && b.four || f == "ip6" && b.six }

// filterFault is traffic of a zone's guests that a chain drops.
type filterFault struct {
	zone  string
	chain foreign.Chain
	what  string // "routed" or "bridged"
}

// droppedTraffic reports filters that are not Viaduct's and drop guests' traffic. It
// reports a zone's VNets together if the same chain drops their traffic.
func droppedTraffic(rules *foreign.Ruleset, cfg *model.Config, want *desired.Node, through bridged) []protocol.ObjectStatus {
	faults := map[filterFault][]string{}
	families := routedFamilies(want)
	for _, l := range want.Links {
		v := cfg.VNets[l.Name]
		if v == nil || l.Kind != desired.LinkBridge {
			continue
		}
		note := func(what string, packets ...foreign.Packet) {
			for _, p := range packets {
				for _, c := range rules.Dropping(p) {
					f := filterFault{v.Zone, c, what}
					if !slices.Contains(faults[f], v.ID) {
						faults[f] = append(faults[f], v.ID)
					}
				}
			}
		}
		for _, family := range []string{"ip", "ip6"} {
			if families[l.Name+" "+family] {
				note("routed", foreign.Packet{Family: family, In: l.Name}, foreign.Packet{Family: family, Out: l.Name})
			}
			if through.family(family) {
				note("bridged", foreign.Packet{Family: family, In: l.Name, Out: l.Name})
			}
		}
		note("frames", foreign.Packet{Family: "bridge", InBridge: l.Name, OutBridge: l.Name})
	}
	out := make([]protocol.ObjectStatus, 0, len(faults))
	for f, vnets := range faults {
		slices.Sort(vnets)
		m := f.message(rules, vnets)
		out = append(out, protocol.ObjectStatus{
			Object: model.Ref(model.KindZone, f.zone), State: protocol.Converged, Class: fault.Foreign, Message: m.Text, Details: m.Details,
		})
	}
	slices.SortFunc(out, func(a, b protocol.ObjectStatus) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// routedFamilies are the VNets that the node routes for, with the family: "vnet1 ip".
func routedFamilies(want *desired.Node) map[string]bool {
	out := map[string]bool{}
	for _, a := range want.Addresses {
		switch {
		case a.Prefix.IsSingleIP(): // of a server in the VNet, not a gateway
		case a.Prefix.Addr().Is4():
			out[a.Link+" ip"] = true
		default:
			out[a.Link+" ip6"] = true
		}
	}
	return out
}

// dockerChain is Docker's place for rules of the operator's own.
const dockerChain = "DOCKER-USER"

// message names the chain, what it means and what to do.
func (f filterFault) message(rules *foreign.Ruleset, vnets []string) message.Message {
	c := f.chain
	how := "by a rule"
	if c.Policy == "drop" {
		how = "policy drop"
	}
	head := fmt.Sprintf("chain %s of table %s %s, which is not Viaduct's (%s)", c.Name, c.Family, c.Table, how)
	chain := c.Family + " " + c.Table + " " + c.Name
	names := strings.Join(vnets[:min(len(vnets), 4)], ", ")
	if more := len(vnets) - 4; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	program := map[string]string{"ip": "iptables", "ip6": "ip6tables"}[c.Family]
	switch {
	case f.what == "frames":
		return msgFilterDropsFrames.Of(head, names, chain)
	case f.what == "bridged":
		knob := "net.bridge.bridge-nf-call-iptables"
		if c.Family == "ip6" {
			knob = "net.bridge.bridge-nf-call-ip6tables"
		}
		return msgFilterDropsBridged.Of(head, names, knob)
	case program != "" && c.Name == "FORWARD":
		into, owner := c.Name, ""
		if rules.Has(c.Family, c.Table, dockerChain) {
			into, owner = dockerChain, " Docker made it:"
		}
		return msgFilterDropsRoutedIptables.Of(head, names, owner, program, into, vnets[0])
	}
	return msgFilterDropsRouted.Of(head, names, chain, vnets[0])
}
