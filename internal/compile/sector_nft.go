package compile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
)

// family is what differs between IPv4 and IPv6 in the table of a gateway.
type family struct {
	suffix, ip, addr, nfproto, icmp string // "4", "ip", "ipv4_addr", "ipv4", "icmp"
	errors                          string
	// inner and port are the offsets, in bits from the ICMP header on, of the protocol and
	// of the source port of the packet that an ICMP error is about (RFC 792, RFC 4443).
	inner, port int
	// echo is the protocol number of ICMP.
	echo int
}

var families = []family{
	{"4", "ip", "ipv4_addr", "ipv4", "icmp", "{ destination-unreachable, time-exceeded, parameter-problem }", 8 * (8 + 9), 8 * (8 + 20), 1},
	{"6", "ip6", "ipv6_addr", "ipv6", "icmpv6", "{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }", 8 * (8 + 6), 8 * (8 + 40), 58},
}

func (f family) of(a netip.Addr) bool { return a.IsValid() && a.Is4() == (f.suffix == "4") }

// gatewayRules is the table of a gateway in the making.
type gatewayRules struct {
	*gateway
	node  string
	table desired.Table
	// raw, dnat, snat, forward and input are the rules of the chains.
	raw, dnat, snat, forward, input []string
}

// gatewayTable is the table of a gateway: hand-over, translation, and what may pass.
func (n *sectorBuilder) gatewayTable(g *gateway) desired.Table {
	r := &gatewayRules{gateway: g, node: n.name, table: desired.Table{Family: "inet", Name: TableName}}
	r.forward = []string{
		"tcp flags syn tcp option maxseg size set rt mtu",
		"oifname " + strconv.Quote(linkNode) + fmt.Sprintf(" meta mark & 0xffffff00 == 0x%08x accept", handOverMark),
		"ct state established,related accept",
		"ct state invalid drop",
		"ct status dnat accept",
	}
	for _, f := range families {
		r.family(f)
	}
	chain := func(name, typ, hook, priority string, rules []string) {
		c := desired.Chain{Name: name, Type: typ, Hook: hook, Priority: priority}
		for _, text := range rules {
			c.Rules = append(c.Rules, desired.Rule{Text: text, Owner: g.owner})
		}
		r.table.Chains = append(r.table.Chains, c)
	}
	chain("hand_over", "filter", "prerouting", "raw", r.raw)
	chain("prerouting", "nat", "prerouting", "dstnat", r.dnat)
	chain("postrouting", "nat", "postrouting", "srcnat", r.snat)
	chain("forward", "filter", "forward", "filter", append(r.forward, "drop"))
	chain("input", "filter", "input", "filter", slices.Concat([]string{
		"iifname \"lo\" accept", "ct state established,related accept", "icmp type echo-request accept", "meta l4proto ipv6-icmp accept",
	}, r.input, []string{"drop"}))
	return r.table
}

// family adds the rules of one IP version.
func (r *gatewayRules) family(f family) {
	var subnets []netip.Prefix
	for _, s := range r.subnets {
		if f.of(s.CIDR.Addr()) {
			subnets = append(subnets, s.CIDR.Masked())
		}
	}
	if len(subnets) == 0 {
		return
	}
	r.set(desired.Set{Name: "subnets" + f.suffix, Type: f.addr, Interval: true, Elements: disjoint(subnets)})
	r.set(desired.Set{Name: "closed" + f.suffix, Type: f.addr, Interval: true, Elements: disjoint(r.closed(f))})
	if a := r.sector.AddressFor(subnets[0].Addr()); a.IsValid() {
		r.slices(f, a)
		r.forwards(f, a)
		r.balance(f, a)
		r.floating(f)
		r.leave(f, a)
	}
	inside := strconv.Quote(linkGateway)
	r.forward = append(r.forward,
		fmt.Sprintf("iifname %s %s daddr @closed%s drop", inside, f.ip, f.suffix),
		fmt.Sprintf("iifname %s oifname { %q, %q } %s saddr @subnets%s accept", inside, linkNode, linkBackplane, f.ip, f.suffix))
}

