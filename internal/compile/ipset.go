package compile

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// # IP sets
//
// The set "+sdn/vnet0-all" of a rule is two sets in nftables, one for each family,
// named as Proxmox names them: "v4-sdn/vnet0-all" and "v6-sdn/vnet0-all". A set with
// excluded addresses has two more, with names that end in "-nomatch". They exist as long
// as a rule refers to them, even if empty, and their elements change without the rules
// (desired.Set.Dynamic).

// nomatch is the suffix of the names of sets of excluded addresses.
const nomatch = "-nomatch"

// ipSet is what a set holds, in any order.
type ipSet struct {
	in, out []model.Range
	// hosts is true if it only ever holds single addresses, and subtracts if addresses
	// may be excluded from it.
	hosts, subtracts bool
	// sets are those of nftables that it is.
	sets []desired.Set
}

// setName is the name of a set as rules and nftables have it, less the family.
func setName(p model.Peer) string { return p.Scope + "/" + p.Set }

// ipSets are the sets that rules in force refer to, by name.
type ipSets map[string]*ipSet

// lowerIPSets works out what the sets hold that rules refer to: those derived of VNets
// and guests, and the declared ones with their aliases. No later pass knows of aliases in
// sets, nor what a derived set is derived of.
func lowerIPSets(n *node) ipSets {
	sets := ipSets{}
	if all := n.cfg.Firewalls[model.FirewallDatacenter]; all == nil || !all.Enable {
		return sets // no rules are in force
	}
	for _, f := range n.cfg.Firewalls {
		sets.add(n, f.Rules)
	}
	for _, g := range n.cfg.SecurityGroups {
		sets.add(n, g.Rules)
	}
	return sets
}

// add looks up the sets of some rules, each once, however many rules refer to it.
func (sets ipSets) add(n *node, rules []model.FirewallRule) {
	for i := range rules {
		if rules[i].Disable || rules[i].Type != model.RuleForward {
			continue
		}
		for _, text := range []string{rules[i].Source, rules[i].Dest} {
			peers, _ := model.ParsePeers(text)
			for _, p := range peers {
				if name := setName(p); p.Set != "" && sets[name] == nil {
					s := n.holds(p)
					s.sets = s.nft(name)
					sets[name] = &s
				}
			}
		}
	}
}

// holds determines what a set holds; its owner may no longer exist.
func (n *node) holds(p model.Peer) ipSet {
	if p.Scope == model.ScopeDatacenter {
		return n.declaredSet(n.cfg.IPSets[p.Set])
	}
	vnet, what, guest, _ := model.SplitSDNSet(p.Set)
	if guest != "" {
		return n.guestSet(guest)
	}
	s := ipSet{subtracts: what == model.SDNSetNoGateway}
	for _, subnet := range n.subnets[vnet] {
		all := model.Range{Start: subnet.CIDR.Masked().Addr(), End: last(subnet.CIDR)}
		gateway := model.Range{Start: subnet.Gateway, End: subnet.Gateway}
		switch what {
		case model.SDNSetAll:
			s.in = append(s.in, all)
		case model.SDNSetNoGateway:
			s.in = append(s.in, all)
			if subnet.Gateway.IsValid() {
				s.out = append(s.out, gateway)
			}
		case model.SDNSetGateway:
			if subnet.Gateway.IsValid() {
				s.in = append(s.in, gateway)
			}
		case model.SDNSetDHCP:
			s.in = append(s.in, subnet.DHCPRange...)
		}
	}
	return s
}

// declaredSet is what an IP set holds, which is not there if its last user goes with it.
func (n *node) declaredSet(declared *model.IPSet) ipSet {
	var s ipSet
	if declared == nil {
		return s
	}
	for _, e := range declared.Entries {
		p, ok := model.ParsePeer(e.CIDR)
		if !ok {
			continue
		}
		r, ok := n.addresses(p)
		switch {
		case !ok:
		case e.NoMatch:
			s.out, s.subtracts = append(s.out, r), true
		default:
			s.in = append(s.in, r)
		}
	}
	// The kernel inserts an element into a large set of addresses in constant time, but
	// walks a whole set of networks (nft_set_rbtree).
	isHost := func(r model.Range) bool { return r.Start == r.End }
	s.hosts = len(declared.Entries) >= largeSet && !slices.ContainsFunc(s.in, func(r model.Range) bool { return !isHost(r) }) &&
		!slices.ContainsFunc(s.out, func(r model.Range) bool { return !isHost(r) })
	return s
}

