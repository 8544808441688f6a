package frr

import (
	"fmt"
	"maps"
	"slices"
)

// items lists the parts of the file in the order of Proxmox's.
func (c *Config) items() []item {
	var out []item
	for _, v := range sorted(c.VRFs) {
		out = append(out, v.item())
	}
	for _, r := range sorted(c.Routers) {
		out = append(out, r.item())
	}
	for _, l := range sorted(c.Communities) {
		out = append(out, l.items()...)
	}
	for _, s := range sorted(c.ISIS) {
		i := context(s.Owner, "router isis "+s.Domain,
			"net "+s.Net, "redistribute ipv4 connected level-1", "redistribute ipv6 connected level-1", "log-adjacency-changes")
		i.when(s.Quick, s.Owner, " lsp-gen-interval 1")
		i.custom(s.Custom)
		out = append(out, i)
	}
	out = append(out, interfaces(c.ISISInterfaces)...)
	for _, l := range sorted(c.PrefixLists) {
		out = append(out, l.items()...)
	}
	if len(c.Custom) > 0 {
		out = append(out, item{raw: c.Custom})
	}
	for _, f := range sorted(c.OpenFabric) {
		i := context(f.Owner, "router openfabric "+f.Name, "net "+f.Net)
		i.when(f.Quick, f.Owner, " lsp-gen-interval 1")
		out = append(out, i)
	}
	out = append(out, interfaces(c.OpenFabricInterfaces)...)
	if c.OSPF != nil {
		i := context(c.OSPF.Owner, "router ospf", "ospf router-id "+c.OSPF.RouterID.String())
		for _, r := range c.OSPF.Redistribute {
			i.add(r.Owner, " redistribute %s", r.Value)
		}
		out = append(out, i)
	}
	out = append(out, interfaces(c.OSPFInterfaces)...)
	for _, l := range sorted(c.AccessLists) {
		keyword := "access-list"
		if l.Permit.Addr().Is6() {
			keyword = "ipv6 access-list"
		}
		out = append(out, single(l.Owner, fmt.Sprintf("%s %s permit %s", keyword, l.Name, l.Permit)))
	}
	for _, m := range sorted(c.RouteMaps) {
		for _, e := range m.Entries {
			out = append(out, e.item(m.Name))
		}
	}
	for _, r := range c.Routes {
		out = append(out, single(r.Owner, r.Value.line()))
	}
	return append(out, c.protocolMaps()...)
}

func (c *Config) protocolMaps() []item {
	var out []item
	for _, p := range slices.Sorted(maps.Keys(c.ProtocolMaps)) {
		m := c.ProtocolMaps[p]
		if m.IPv4.Value != "" {
			out = append(out, single(m.IPv4.Owner, "ip protocol "+p+" route-map "+m.IPv4.Value))
		}
		if m.IPv6.Value != "" {
			i := single(m.IPv6.Owner, "ipv6 protocol "+p+" route-map "+m.IPv6.Value)
			i.gap = m.IPv4.Value == "" // the separator of the one that is missing
			out = append(out, i)
		}
	}
	return out
}

func sorted[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

func single(owner, text string) item { return item{head: text, owner: owner} }

func context(owner, head string, lines ...string) item {
	i := item{head: head, owner: owner, end: "exit"}
	for _, l := range lines {
		i.add(owner, " %s", l)
	}
	return i
}

func interfaces(m map[string]*Interface) []item {
	var out []item
	for _, f := range sorted(m) {
		i := context(f.Owner, "interface "+f.Name, f.Lines...)
		i.custom(f.Custom)
		out = append(out, i)
	}
	return out
}

func (v *VRF) item() item {
	i := item{head: "vrf " + v.Name, owner: v.Owner, end: "exit-vrf"}
	i.add(v.Owner, " vni %d", v.VNI)
	for _, r := range v.Routes {
		i.add(v.Owner, " %s", r.line())
	}
	i.custom(v.Custom)
	return i
}

func (r Route) line() string {
	text := "ip route "
	if r.Prefix.Addr().Is6() {
		text = "ipv6 route "
	}
	text += r.Prefix.String()
	if !r.Via.IsValid() {
		return text + " null0"
	}
	text += " " + r.Via.String()
	if r.Link != "" {
		text += " " + r.Link
	}
	return text
}

func (l *CommunityList) items() []item {
	out := make([]item, len(l.Entries))
	for n, e := range l.Entries {
		kind, what := "standard", "rt "+e.Target
		if e.Pattern != "" {
			kind, what = "expanded", e.Pattern
		}
		text := "bgp extcommunity-list " + kind + " " + l.Name
		if e.Seq != 0 {
			text += fmt.Sprintf(" seq %d", e.Seq)
		}
		out[n] = single(l.Owner, text+" "+action(e.Deny)+" "+what)
		out[n].joined = n > 0
	}
	return out
}

// items are the lines of a prefix list; only the first has a separator before it, so that
// the list is one part.
func (l *PrefixList) items() []item {
	out := make([]item, len(l.Entries))
	for n, e := range l.Entries {
		text := "ip"
		if e.Prefix.Addr().Is6() {
			text = "ipv6"
		}
		text += fmt.Sprintf(" prefix-list %s seq %d %s %s", l.Name, e.Seq, action(e.Deny), e.Prefix)
		if e.Ge != 0 {
			text += fmt.Sprintf(" ge %d", e.Ge)
		}
		if e.Le != 0 {
			text += fmt.Sprintf(" le %d", e.Le)
		}
		out[n] = single(l.Owner, text)
		out[n].joined = n > 0
	}
	return out
}

func (e *RouteMapEntry) item(name string) item {
	i := item{head: fmt.Sprintf("route-map %s %s %d", name, action(e.Deny), e.Seq), owner: e.Owner, end: "exit"}
	for _, m := range e.Match {
		i.add(e.Owner, " match %s", m)
	}
	for _, s := range e.Set {
		i.add(e.Owner, " set %s", s)
	}
	i.when(e.Call != "", e.Owner, " call %s", e.Call)
	i.when(e.Exit != "", e.Owner, " %s", e.Exit)
	return i
}

func action(deny bool) string {
	if deny {
		return "deny"
	}
	return "permit"
}
