package model

import "fmt"

// MaxLinkName is the longest name of an interface, in bytes (IFNAMSIZ less the final
// zero).
const MaxLinkName = 15

// LinkRole is what an interface does for an object. It begins the interface's name as
// in Proxmox VE, and the object's ID follows: these are the only makers of such names.
type LinkRole string

// The roles.
const (
	// LinkTunnel is the VXLAN device of a VNet.
	LinkTunnel LinkRole = "vxlan_"
	// LinkVRF, LinkVRFBridge and LinkVRFTunnel are the VRF of an EVPN zone, the bridge
	// in it, and the VXLAN device of its routed traffic.
	LinkVRF       LinkRole = "vrf_"
	LinkVRFBridge LinkRole = "vrfbr_"
	LinkVRFTunnel LinkRole = "vrfvx_"
	// LinkExitOutside and LinkExitInside are the pair by which an exit node itself
	// reaches an EVPN zone.
	LinkExitOutside LinkRole = "xvrf_"
	LinkExitInside  LinkRole = "xvrfp_"
	// LinkInner and LinkOuter are the pair that joins a VNet to what carries its VLAN,
	// or the VNet without a tag of a QinQ zone to the zone. With Open vSwitch
	// LinkInner is a port of the switch.
	LinkInner LinkRole = "ln_"
	LinkOuter LinkRole = "pr_"
	// LinkService is the service VLAN of a QinQ zone, LinkServiceBridge the bridge that
	// it ends at, and LinkServicePatch the end of a patch there.
	LinkService       LinkRole = "sv_"
	LinkServiceBridge LinkRole = "z_"
	LinkServicePatch  LinkRole = "up_"
	// LinkServiceInner and LinkServiceOuter are the pair that joins the zone's bridge to a
	// service VLAN that the node has itself.
	LinkServiceInner LinkRole = "zi_"
	LinkServiceOuter LinkRole = "zo_"
	// LinkFabric is the device that holds a node's address in a fabric.
	LinkFabric LinkRole = "dummy_"
)

// Of is the name for an object with this ID, as in Proxmox VE.
func (r LinkRole) Of(id string) string { return string(r) + id }

// OfZone is the name for an EVPN zone on a node. Where the zone's ID is too long for an
// interface, its VNI of routed traffic stands in its place.
func (r LinkRole) OfZone(z *Zone) string {
	return FitLinkName(r.Of(z.ID), fmt.Sprintf("%s%d", r, z.VRFVXLAN))
}

// FitLinkName returns the first of the names that an interface can have, or the last.
func FitLinkName(names ...string) string {
	for _, name := range names {
		if len(name) <= MaxLinkName {
			return name
		}
	}
	return names[len(names)-1]
}