// largeSet is the number of address entries from which a set cannot hold networks: with
// the first network it is replaced by a different set, and the rules are loaded again.
const largeSet = 4096

// guestSet are the addresses of a guest, as far as they are known here: those in the
// zones of the node.
func (n *node) guestSet(guest string) ipSet {
	s := ipSet{hosts: true}
	add := func(ips []netip.Addr) {
		for _, ip := range ips {
			s.in = append(s.in, model.Range{Start: ip, End: ip})
		}
	}
	for _, b := range n.bindingsOf[guest] {
		add(b.IPs)
	}
	if g := n.guests[guest]; g != nil {
		for _, nic := range g.NICs {
			add(nic.IPs)
		}
	}
	return s
}

// addresses are those that an item of a rule, which is no set, means.
func (n *node) addresses(p model.Peer) (model.Range, bool) {
	if p.Alias == "" {
		return p.Range, p.Range.Start.IsValid()
	}
	a := n.cfg.Aliases[p.Alias]
	if a == nil {
		return model.Range{}, false
	}
	return model.ParseAddresses(a.CIDR)
}

// nft are the sets of nftables that a set is.
func (s *ipSet) nft(name string) []desired.Set {
	var out []desired.Set
	add := func(suffix string, ranges []model.Range) {
		four, six := elements(ranges, !s.hosts)
		out = append(out,
			desired.Set{Name: "v4-" + name + suffix, Type: "ipv4_addr", Interval: !s.hosts, Dynamic: true, Elements: four},
			desired.Set{Name: "v6-" + name + suffix, Type: "ipv6_addr", Interval: !s.hosts, Dynamic: true, Elements: six})
	}
	add("", s.in)
	if s.subtracts {
		add(nomatch, s.out)
	}
	return out
}

// elements writes ranges as elements of sets, sorted, of IPv4 and of IPv6. Without
// join they are single addresses, which stay so.
func elements(ranges []model.Range, join bool) (four, six []string) {
	if join {
		ranges = merged(ranges)
	}
	for _, r := range ranges {
		if r.Start.Is4() {
			four = append(four, rangeText(r))
		} else {
			six = append(six, rangeText(r))
		}
	}
	slices.Sort(four)
	slices.Sort(six)
	return slices.Compact(four), slices.Compact(six)
}

// merged are the ranges that together have the same addresses, sorted and apart:
// nftables refuses intervals that overlap.
func merged(ranges []model.Range) []model.Range {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b model.Range) int { return a.Start.Compare(b.Start) })
	var out []model.Range
	for _, r := range ranges {
		if !r.Start.IsValid() || !r.End.IsValid() {
			continue
		}
		if len(out) > 0 {
			// What begins right behind is joined too.
			l := &out[len(out)-1]
			if l.Start.Is4() == r.Start.Is4() && (r.Start.Compare(l.End) <= 0 || l.End.Next() == r.Start) {
				if r.End.Compare(l.End) > 0 {
					l.End = r.End
				}
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// rangeText writes a range in the shortest form that nftables accepts: an address, a
// network, or both ends.
func rangeText(r model.Range) string {
	if r.Start == r.End {
		return r.Start.String()
	}
	for bits := range r.Start.BitLen() {
		if p := netip.PrefixFrom(r.Start, bits); p.Masked() == p && last(p) == r.End {
			return p.String()
		}
	}
	return r.Start.String() + "-" + r.End.String()
}

// last is the highest address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// literal writes ranges of one family as what a rule compares with.
func literal(ranges []string) string {
	if len(ranges) == 1 {
		return ranges[0]
	}
	return "{ " + strings.Join(ranges, ", ") + " }"
}
