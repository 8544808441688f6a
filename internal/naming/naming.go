// Package naming generates every name by which Viaduct's objects are known to the kernel
// and to Open vSwitch: of interfaces, VRFs and their routing tables, ports and network
// namespaces. Code that creates an object and code that finds it use the same function.
// It is pure.
package naming

import (
	"fmt"
	"strings"
)

// MaxLink is the longest name of an interface, in bytes (IFNAMSIZ less the final zero).
const MaxLink = 15

// Role is what an interface does for an object. It begins the interface's name, as in
// Proxmox VE where that has such an interface, and the object's ID follows.
type Role string

// The roles.
const (
	// Tunnel is the VXLAN device of a VNet.
	Tunnel Role = "vxlan_"
	// VRF, VRFBridge and VRFTunnel are the VRF of an EVPN zone, the bridge in it, and
	// the VXLAN device of its L3VNI.
	VRF       Role = "vrf_"
	VRFBridge Role = "vrfbr_"
	VRFTunnel Role = "vrfvx_"
	// ExitOutside and ExitInside are the veth pair by which an exit node itself reaches
	// an EVPN zone.
	ExitOutside Role = "xvrf_"
	ExitInside  Role = "xvrfp_"
	// Gateway and GatewayPort are the veth pair by which a node is the anycast gateway of a
	// VNet: the end with the addresses, and the port of the VNet's bridge.
	Gateway     Role = "gw_"
	GatewayPort Role = "gwp_"
	// Inner and Outer are the veth pair that joins a VNet to what carries its VLAN, or
	// the VNet without a tag of a QinQ zone to the zone. With Open vSwitch Inner is a
	// port of the switch.
	Inner Role = "ln_"
	Outer Role = "pr_"
	// VLANUplink is the VLAN device of a VNet on a VLAN-aware bridge, ServiceUplink that
	// on the bridge of a QinQ zone, and PlainBridge the bridge over the VLAN of a plain
	// bridge, each where its usual name cannot be had: see VLAN and VLANBridge.
	VLANUplink    Role = "bv_"
	ServiceUplink Role = "zv_"
	PlainBridge   Role = "vb_"
	// Service is the service VLAN of a QinQ zone, ServiceBridge the bridge that it ends
	// at, and ServicePatch the end of a patch there.
	Service       Role = "sv_"
	ServiceBridge Role = "z_"
	ServicePatch  Role = "up_"
	// ServiceInner and ServiceOuter are the veth pair that joins the zone's bridge to a
	// service VLAN that the node has itself.
	ServiceInner Role = "zi_"
	ServiceOuter Role = "zo_"
	// SectorGateway, SectorNode and SectorOutside are the ends, on the host, of the pairs that
	// lead into a sector's gateway: ports of its VNet for the gateway's address and for that
	// of the node, and the way to the backplane.
	SectorGateway Role = "sg_"
	SectorNode    Role = "sn_"
	SectorOutside Role = "sx_"
	// Fabric is the dummy device that holds a node's address in a fabric.
	Fabric Role = "dummy_"
)

// Of is the name for an object with this ID.
func (r Role) Of(id string) string { return string(r) + id }

// OfVRF is the name for an EVPN zone on a node. Where the zone's ID is too long for an
// interface, the zone's L3VNI replaces it.
func (r Role) OfVRF(zone string, vni int) string { return Fit(r.Of(zone), fmt.Sprintf("%s%d", r, vni)) }

// OnPort is the name for an object that has one such interface on each of several ports of a
// bridge; port counts them from 0.
func (r Role) OnPort(port int, id string) string {
	return fmt.Sprintf("%s%d_%s", strings.TrimSuffix(string(r), "_"), port, id)
}

// Uplink is the role of the VLAN devices on the ports of a plain bridge, where their usual
// names cannot be had; they are named OnPort.
const Uplink Role = "p_"

// Fit returns the first of the names that an interface can have, or the last.
func Fit(names ...string) string {
	for _, name := range names {
		if len(name) <= MaxLink {
			return name
		}
	}
	return names[len(names)-1]
}

// VLAN is the usual name of the VLAN device of an interface: "vmbr0.10".
func VLAN(parent string, id int) string { return fmt.Sprintf("%s.%d", parent, id) }

// VLANBridge is the usual name of the bridge over a VLAN of the ports of a plain bridge:
// "vmbr0v10".
func VLANBridge(bridge string, id int) string { return fmt.Sprintf("%sv%d", bridge, id) }

// VRFTable is the routing table of the VRF with an L3VNI: far from the numbers that
// operators choose, and readable.
func VRFTable(vni int) uint32 { return 100_000_000 + uint32(vni) }

// GuestPorts are the names that the port of a guest's NIC ("net0") has as in Proxmox VE, the
// first that exists counts. With a firewall bridge between guest and VNet its fwpr end is
// the VNet's port, and the guest's own link belongs to the firewall bridge.
func GuestPorts(guest, nic string) []string {
	n := strings.TrimPrefix(nic, "net")
	return []string{"fwpr" + guest + "p" + n, "tap" + guest + "i" + n, ContainerPort(guest, nic)}
}

// ContainerPort is the name that the host's end of a container's NIC has.
func ContainerPort(guest, nic string) string {
	return "veth" + guest + "i" + strings.TrimPrefix(nic, "net")
}

// namespaces is the prefix of the names of network namespaces that Viaduct makes on nodes.
const namespaces = "vd-"

// Namespace is the name of the network namespace of a space (ip-netns(8)).
func Namespace(space string) string { return namespaces + space }

// Space is the space of a namespace, by name; ok is false if it is not one of Viaduct's.
func Space(namespace string) (space string, ok bool) {
	space, ok = strings.CutPrefix(namespace, namespaces)
	return space, ok && space != ""
}
