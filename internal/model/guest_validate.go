package model

import (
	"cmp"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Limits of guests.
const (
	MinVMID = 100
	MaxVMID = 999999999
	// MaxNICs is the maximum number of a guest's network interfaces: net0 to net31.
	MaxNICs = 32
)

var (
	vmidForm  = regexp.MustCompile(`^[1-9][0-9]{2,8}$`)
	nicIDForm = regexp.MustCompile(`^net([0-9]|[12][0-9]|3[01])$`)
)

// NormalizeMAC returns a MAC address in Proxmox's format: upper case, colons. ok is false if s
// is not a 48-bit unicast address that a guest may have.
func NormalizeMAC(s string) (mac string, ok bool) {
	// This runs often, for very many NICs: a regular expression would be too slow.
	const form = "XX:XX:XX:XX:XX:XX"
	if len(s) != len(form) {
		return "", false
	}
	var b [len(form)]byte
	for i := range len(form) {
		c := s[i]
		switch {
		case form[i] == ':' && (c == ':' || c == '-'):
			c = ':'
		case form[i] == ':':
			return "", false
		case c >= 'a' && c <= 'f':
			c -= 'a' - 'A'
		case (c < '0' || c > '9') && (c < 'A' || c > 'F'):
			return "", false
		}
		b[i] = c
	}
	if mac = s; string(b[:]) != s { // most have this form already and need no allocation
		mac = string(b[:])
	}
	multicast := strings.IndexByte("13579BDF", mac[1]) >= 0 // the lowest bit of the first byte
	if multicast || mac == "00:00:00:00:00:00" {
		return "", false
	}
	return mac, true
}

// ValidateGuest checks a guest against the configuration, the known nodes and the other guests
// (by ID; an entry with the guest's own ID is ignored). To check many guests use
// ValidateGuests: its cost grows linearly.
func ValidateGuest(g *Guest, cfg *Config, known []string, others map[string]*Guest) Problems {
	c := newChecker(cfg, known)
	used := make(nicIndex)
	for _, id := range sortedKeys(others) {
		if id != g.ID {
			used.add(others[id])
		}
	}
	c.guest(g, used)
	return c.out
}

// ValidateGuests checks guests against the configuration, the known nodes and each other. The
// result is sorted by ID.
func ValidateGuests(guests map[string]*Guest, cfg *Config, known []string) Problems {
	c := newChecker(cfg, known)
	used := make(nicIndex)
	for _, id := range sortedKeys(guests) {
		c.guest(guests[id], used)
		used.add(guests[id])
	}
	return c.out
}

// ValidateGuestsIn checks the guests with these IDs as ValidateGuests does, against all other
// guests too, but reports no problems of the others.
func ValidateGuestsIn(ids []string, guests map[string]*Guest, cfg *Config, known []string) Problems {
	selected := make(map[string]*Guest, len(ids))
	for _, id := range ids {
		if g := guests[id]; g != nil {
			selected[id] = g
		}
	}
	c := newChecker(cfg, known)
	used := make(nicIndex)
	for _, id := range sortedKeys(guests) {
		if selected[id] == nil {
			used.add(guests[id])
		}
	}
	for _, id := range sortedKeys(selected) {
		c.guest(selected[id], used)
		used.add(selected[id])
	}
	return c.out
}

// CheckName describes the error in a guest's host name; ok is true if it is valid or missing.
func CheckName(name string) (fault message.Message, ok bool) {
	if name == "" || isDNSName(name) {
		return message.Message{}, true
	}
	return msgGuestNameInvalid.Of(), false
}

// nicKey is an attribute unique among the NICs of a VNet: a MAC or IP address, as text.
type nicKey struct{ vnet, what string }

// nicOwner is a NIC of a guest.
type nicOwner struct{ guest, nic string }

// String returns text like "guest 100 net0".
func (o nicOwner) String() string { return "guest " + o.guest + " " + o.nic }

// nicIndex maps a MAC or IP address to its NIC.
type nicIndex map[nicKey]nicOwner

func (x nicIndex) add(g *Guest) {
	for _, n := range g.NICs {
		who := nicOwner{g.ID, n.ID}
		if mac, ok := NormalizeMAC(n.MAC); ok {
			x[nicKey{n.VNet, mac}] = who
		}
		for _, ip := range n.IPs {
			x[nicKey{n.VNet, ip.String()}] = who
		}
	}
}

func (c *checker) guest(g *Guest, used nicIndex) {
	r := c.report(g)
	if !vmidForm.MatchString(g.ID) {
		r.error("id", g.ID, msgGuestIDInvalid, MinVMID, MaxVMID)
	}
	if fault, ok := CheckName(g.Name); !ok {
		r.put(Error, false, "name", g.Name, fault)
	}
	switch {
	case g.Node == "":
	case !IsLabel(g.Node):
		r.error("node", g.Node, msgHostNameInvalid)
	case !c.known[g.Node]:
		r.warn("node", g.Node, msgGuestNodeNotJoined, c.nearestNode(g.Node))
	}
	own := make(nicIndex)
	ids := make(map[string]bool, len(g.NICs))
	for i := range g.NICs {
		n := &g.NICs[i]
		field := "nics[" + strconv.Itoa(i) + "]"
		switch {
		case !nicIDForm.MatchString(n.ID):
			r.error(field+".id", n.ID, msgNICNameInvalid, MaxNICs-1)
		case ids[n.ID]:
			r.error(field+".id", n.ID, msgNICNameUsed)
		}
		ids[n.ID] = true
		c.nicVNet(r, field, g, n)
		c.nicMAC(r, field, n, used, own)
		c.nicIPs(r, field, n, used, own)
		own.add(&Guest{ID: g.ID, NICs: g.NICs[i : i+1]})
	}
}

func (c *checker) nicVNet(r report, field string, g *Guest, n *NIC) {
	if n.VNet == "" {
		r.error(field+".vnet", "", msgNICVNetMissing)
		return
	}
	v := c.cfg.VNets[n.VNet]
	if v == nil {
		r.error(field+".vnet", n.VNet, msgNICVNetUnknown, n.VNet, g.ID,
			near(c, KindVNet, n.VNet, c.cfg.VNets, "declare the vnet, or connect the NIC to another"))
		return
	}
	if z := c.cfg.Zones[v.Zone]; z != nil && g.Node != "" && !z.OnNode(g.Node) {
		r.about(Ref(KindVNet, v.ID)).error(field+".vnet", n.VNet, msgNICVNetNotOnNode,
			g.Node, z.ID, strings.Join(z.Nodes, ", "))
	}
}

func (c *checker) nicMAC(r report, field string, n *NIC, used, own nicIndex) {
	if n.MAC == "" {
		return
	}
	mac, ok := NormalizeMAC(n.MAC)
	if !ok {
		r.error(field+".mac", n.MAC, msgNICMACInvalid)
		return
	}
	k := nicKey{n.VNet, mac}
	if who := cmp.Or(used[k], own[k]); who.guest != "" {
		r.about(Ref(KindGuest, who.guest)).error(field+".mac", n.MAC, msgNICMACUsed, who, n.VNet)
	}
}

func (c *checker) nicIPs(r report, field string, n *NIC, used, own nicIndex) {
	field += ".ips"
	subnets := c.subnetsOf[n.VNet]
	seen := make(map[netip.Addr]bool, len(n.IPs))
	for _, ip := range n.IPs {
		k := nicKey{n.VNet, ip.String()}
		switch who := cmp.Or(used[k], own[k]); {
		case seen[ip]:
			r.warn(field, ip.String(), msgValueRepeated)
		case ip.Zone() != "" || !isUnicast(ip):
			r.error(field, ip.String(), msgNICAddressNotUnicast)
		case who.guest != "":
			r.about(Ref(KindGuest, who.guest)).error(field, ip.String(), msgNICAddressUsed, who, n.VNet)
		case len(subnets) > 0:
			c.nicSubnet(r, field, n.VNet, ip)
		}
		seen[ip] = true
	}
}

// nicSubnet checks an address against the subnets of the VNet. In a layer 2 zone a guest may
// have the gateway's address, since no node is the router there.
func (c *checker) nicSubnet(r report, field, vnet string, ip netip.Addr) {
	var in *Subnet
	for _, s := range c.subnetsOf[vnet] {
		if s.CIDR.IsValid() && s.CIDR.Masked().Contains(ip) {
			in = s
			break
		}
	}
	if in == nil {
		if ip.IsLinkLocalUnicast() {
			return
		}
		r.about(Ref(KindVNet, vnet)).error(field, ip.String(), msgNICAddressOutside, vnet, c.subnetList(vnet))
		return
	}
	if edge := EdgeOf(in.CIDR, ip); edge != "" {
		r.about(Ref(KindSubnet, in.ID)).error(field, ip.String(), msgNICAddressReserved, edge, in.CIDR)
		return
	}
	z := c.zoneOf(vnet)
	if in.Gateway == ip && (z != nil && z.Type == ZoneSimple || z.Anycast()) {
		r.about(Ref(KindSubnet, in.ID)).error(field, ip.String(), msgNICAddressGateway, in.CIDR)
	}
}

func (c *checker) zoneOf(vnet string) *Zone {
	if v := c.cfg.VNets[vnet]; v != nil {
		return c.cfg.Zones[v.Zone]
	}
	return nil
}

func (c *checker) subnetList(vnet string) string {
	var parts []string
	all := c.subnetsOf[vnet]
	for _, s := range all[:min(len(all), maxListed)] {
		parts = append(parts, s.CIDR.String())
	}
	if len(all) > maxListed {
		parts = append(parts, "...")
	}
	return strings.Join(parts, ", ")
}
