package link

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/rtnl"
)

// op is what one request to the kernel does.
type op int

// The operations.
const (
	opCreate      op = iota // make a link
	opSet                   // change mtu, alias, master or state
	opAddrGen               // change how the link-local address is made
	opInfo                  // change settings of the link's kind
	opVLANs                 // let a port carry the overlay's VLANs
	opAddAddress            // add or renew an address
	opDelAddress            // remove an address
	opAddNeigh              // add a forwarding entry, or change its far end
	opDelNeigh              // remove a forwarding entry
	opPort                  // join a guest's interface to a bridge
	opIsolate               // set a port's isolation
	opDoom                  // move a link to the doomed group
	opDelete                // delete one link
	opDeleteGroup           // delete all links of a group
)

// step is one request to the kernel, as a value.
type step struct {
	op op
	// owner and link say whose it is; change is the index of the change that it
	// serves, or -1 if it only prepares one.
	owner  string
	link   string
	change int
	failed bool

	index  int // of the link
	create *desired.Link
	master int // for opCreate and opPort; 0 for none
	set    settings
	prefix netip.Prefix
	neigh  desired.Neighbour
	on     bool // for opAddrGen: make one; for opIsolate
	group  uint32
}

// settings are the properties that opSet and opInfo change; nil leaves one as
// it is.
type settings struct {
	mtu    int // 0 leaves it
	up     bool
	alias  *string
	master *int

	learning      *bool
	vlanFiltering *bool
	// noSpanningTree turns spanning tree off, noDelay the forward delay to zero.
	noSpanningTree, noDelay bool
}

// infoSet reports whether a setting of the link's kind changes; linkSet whether
// another one does.
func (s settings) infoSet() bool {
	return s.learning != nil || s.vlanFiltering != nil || s.noSpanningTree || s.noDelay
}

func (s settings) linkSet() bool {
	return s.mtu != 0 || s.up || s.alias != nil || s.master != nil
}

// harmless reports whether an error means that what the step wants is so
// already: what should be removed is gone.
func (s *step) harmless(err error) bool {
	switch s.op {
	case opAddrGen:
		return errors.Is(err, unix.EAFNOSUPPORT) // without IPv6 there is no such address
	case opDoom, opDelete, opDeleteGroup:
		return errors.Is(err, unix.ENODEV)
	case opDelAddress:
		return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL)
	case opDelNeigh:
		return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)
	}
	return false
}

// explain puts the kernel's refusal in the operator's words.
func (s *step) explain(err error) error {
	if errors.Is(err, rtnl.ErrUnknown) {
		return fmt.Errorf("it is not known whether the kernel did %s: %w; it is tried again", s.what(), err)
	}
	var refused *rtnl.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("could not %s: %w", s.what(), err)
	}
	if hint := s.hint(refused.Errno); hint != "" {
		return fmt.Errorf("the kernel refused to %s: %w; %s", s.what(), err, hint)
	}
	return fmt.Errorf("the kernel refused to %s: %w", s.what(), err)
}

// what says what the step does, to follow "refused to".
func (s *step) what() string {
	switch s.op {
	case opCreate:
		return fmt.Sprintf("create the %s interface %s", s.create.Kind, s.link)
	case opAddAddress:
		return fmt.Sprintf("add address %s to interface %s", s.prefix, s.link)
	case opDelAddress:
		return fmt.Sprintf("remove address %s from interface %s", s.prefix, s.link)
	case opAddNeigh:
		return fmt.Sprintf("add forwarding entry %s to %s on interface %s", s.neigh.MAC, s.neigh.Dst, s.link)
	case opDelNeigh:
		return fmt.Sprintf("remove forwarding entry %s to %s from interface %s", s.neigh.MAC, s.neigh.Dst, s.link)
	case opPort:
		return fmt.Sprintf("join interface %s to its bridge", s.link)
	case opIsolate:
		return fmt.Sprintf("change the isolation of port %s", s.link)
	case opVLANs:
		return fmt.Sprintf("let port %s carry VLANs", s.link)
	case opDoom, opDelete:
		return fmt.Sprintf("delete interface %s", s.link)
	case opDeleteGroup:
		return "delete the interfaces that are no longer wanted"
	case opAddrGen:
		return fmt.Sprintf("change the link-local address of interface %s", s.link)
	}
	return fmt.Sprintf("change %s of interface %s", s.set.names(), s.link)
}

// names lists what the settings change.
func (s settings) names() string {
	var out []string
	add := func(set bool, name string) {
		if set {
			out = append(out, name)
		}
	}
	add(s.mtu != 0, fmt.Sprintf("the MTU (to %d)", s.mtu))
	add(s.alias != nil, "the alias")
	add(s.master != nil, "the bridge")
	add(s.learning != nil, "learning")
	add(s.vlanFiltering != nil, "VLAN filtering")
	add(s.noSpanningTree, "spanning tree")
	add(s.noDelay, "the forward delay")
	add(s.up, "the state (to up)")
	return strings.Join(out, ", ")
}

// hint says what the refusal most likely means, and what to do.
func (s *step) hint(errno unix.Errno) string {
	aware := s.create != nil && s.create.Bridge != nil && s.create.Bridge.VLANFiltering
	switch {
	case (aware || s.set.vlanFiltering != nil) && (errno == unix.EOPNOTSUPP || errno == unix.EINVAL):
		return "the kernel was most likely built without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING): use a distribution's kernel, or make the VNet not VLAN-aware"
	case errno == unix.EPERM:
		return "the agent lacks the right to configure the network: run it as root or with CAP_NET_ADMIN"
	case errno == unix.EOPNOTSUPP && s.op == opCreate:
		return fmt.Sprintf("the kernel lacks the %s driver: load or install the module", s.create.Kind)
	case errno == unix.EEXIST && s.op == opCreate && s.create.VXLAN != nil:
		return fmt.Sprintf("another interface has the name, or uses VXLAN identifier %d on port %d: find it with `ip -d link show type vxlan`, and remove it or choose another tag",
			s.create.VXLAN.ID, s.create.VXLAN.Port)
	case errno == unix.EEXIST && s.op == opCreate:
		return "another interface has the name, possibly as an alternative name: find it with `ip link show`, and rename it"
	case errno == unix.EINVAL && s.set.mtu != 0, errno == unix.ERANGE && s.set.mtu != 0:
		return "the MTU is outside of what the interface allows: change the zone's mtu"
	case errno == unix.EADDRINUSE && (s.op == opCreate || s.op == opSet):
		return "another program holds the VXLAN port: find it with `ss -ulpn`, and stop it or choose another vxlan-port"
	case errno == unix.EADDRNOTAVAIL && (s.op == opCreate || s.op == opSet):
		return "the tunnel's local address is not on this node: check the zone's peers and the node's address"
	case errno == unix.ENODEV:
		return "an interface it needs was not there, because it could not be made or was removed meanwhile; it is tried again"
	case errno == unix.EACCES && s.op == opAddAddress:
		return "IPv6 is switched off on the interface (sysctl disable_ipv6)"
	}
	return ""
}
