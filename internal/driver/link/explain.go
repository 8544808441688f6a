package link

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
)

// alreadyDone reports whether an error means that the step's goal is met already:
// the thing to remove does not exist.
func (s *step) alreadyDone(err error) bool {
	switch s.op {
	case opAddrGen:
		return errors.Is(err, unix.EAFNOSUPPORT) // without IPv6 the address does not exist
	case opRelease, opDoom, opDelete, opDeleteGroup:
		return errors.Is(err, unix.ENODEV)
	case opDelAddress:
		return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL)
	case opDelNeigh, opDelStatic:
		return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)
	case opBridgeVLAN:
		return !s.on && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT))
	default: // fails whatever the link has become
	}
	return false
}

// explain puts the kernel's refusal in the operator's words.
func (s *step) explain(err error) error {
	if errors.Is(err, rtnl.ErrUnknown) {
		return fmt.Errorf("it is not known whether the kernel did %s: %w; it is tried again", s.action(), err)
	}
	var refused *rtnl.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("could not %s: %w", s.action(), err)
	}
	if hint := s.hint(refused.Errno); hint != "" {
		return msgLinkRefusedWithHint.Failure(s.action(), err, hint)
	}
	return msgLinkRefused.Failure(s.action(), err)
}

// action describes the step, to follow "refused to".
func (s *step) action() string {
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
	case opAddStatic:
		return fmt.Sprintf("bind the MAC address %s to port %s", s.neigh.MAC, s.link)
	case opDelStatic:
		return fmt.Sprintf("unbind the MAC address %s from port %s", s.neigh.MAC, s.link)
	case opBridgeVLAN:
		if s.on {
			return fmt.Sprintf("make bridge %s a member of VLAN %d (bridge vlan add dev %s vid %d self)", s.link, s.vlan, s.link, s.vlan)
		}
		return fmt.Sprintf("take bridge %s out of VLAN %d (bridge vlan del dev %s vid %d self)", s.link, s.vlan, s.link, s.vlan)
	case opVLANs:
		return fmt.Sprintf("let port %s carry VLANs", s.link)
	case opRelease:
		return fmt.Sprintf("leave interface %s, which has an address of the node's own, to the node", s.link)
	case opPortVLAN:
		return fmt.Sprintf("let port %s carry VLAN %d", s.link, s.vlan)
	case opOtherVLANs:
		return fmt.Sprintf("take port %s out of all VLANs but %d", s.link, s.vlan)
	case opDoom, opDelete:
		return fmt.Sprintf("delete interface %s", s.link)
	case opDeleteGroup:
		return "delete the interfaces that are no longer wanted"
	case opAddrGen:
		return fmt.Sprintf("change the link-local address of interface %s", s.link)
	case opSet, opInfo, opBridgePort: // as below
	}
	return fmt.Sprintf("change %s of interface %s", s.set.names(), s.link)
}

// names lists the changed settings.
func (s settings) names() string {
	var out []string
	add := func(set bool, name string) {
		if set {
			out = append(out, name)
		}
	}
	add(s.mtu != 0, fmt.Sprintf("the MTU (to %d)", s.mtu))
	add(s.mac != "", fmt.Sprintf("the MAC address (to %s)", s.mac))
	add(s.alias != nil, "the alias")
	add(s.master != nil, "the master")
	add(s.isolated != nil, "the port's isolation")
	add(s.portLearning != nil, "the port's learning")
	add(s.neighSuppress != nil, "the port's ARP suppression")
	add(s.learning != nil, "learning")
	add(s.vlanFiltering != nil, "VLAN filtering")
	add(s.noSpanningTree, "spanning tree")
	add(s.noDelay, "the forward delay")
	add(s.up, "the state (to up)")
	return strings.Join(out, ", ")
}