// closed are the destinations that guests of the sector do not reach: the backplane, and the
// addresses at which nodes reach each other.
func (r *gatewayRules) closed(f family) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range r.backplane.Networks() {
		if f.of(p.Addr()) {
			out = append(out, p)
		}
	}
	for _, m := range r.backplane.Members {
		if f.of(m.Address) {
			out = append(out, netip.PrefixFrom(m.Address, m.Address.BitLen()))
		}
	}
	return out
}

func (r *gatewayRules) set(s desired.Set) { r.table.Sets = append(r.table.Sets, s) }

// slices hands over replies that belong to other nodes by the slice of their port, or of the
// identifier of an ICMP query; and ICMP errors by the port in the packet that they are about.
func (r *gatewayRules) slices(f family, a netip.Addr) {
	marks := r.sliceMarks()
	if len(marks) == 0 {
		return
	}
	// A packet that another gateway has handed over is not passed on.
	to := fmt.Sprintf("iifname %q %s daddr %s ", linkBackplane, f.ip, a)
	list := " map { " + strings.Join(marks, ", ") + " } notrack accept"
	r.raw = append(r.raw,
		to+"meta l4proto { tcp, udp } meta mark set th dport"+list,
		to+f.icmp+" type echo-reply meta mark set "+f.icmp+" id"+list,
		fmt.Sprintf("%s%s type %s @th,%d,8 { 6, 17 } meta mark set @th,%d,16%s", to, f.icmp, f.errors, f.inner, f.port, list),
		fmt.Sprintf("%s%s type %s @th,%d,8 %d meta mark set @th,%d,16%s", to, f.icmp, f.errors, f.inner, f.echo, f.port+32, list))
}

// sliceMarks are the elements of a map from the source ports of other nodes to the marks of
// their gateways.
func (r *gatewayRules) sliceMarks() []string {
	var marks []string
	for _, m := range r.others(r.node) {
		first, last := r.backplane.Ports(m.Slice)
		marks = append(marks, fmt.Sprintf("%d-%d : %s", first, last, markOf(m.Slice)))
	}
	slices.Sort(marks)
	return marks
}

// forwards leads ports of the sector's address to guests: on the guest's own node, through
// which its replies pass. The address itself answers pings with that of the gateway.
func (r *gatewayRules) forwards(f family, a netip.Addr) {
	if gate := r.gate(f); gate.IsValid() {
		r.dnat = append(r.dnat, fmt.Sprintf("%s daddr %s %s type echo-request dnat %s to %s", f.ip, a, f.icmp, f.ip, gate))
	}
	var to, elsewhere []string
	for _, w := range r.sector.Forwards {
		protocol, first, last, ok := w.Ports()
		if !ok || !f.of(w.To) {
			continue
		}
		slice, known := r.place(w.To)
		for port := first; port <= last; port++ {
			guest := port
			if w.ToPort != 0 {
				guest = w.ToPort + port - first
			}
			if known && slice != r.member.Slice {
				elsewhere = append(elsewhere, fmt.Sprintf("%s . %d : %s", protocol, port, markOf(slice)))
			}
			to = append(to, fmt.Sprintf("%s . %d : %s . %d", protocol, port, w.To, guest))
		}
	}
	if len(to) == 0 {
		return
	}
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		r.set(desired.Set{Name: "forwarded_by" + f.suffix, Type: "inet_proto . inet_service", Value: "mark", Elements: elsewhere})
		r.raw = append(r.raw, fmt.Sprintf("iifname { %q, %q } %s daddr %s meta mark set meta l4proto . th dport map @forwarded_by%s notrack accept",
			linkBackplane, linkGateway, f.ip, a, f.suffix))
	}
	slices.Sort(to)
	r.set(desired.Set{Name: "forwards" + f.suffix, Type: "inet_proto . inet_service", Value: f.addr + " . inet_service", Elements: to})
	r.dnat = append(r.dnat, fmt.Sprintf("%s daddr %s dnat %s to meta l4proto . th dport map @forwards%s", f.ip, a, f.ip, f.suffix))
	r.hairpin(f)
}

