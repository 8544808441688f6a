package link

import (
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
)

// op is the operation of one request to the kernel.
type op int

const (
	opCreate      op = iota // create a link
	opSet                   // change mtu, MAC, alias, master or state
	opAddrGen               // change how the link-local address is generated
	opInfo                  // change settings of the link's kind
	opBridgePort            // change settings of a bridge's port
	opVLANs                 // make a port carry all VLANs
	opPortVLAN              // make a port carry a single VLAN
	opOtherVLANs            // remove a port's other VLANs
	opBridgeVLAN            // make a bridge itself a member of a VLAN, or end that
	opAddAddress            // add or renew an address
	opDelAddress            // remove an address
	opAddNeigh              // add a forwarding entry, or change its remote end
	opDelNeigh              // remove a forwarding entry
	opAddStatic             // bind a MAC to a bridge's port
	opDelStatic             // undo that
	opPort                  // join a guest's interface to a bridge
	opRelease               // leave a link to the operator
	opDoom                  // move a link to the doomed group
	opDelete                // delete one link
	opDeleteGroup           // delete all links of a group
)

// step is one request to the kernel, as a value.
type step struct {
	op op
	// owner and link identify the object; change is the index of the change that it
	// serves, or -1 if it only prepares one.
	owner  string
	link   string
	change int
	failed bool

	index  int // of the link
	create *desired.Link
	peer   *desired.Link // for opCreate of a veth pair: its other end
	master int           // for opCreate; 0 for none
	parent int           // for opCreate: index of a VLAN device's parent, or of a veth's peer
	outer  *netns.NS     // for opCreate of a veth pair: the namespace of its other end; nil for the same
	set    settings
	prefix netip.Prefix
	// noRoute is as in desired.Address, for opAddAddress.
	noRoute bool
	neigh   desired.Neighbour
	vlan    int  // for opBridgeVLAN, opPortVLAN and opOtherVLANs
	tagged  bool // for opPortVLAN
	on      bool // for opAddrGen: generate one; for opBridgeVLAN: add
	group   uint32
}

// settings are the properties that opSet, opInfo and opBridgePort change; nil
// leaves one unchanged.
type settings struct {
	mtu    int    // 0 leaves it unchanged
	mac    string // empty leaves it unchanged
	up     bool
	alias  *string
	master *int

	// Settings of a bridge port.
	isolated, portLearning, neighSuppress *bool

	learning      *bool
	vlanFiltering *bool
	// noSpanningTree turns spanning tree off, noDelay sets the forward delay to
	// zero.
	noSpanningTree, noDelay bool
}

// infoSet reports whether a setting of the link's kind changes, portSet whether one
// of a bridge port does, linkSet whether any other does.
func (s settings) infoSet() bool {
	return s.learning != nil || s.vlanFiltering != nil || s.noSpanningTree || s.noDelay
}

func (s settings) portSet() bool {
	return s.isolated != nil || s.portLearning != nil || s.neighSuppress != nil
}

func (s settings) linkSet() bool {
	return s.mtu != 0 || s.mac != "" || s.up || s.alias != nil || s.master != nil
}
