package agent

import (
	"cmp"
	"context"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The VLANs that a frame can have (IEEE 802.1Q-2022, table 9-2).
const (
	firstVLAN = 1
	lastVLAN  = 4094
)

// bridgeVLANs describes the VLANs of the ports of all bridges that filter VLANs.
func bridgeVLANs(ctx context.Context, conn *rtnl.Conn, links []rtnl.Link, bridges []ovs.Bridge, switched map[string]ovsPort) ([]model.BridgeVLANs, error) {
	kinds := make(map[string]string, len(links))
	for _, l := range links {
		kinds[l.Name] = l.Kind
	}
	out := switchBridges(bridges, kinds)
	if slices.ContainsFunc(links, filtersVLANs) {
		vlans, err := conn.PortVLANs(ctx)
		if err != nil {
			return nil, err
		}
		own := func(l rtnl.Link) bool { return marked(l) || switched[l.Name].owned }
		out = append(out, awareBridges(links, vlans, own)...)
	}
	return sortBridges(out), nil
}

// filtersVLANs reports whether a link is a VLAN-aware bridge that is not Viaduct's.
func filtersVLANs(l rtnl.Link) bool {
	return l.Bridge != nil && l.Bridge.VLANFiltering != nil && *l.Bridge.VLANFiltering && !marked(l)
}

// marked reports whether a link is Viaduct's by its link group.
func marked(l rtnl.Link) bool { return l.Group == desired.LinkGroup || l.Group == desired.DoomedGroup }

// awareBridges describes the VLANs of the ports of VLAN-aware bridges. own reports
// whether a link is Viaduct's.
func awareBridges(links []rtnl.Link, vlans map[int][]rtnl.VLANRange, own func(rtnl.Link) bool) []model.BridgeVLANs {
	var out []model.BridgeVLANs
	for _, b := range links {
		if !filtersVLANs(b) || own(b) {
			continue
		}
		bridge := model.BridgeVLANs{Bridge: b.Name}
		_, bridge.Native = awareVLANs(vlans[b.Index])
		for _, l := range links {
			if l.Master != b.Index || own(l) || guestLinks.MatchString(l.Name) {
				continue
			}
			port := model.PortVLANs{Name: l.Name, Kind: l.Kind}
			port.Tagged, port.Native = awareVLANs(vlans[l.Index])
			bridge.Ports = append(bridge.Ports, port)
		}
		out = append(out, bridge)
	}
	return out
}

// awareVLANs returns the VLANs of a port of a VLAN-aware bridge. A VLAN that it sends
// untagged but does not accept untagged is carried one way only, so not at all.
func awareVLANs(list []rtnl.VLANRange) (tagged []model.VLANRange, native int) {
	for _, r := range list {
		switch {
		case !r.Untagged:
			tagged = append(tagged, model.VLANRange{First: int(r.First), Last: int(r.Last)})
		case r.PVID:
			native = int(r.First)
		}
	}
	return mergeRanges(tagged), native
}

// switchBridges describes the VLANs of the ports of Open vSwitch bridges. kinds are the
// kinds of the kernel's links by name.
func switchBridges(bridges []ovs.Bridge, kinds map[string]string) []model.BridgeVLANs {
	var out []model.BridgeVLANs
	for _, b := range bridges {
		if b.Ours {
			continue
		}
		bridge := model.BridgeVLANs{Bridge: b.Name}
		for _, p := range b.Ports {
			if slices.ContainsFunc(p.Interfaces, guestLinks.MatchString) || p.Type == "internal" {
				continue
			}
			port := model.PortVLANs{Name: p.Name, Kind: p.Type, Peer: p.Peer}
			if p.Type == "" || p.Type == "system" {
				port.Kind = kinds[p.Name]
			}
			port.Tagged, port.Native = switchVLANs(p)
			bridge.Ports = append(bridge.Ports, port)
		}
		out = append(out, bridge)
	}
	return out
}

// switchVLANs returns the VLANs of a port of Open vSwitch, by its columns (ovs-vswitchd.conf.db(5),
// "VLAN Configuration"). A dot1q-tunnel port removes the outer tag, as an access port does.
func switchVLANs(p ovs.Port) (tagged []model.VLANRange, native int) {
	mode := p.Mode
	if mode == "" {
		mode = "trunk"
		if p.Tagged {
			mode = "access"
		}
	}
	if mode == "access" || mode == "dot1q-tunnel" {
		return nil, p.Tag
	}
	for _, vlan := range p.Trunks {
		if vlan >= firstVLAN && vlan <= lastVLAN { // 0 means untagged
			tagged = append(tagged, model.VLANRange{First: vlan, Last: vlan})
		}
	}
	if len(p.Trunks) == 0 {
		tagged = []model.VLANRange{{First: firstVLAN, Last: lastVLAN}}
	}
	switch {
	case mode == "native-tagged" && p.Tag != 0:
		tagged = append(tagged, model.VLANRange{First: p.Tag, Last: p.Tag}) // whatever trunks has
	case mode == "native-untagged" && p.Tag != 0:
		tagged, native = without(tagged, p.Tag), p.Tag
	}
	return mergeRanges(tagged), native
}

// without removes one VLAN from ranges.
func without(ranges []model.VLANRange, vlan int) []model.VLANRange {
	var out []model.VLANRange
	for _, r := range ranges {
		if r.First > vlan || r.Last < vlan {
			out = append(out, r)
			continue
		}
		if r.First < vlan {
			out = append(out, model.VLANRange{First: r.First, Last: vlan - 1})
		}
		if r.Last > vlan {
			out = append(out, model.VLANRange{First: vlan + 1, Last: r.Last})
		}
	}
	return out
}

// mergeRanges sorts ranges and joins adjacent ones: the kernel returns one range in several.
func mergeRanges(ranges []model.VLANRange) []model.VLANRange {
	slices.SortFunc(ranges, func(a, b model.VLANRange) int { return cmp.Compare(a.First, b.First) })
	var out []model.VLANRange
	for _, r := range ranges {
		if n := len(out); n > 0 && r.First <= out[n-1].Last+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// sortBridges puts bridges and ports into the order of their names.
func sortBridges(bridges []model.BridgeVLANs) []model.BridgeVLANs {
	slices.SortFunc(bridges, func(a, b model.BridgeVLANs) int { return cmp.Compare(a.Bridge, b.Bridge) })
	for _, b := range bridges {
		slices.SortFunc(b.Ports, func(a, b model.PortVLANs) int { return cmp.Compare(a.Name, b.Name) })
	}
	return bridges
}
