package ovs

import msg "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgOVSNotInstalled = msg.Define("ovs-not-installed",
		"port {port} of bridge {bridge}: Open vSwitch does not run on this node:",
		"install and start it (apt install openvswitch-switch; systemctl start openvswitch-switch), or correct the zone's bridge",
		"The bridge of the zone is declared to be of Open vSwitch, whose daemons do not run on the node.")
	msgOVSBridgeFailed = msg.Define("ovs-bridge-failed",
		"Open vSwitch could not make bridge {bridge}: {error}",
		"",
		"ovs-vswitchd reports an error of the bridge.")
	msgOVSPortFailed = msg.Define("ovs-port-failed",
		"Open vSwitch could not make interface {interface} of bridge {bridge}: {error}",
		"",
		"ovs-vswitchd reports an error of the port.")
	msgOVSPortPending = msg.Define("ovs-port-pending",
		"Open vSwitch has not created interface {interface} of bridge {bridge} yet:",
		"see whether ovs-vswitchd runs (systemctl status openvswitch-switch)",
		"The port is in the database of Open vSwitch and does not exist in the kernel.")
	msgOVSBaseBridgeMissing = msg.Define("ovs-base-bridge-missing",
		"bridge {bridge}: Open vSwitch has no bridge {base} on this node, next to which it would be:",
		"make it (ovs-vsctl add-br {base}), correct the zone's bridge, or leave this node out of the zone",
		"A bridge of Open vSwitch is created next to the one that the zone names, and that one is missing.")
	msgOVSBridgeMissing = msg.Define("ovs-bridge-missing",
		"port {port}: Open vSwitch has no bridge {bridge} on this node:",
		"make it (ovs-vsctl add-br {bridge}; on Proxmox: Network, Create, OVS Bridge), correct the zone's bridge, or leave this node out of the zone",
		"The zone names a bridge that Open vSwitch does not have on this node.")
)
