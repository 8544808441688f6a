package compile

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// The sets of filters. The names of ports are those that a NIC's link can have.
const (
	setMACPorts = "mac_ports" // whose frames are looked at
	setIPPorts  = "ip_ports"
	setPortMAC  = "port_mac"  // what they may be from
	setPortIP4  = "port_ip4"  //
	setPortIP6  = "port_ip6"  //
	setPortSays = "port_says" // what they may say that they are (RFC 4861 section 4.4)
)

// filters adds the filters of NICs, and of isolated NICs' MAC addresses, since other
// nodes would not know them. It returns the chain that filters frames before conntrack
// tracks their connections.
func (r *ruleset) filters(guards []guard) desired.Chain {
	f := &nicFilter{sets: map[string][]string{}}
	by := make(map[string]guard, len(guards))
	for _, g := range guards {
		by[g.vnet.ID] = g
	}
	r.n.eachNIC(func(owner, guest string, nic *model.NIC) {
		if g, guarded := by[nic.VNet]; guarded {
			f.nic(r.n.node, g, owner, guest, nic)
		}
	})
	look := desired.Chain{Name: "senders", Type: "filter", Hook: "prerouting", Priority: "-250"}
	if len(f.sets) == 0 {
		return look
	}
	for name, typ := range map[string]string{
		setMACPorts: "ifname", setIPPorts: "ifname", setPortMAC: "ifname . ether_addr", setPortIP4: "ifname . ipv4_addr", setPortIP6: "ifname . ipv6_addr",
		setPortSays: "typeof iifname . @th,64,128",
	} {
		slices.Sort(f.sets[name])
		r.table.Sets = append(r.table.Sets, desired.Set{Name: name, Type: typ, Dynamic: true, Elements: slices.Compact(f.sets[name])})
	}
	r.chain("mac_filter", "", []string{
		"iifname . ether saddr != @port_mac goto spoofed",
		"meta protocol arp iifname . arp saddr ether != @port_mac goto spoofed",
	})
	r.chain("ip_filter", "", []string{
		"meta protocol arp iifname . arp saddr ip @port_ip4 return",
		"arp saddr ip 0.0.0.0 return", // is it taken? (RFC 5227)
		"meta protocol ip iifname . ip saddr @port_ip4 return",
		"ip saddr 0.0.0.0 udp sport 68 udp dport 67 return", // whoever has none yet asks for one
		"icmpv6 type 136 iifname . @th,64,128 != @port_says goto spoofed",
		"meta protocol ip6 iifname . ip6 saddr @port_ip6 return",
		"ip6 saddr :: icmpv6 type { 131, 133, 135, 143 } return", // duplicate address detection
		"meta protocol { ip, ip6, arp, 0x8100, 0x88a8 } goto spoofed",
	})
	r.chain("spoofed", "", []string{r.logText("warning", "spoofed"), `counter drop comment "of another sender"`})
	look.Rules = []desired.Rule{{Text: "iifname @mac_ports jump mac_filter"}, {Text: "iifname @ip_ports jump ip_filter"}}
	return look
}

// nicFilter collects the elements of the sets.
type nicFilter struct{ sets map[string][]string }

func (f *nicFilter) nic(n *node, g guard, owner, guest string, nic *model.NIC) {
	macs, ips := n.known(guest, nic)
	names := naming.GuestPorts(guest, nic.ID)
	filters := g.filters
	if filters == nil {
		filters = &model.Firewall{}
	}
	add := func(set, what string) {
		for _, name := range names {
			f.sets[set] = append(f.sets[set], strings.TrimSuffix(strconv.Quote(name)+" . "+what, " . "))
		}
	}
	switch {
	case !filters.MACFilter && !g.vnet.IsolatePorts:
	case len(macs) > 0:
		add(setMACPorts, "")
		for _, mac := range macs {
			add(setPortMAC, mac)
		}
	case filters.MACFilter:
		n.note(LevelWarning, owner, msgNICMACUnfiltered, nic.ID, nic.VNet)
	}
	if !filters.IPFilter {
		return
	}
	add(setIPPorts, "")
	for _, mac := range macs {
		ips = append(ips, ownAddress(linkLocals, mac))
		for _, s := range n.subnets[g.vnet.ID] {
			if s.RAMode == model.RASLAAC && s.CIDR.Bits() == 64 {
				ips = append(ips, ownAddress(s.CIDR.Masked().Addr(), mac))
			}
		}
	}
	for _, ip := range ips {
		if ip.Is4() {
			add(setPortIP4, ip.String())
		} else {
			add(setPortIP6, ip.String())
			add(setPortSays, ip.String())
		}
	}
}

// eachNIC goes through the NICs of the node's guests that are in a VNet here.
func (n *node) eachNIC(f func(owner, guest string, nic *model.NIC)) {
	for _, id := range slices.Sorted(maps.Keys(n.guests)) {
		g := n.guests[id]
		for i := range g.NICs {
			f(model.Ref(model.KindGuest, id), id, &g.NICs[i])
		}
	}
}

// known are the addresses that a NIC is known to have: those that the guest declares
// and those of its binding. Hardware addresses are in lower case.
func (n *node) known(guest string, nic *model.NIC) (macs []string, ips []netip.Addr) {
	ips = slices.Clone(nic.IPs)
	declared, _ := model.NormalizeMAC(nic.MAC)
	if declared != "" {
		macs = append(macs, strings.ToLower(declared))
	}
	for _, b := range n.bindingsOf[guest] {
		if b.VNet != nic.VNet || b.NIC != nic.ID && (b.NIC != "" || b.MAC != declared) {
			continue
		}
		ips = append(ips, b.IPs...)
		if declared == "" && b.MAC != "" {
			macs = append(macs, strings.ToLower(b.MAC))
		}
	}
	return macs, ips
}

// linkLocals is the network of addresses that count on one link only (RFC 4291 section
// 2.5.6).
var linkLocals = netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80})

// ownAddress is the address in a network of 64 bits that a host makes of its hardware
// address (RFC 4291, appendix A).
func ownAddress(network netip.Addr, mac string) netip.Addr {
	m, err := hex.DecodeString(strings.ReplaceAll(mac, ":", ""))
	if err != nil || len(m) != 6 {
		panic(fmt.Sprintf("%q is not what NormalizeMAC gives", mac))
	}
	a := network.As16()
	copy(a[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	return netip.AddrFrom16(a)
}