// hairpin makes the replies to guests of the sector that use its own address pass through
// the gateway again.
func (r *gatewayRules) hairpin(f family) {
	text := fmt.Sprintf("oifname %q ct status dnat %s saddr @subnets%s snat %s to %s", linkNode, f.ip, f.suffix, f.ip, r.gate(f))
	if !slices.Contains(r.snat, text) {
		r.snat = append(r.snat, text)
	}
}

// gate is the first gateway address of an IP version.
func (r *gatewayRules) gate(f family) netip.Addr {
	for _, s := range r.subnets {
		if f.of(s.Gateway) {
			return s.Gateway
		}
	}
	return netip.Addr{}
}

// floating leads whole addresses to guests, and has these leave with them. A guest is on one
// node, so all ports are its own.
func (r *gatewayRules) floating(f family) {
	var to, from, elsewhere []string
	for _, x := range r.sector.FloatingIPs {
		if !f.of(x.Target) || !f.of(x.Address) {
			continue
		}
		to = append(to, fmt.Sprintf("%s : %s", x.Address, x.Target))
		from = append(from, fmt.Sprintf("%s : %s", x.Target, x.Address))
		if slice, known := r.place(x.Target); known && slice != r.member.Slice {
			elsewhere = append(elsewhere, fmt.Sprintf("%s : %s", x.Address, markOf(slice)))
		}
	}
	if len(to) == 0 {
		return
	}
	slices.Sort(to)
	slices.Sort(from)
	r.set(desired.Set{Name: "floating" + f.suffix, Type: f.addr, Value: f.addr, Elements: to})
	r.set(desired.Set{Name: "leaving" + f.suffix, Type: f.addr, Value: f.addr, Elements: from})
	if len(elsewhere) > 0 {
		slices.Sort(elsewhere)
		r.set(desired.Set{Name: "floating_by" + f.suffix, Type: f.addr, Value: "mark", Elements: elsewhere})
		r.raw = append(r.raw, fmt.Sprintf("iifname { %q, %q } meta mark set %s daddr map @floating_by%s notrack accept", linkBackplane, linkGateway, f.ip, f.suffix))
	}
	r.dnat = append(r.dnat, fmt.Sprintf("dnat %s to %s daddr map @floating%s", f.ip, f.ip, f.suffix))
	r.hairpin(f)
	r.snat = append(r.snat, fmt.Sprintf("oifname %q snat %s to %s saddr map @leaving%s", linkBackplane, f.ip, f.ip, f.suffix))
}

// leave translates the source of what leaves: to the sector's address, with a port of the
// node's slice.
func (r *gatewayRules) leave(f family, a netip.Addr) {
	out := fmt.Sprintf("oifname %q meta nfproto %s ", linkBackplane, f.nfproto)
	r.snat = append(r.snat,
		fmt.Sprintf("%smeta l4proto { tcp, udp, %s } snat %s to %s", out, f.icmp, f.ip, r.source(a)),
		fmt.Sprintf("%ssnat %s to %s", out, f.ip, a))
}

// source is the target of source NAT to the sector's address: with the ports of the node's slice.
func (r *gatewayRules) source(a netip.Addr) string {
	first, last := r.backplane.Ports(r.member.Slice)
	return fmt.Sprintf("%s-%d", netip.AddrPortFrom(a, uint16(first)), last)
}

// place returns where a guest of the sector is: the slice of the node of its address.
func (g *gateway) place(a netip.Addr) (slice int, known bool) {
	m := g.backplane.Member(g.guests[a])
	if m == nil {
		return 0, false
	}
	return m.Slice, true
}

// noteGuests warns of forwards and floating addresses to guests that are nowhere.
func (n *sectorBuilder) noteGuests(g *gateway) {
	if g.backplane.Members[0].Node != n.name {
		return // all members would say the same
	}
	warn := func(what string, to netip.Addr) {
		if _, known := g.place(to); !known {
			n.noteOf(fault.Consequence, LevelWarning, g.owner, msgSectorTargetNowhere, what, to)
		}
	}
	for _, w := range g.sector.Forwards {
		warn("forward "+w.Port, w.To)
	}
	for _, x := range g.sector.FloatingIPs {
		warn("floating IP "+x.Address.String(), x.Target)
	}
}
