package interfaces

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// qinq renders a VNet of a QinQ zone: a bridge with a port that is a VLAN inside the
// zone's service VLAN, or its untagged traffic.
func (r *renderer) qinq(z *model.Zone, v *model.VNet) {
	if z.Tag == 0 {
		r.refuse(model.KindVNet, v.ID, "zone", z.ID, "has no service VLAN (tag), so the vnet is left out")
		return
	}
	inside, outside := naming.Inner.Of(z.ID), naming.Outer.Of(z.ID)
	own := map[string]block{}
	shared := map[string]block{inside: veth(outside, 0), outside: veth(inside, 0)}
	uplink, ok := r.service(z, v, own, shared)
	if !ok {
		return
	}
	var b block
	if z.MTU != 0 {
		b.line("mtu %d", z.MTU)
	}
	b.line("bridge-stp off")
	b.line("bridge-ports %s %s", uplink, inside)
	b.line("bridge-fd 0")
	b.line("bridge-vlan-aware yes")
	b.line("bridge-vids 2-4094")
	zone := naming.ServiceBridge.Of(z.ID)
	shared[zone] = b

	port := outside
	if v.Tag != 0 {
		port = naming.VLAN(zone, v.Tag)
	}
	var bridge block
	bridge.bridge(v, port, z.MTU)
	own[v.ID] = bridge
	r.add(v, own, shared)
}

// service adds the service VLAN of the zone, and returns the device that
// carries it.
func (r *renderer) service(z *model.Zone, v *model.VNet, own, shared map[string]block) (uplink string, ok bool) {
	uplink = naming.Service.Of(z.ID)
	switch {
	case r.isOVS(z.Bridge):
		shared[uplink] = ovsPort(z, fmt.Sprintf("vlan_mode=dot1q-tunnel tag=%d other_config:qinq-ethtype=%s", z.Tag, cmp.Or(z.VLANProtocol, "802.1q")))
		own[z.Bridge] = withPort(r.blocks[z.Bridge], uplink)
	case r.isVLANAware(z.Bridge):
		uplink = naming.VLAN(z.Bridge, z.Tag)
		if z.VLANProtocol != "" {
			shared[z.Bridge] = block{"bridge-vlan-protocol " + z.VLANProtocol}
			shared[uplink] = block{"vlan-protocol " + z.VLANProtocol}
		}
	default:
		ports := r.ports(z.Bridge)
		if len(ports) == 0 {
			r.refuse(model.KindVNet, v.ID, "zone", z.ID, fmt.Sprintf(
				"is on bridge %s, which has no network card or bond on node %s to carry the service VLAN; the vnet is left out", z.Bridge, r.facts.Node))
			return "", false
		}
		var b block
		b.line("vlan-raw-device %s", ports[0])
		b.line("vlan-id %d", z.Tag)
		if z.VLANProtocol != "" {
			b.line("vlan-protocol %s", z.VLANProtocol)
		}
		shared[uplink] = b
	}
	return uplink, true
}

// withPort adds a port to the line of an Open vSwitch bridge with the ports of QinQ
// zones.
func withPort(bridge block, port string) block {
	const keyword = "ovs_ports "
	bridge = slices.Clone(bridge)
	for i, line := range bridge {
		ports, ok := strings.CutPrefix(line, keyword)
		if !ok {
			continue
		}
		if !slices.Contains(strings.Fields(ports), port) {
			bridge[i] += " " + port
		}
		return bridge
	}
	bridge.line("%s%s", keyword, port)
	return bridge
}
