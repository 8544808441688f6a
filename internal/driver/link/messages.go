package link

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgNameReservedOnNode = message.Define("name-reserved-on-node",
		"the name is reserved on this node, so that Viaduct does not touch it:",
		"choose another name, or remove it from the node's reserved patterns",
		"The node's property reserved names interfaces that Viaduct must not touch.")
	msgSpaceEndMissing = message.Define("space-end-missing",
		"it is one end of a pair whose other end {peer} is in a network namespace that could not be completed:",
		"see the errors about the namespace",
		"A network namespace of Viaduct, such as the gateway of a sector, makes the interfaces that lead to it.")
	msgGuestInterfaceOwned = message.Define("guest-interface-owned",
		"it is one of Viaduct's own interfaces, not a guest's:",
		"give the guest's interface another name",
		"A guest's interface has a name that Viaduct uses.")
	msgPortBridgeNotMade = message.Define("port-bridge-not-made",
		"its bridge {bridge} could not be created on this node",
		"see the object that the bridge belongs to",
		"A guest's interface cannot be connected, since its bridge does not exist.")
	msgPortOfForeignBridge = message.Define("port-of-foreign-bridge",
		"it is a port of {other}, which was not made by Viaduct, and was left there:",
		"remove it from that one (ip link set {interface} nomaster) and it joins bridge {bridge}",
		"A guest's interface is connected to a bridge of another program.")
	msgZoneBridgeMissingOnNode = message.Define("zone-bridge-missing-on-node",
		"bridge {bridge} is not on this node:",
		"make it (on Proxmox: Network, Create, Linux Bridge), correct the zone's bridge, or leave this node out of the zone",
		"The bridge of the zone disappeared after the node reported its interfaces.")
	msgZoneBridgeOwned = message.Define("zone-bridge-owned",
		"bridge {bridge} was made by Viaduct and cannot carry a zone:",
		"give the zone a bridge of the node's own",
		"The zone names a bridge of a VNet.")
	msgZoneBridgeNotABridge = message.Define("zone-bridge-not-a-bridge",
		"{interface} is not a Linux bridge:",
		"correct the zone's bridge, or leave this node out of the zone",
		"The zone names an interface that cannot have ports.")
	msgVLANLoopPrevented = message.Define("vlan-loop-prevented",
		"VLAN {vlan} of {bridge} is still joined by {interface}, which Viaduct created before the name was reserved and does not touch any more:",
		"remove it (ip link delete {interface})",
		"Two devices that connect one VLAN with one bridge would forward frames in a loop.")
	msgVLANParentMissing = message.Define("vlan-parent-missing",
		"interface {interface}, which is to carry VLAN {vlan}, is not on this node:",
		"make it, correct the zone's bridge, or leave this node out of the zone",
		"The interface below a VLAN device does not exist.")
	msgVLANParentUnwanted = message.Define("vlan-parent-unwanted",
		"interface {interface}, which is to carry VLAN {vlan}, was made by Viaduct and is no longer wanted",
		"",
		"The interface below a VLAN device is about to be removed.")
	msgBridgeNotVLANAware = message.Define("bridge-not-vlan-aware",
		"bridge {bridge} is not VLAN-aware:",
		"make it so (ip link set {bridge} type bridge vlan_filtering 1, and bridge-vlan-aware yes in its configuration)",
		"The VLAN device is on a bridge that does not filter VLANs.")
	msgAddressInterfaceMissing = message.Define("address-interface-missing",
		"address {address}: interface {interface} is not on this node",
		"correct the name, or plug it in",
		"An address is declared on an interface that does not exist.")
	msgAddressInterfaceReserved = message.Define("address-interface-reserved",
		"address {address}: interface {interface}: {error}",
		"",
		"An address is declared on an interface that the node reserves.")
	msgLinkRefusedWithHint = message.Define("link-refused-with-hint",
		"the kernel refused to {action}: {error}",
		"{hint}",
		"Linux refused a change of an interface for a known reason.")
	msgLinkRefused = message.Define("link-refused",
		"the kernel refused to {action}: {error}",
		"",
		"Linux refused a change of an interface.")
	msgLinkBaseNotMade = message.Define("link-base-not-made",
		"interface {interface}: its {role} {base} could not be created on this node",
		"see {owner}",
		"An interface is built on another one, which could not be created.")
)