// hint gives the most likely reason for the refusal, and a remedy.
func (s *step) hint(errno unix.Errno) string {
	aware := s.create != nil && s.create.Bridge != nil && s.create.Bridge.VLANFiltering
	if s.op == opCreate && !aware {
		if hint := s.createHint(errno); hint != "" {
			return hint
		}
	}
	aware = aware || s.set.vlanFiltering != nil || s.op == opVLANs || s.op == opBridgeVLAN || s.op == opPortVLAN || s.op == opOtherVLANs
	switch {
	case aware && (errno == unix.EOPNOTSUPP || errno == unix.EINVAL):
		return "the kernel was most likely built without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING): use a distribution's kernel, or make the VNet not VLAN-aware"
	case errno == unix.EPERM:
		return "the agent lacks the right to configure the network: run it as root or with CAP_NET_ADMIN"
	case errno == unix.EINVAL && s.set.mtu != 0, errno == unix.ERANGE && s.set.mtu != 0:
		return "the MTU is outside of what the interface, or the one that carries it, allows: change the zone's mtu"
	case errno == unix.EADDRINUSE && (s.op == opCreate || s.op == opSet):
		return "another program holds the VXLAN port: find it with `ss -ulpn`, and stop it or choose another vxlan-port"
	case errno == unix.EADDRNOTAVAIL && s.set.mac != "":
		return "it is no address of a single interface: give a unicast MAC address"
	case errno == unix.EADDRNOTAVAIL && (s.op == opCreate || s.op == opSet):
		return "the tunnel's local address is not on this node: check the zone's peers and the node's address"
	case errno == unix.ENETDOWN:
		return "the interface that carries it is down: bring that one up (ip link set DEV up)"
	case errno == unix.ELOOP:
		return "the bridges would be joined in a circle: check the zone's bridge"
	case errno == unix.ENODEV:
		return "an interface it needs was not there, because it could not be made or was removed meanwhile; it is tried again"
	case errno == unix.EACCES && s.op == opAddAddress:
		return "IPv6 is switched off on the interface (sysctl disable_ipv6)"
	}
	return ""
}

// createHint is hint for the creation of a link.
func (s *step) createHint(errno unix.Errno) string {
	switch {
	case errno == unix.EOPNOTSUPP, errno == unix.EPROTONOSUPPORT && s.create.Kind == desired.LinkVLAN:
		what, module := kernelNeeds(s.create)
		return fmt.Sprintf("it needs %s, and module %s is not available on this node: install a kernel that has it (a distribution's has), "+
			"or leave this node out of the zone", what, module)
	case (errno == unix.EINVAL || errno == unix.ERANGE) && s.create.MTU != 0:
		return fmt.Sprintf("its MTU of %d is most likely outside of what the kernel, or the interface that carries it, allows: change the zone's mtu", s.create.MTU)
	case errno != unix.EEXIST:
		return ""
	case s.create.VXLAN != nil:
		return fmt.Sprintf("another interface has the name, or uses VXLAN identifier %d on port %d: find it with `ip -d link show type vxlan`, and remove it or choose another tag",
			s.create.VXLAN.ID, s.create.VXLAN.Port)
	case s.create.VLAN != nil:
		return fmt.Sprintf("another interface has the name, or already carries VLAN %d of %s: find it with `ip -d link show type vlan`, and remove it or choose another tag",
			s.create.VLAN.ID, s.create.VLAN.Parent)
	}
	return "another interface has the name, possibly as an alternative name: find it with `ip link show`, and rename it"
}

// kernelNeeds names the kernel feature that a link needs, and its module.
func kernelNeeds(l *desired.Link) (what, module string) {
	switch l.Kind {
	case desired.LinkVLAN:
		if protocol(l.VLAN) == unix.ETH_P_8021AD {
			return "802.1ad VLAN devices", "8021q"
		}
		return "VLAN devices", "8021q"
	case desired.LinkVXLAN:
		return "VXLAN devices", "vxlan"
	case desired.LinkVeth:
		return "veth pairs", "veth"
	case desired.LinkVRF:
		return "VRF devices", "vrf"
	case desired.LinkDummy:
		return "dummy devices", "dummy"
	case desired.LinkBridge: // every kernel has them
	}
	return "bridges", "bridge"
}
