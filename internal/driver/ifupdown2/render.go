package ifupdown2

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

// stanza is one interface in the file.
type stanza struct {
	name  string
	owner string // empty if it was read from a file
	// options are in the order of keywords; some may be repeated.
	options []interfaces.Option
}

// add appends an option unless it has no value.
func (s *stanza) add(name, value string) {
	if value != "" {
		s.options = append(s.options, interfaces.Option{Name: name, Value: value})
	}
}

// renderStanzas converts the part of the state that ifupdown2 can make into
// stanzas, sorted by name. It is pure. Links with an unavailable name are left out,
// and so are those that need a link that is left out.
func renderStanzas(want *desired.Space, taken func(name string) bool) []stanza {
	rendered := map[string]*desired.Link{}
	for i := range want.Links {
		if l := &want.Links[i]; renderable(l) && !taken(l.Name) {
			rendered[l.Name] = l
		}
	}
	byName := map[string]bool{}
	for _, l := range want.Links {
		byName[l.Name] = true
	}
	missing := func(name string) bool { return byName[name] && rendered[name] == nil }
	for before := -1; before != len(rendered); {
		before = len(rendered)
		for name, l := range rendered {
			if missing(l.Master) || l.VLAN != nil && missing(l.VLAN.Parent) || l.Veth != nil && rendered[l.Veth.Peer] == nil {
				delete(rendered, name)
			}
		}
	}
	var out []stanza
	for _, l := range rendered {
		out = append(out, renderLink(l, want, rendered))
	}
	slices.SortFunc(out, func(a, b stanza) int { return cmp.Compare(a.name, b.name) })
	return out
}

// maxVXLAN is the greatest VXLAN network identifier that ifupdown2 accepts.
const maxVXLAN = 16777214

// renderable reports whether ifupdown2 can express a link, apart from its
// dependencies.
func renderable(l *desired.Link) bool {
	if l.ForeignMaster || l.Port != nil && l.Port.AllVLANs {
		return false
	}
	switch l.Kind {
	case desired.LinkBridge:
		return l.Master == "" && (l.Bridge == nil || !l.Bridge.VLANFiltering)
	case desired.LinkVXLAN:
		return l.VXLAN.Local.Is4() && l.VXLAN.ID <= maxVXLAN
	case desired.LinkVLAN:
		return true
	case desired.LinkVeth:
		return !l.Veth.Elsewhere
	case desired.LinkDummy:
		return l.Master == ""
	case desired.LinkVRF:
	}
	return false
}

// renderLink describes one link.
func renderLink(l *desired.Link, want *desired.Space, rendered map[string]*desired.Link) stanza {
	s := stanza{name: l.Name, owner: l.Owner}
	switch l.Kind {
	case desired.LinkBridge:
		s.add("bridge-ports", cmp.Or(strings.Join(portsOf(l.Name, rendered), " "), "none"))
		s.add("bridge-stp", "off")
		s.add("bridge-fd", "0")
		// Guests' ports come and go without ifupdown2.
		s.add("bridge-ports-condone-regex", ".+")
	case desired.LinkVXLAN:
		s.add("vxlan-id", strconv.Itoa(int(l.VXLAN.ID)))
		s.add("vxlan-local-tunnelip", l.VXLAN.Local.String())
		s.add("vxlan-port", strconv.Itoa(int(l.VXLAN.Port)))
		s.add("vxlan-learning", yesNo(l.VXLAN.Learning))
		for _, n := range want.Neighbours {
			if n.Link == l.Name && n.MAC == desired.FloodMAC {
				s.add("vxlan-remoteip", n.Dst.String())
			}
		}
	case desired.LinkVLAN:
		s.add("vlan-raw-device", l.VLAN.Parent)
		s.add("vlan-id", strconv.Itoa(l.VLAN.ID))
		s.add("vlan-protocol", cmp.Or(l.VLAN.Protocol, "802.1q"))
	case desired.LinkVeth:
		s.add("link-type", "veth")
		s.add("veth-peer-name", l.Veth.Peer)
	case desired.LinkDummy:
		s.add("link-type", "dummy")
	case desired.LinkVRF:
	}
	if l.Master != "" {
		s.add("bridge-learning", onOff(l.Port == nil || !l.Port.NoLearning))
		if l.Kind == desired.LinkVXLAN {
			s.add("bridge-arp-nd-suppress", onOff(l.Port != nil && l.Port.NeighSuppress))
		}
	}
	if l.MTU != 0 {
		s.add("mtu", strconv.Itoa(l.MTU))
	}
	s.add("hwaddress", l.MAC)
	for _, a := range want.Addresses {
		if a.Link == l.Name && !a.Foreign && !a.NoRoute { // ifupdown2 has no option for the others
			s.add("address", a.Prefix.String())
		}
	}
	if l.NoLinkLocal {
		s.add("ipv6-addrgen", "off")
	}
	if plainText.MatchString(l.Alias) {
		s.add("alias", l.Alias)
	}
	return s
}

// plainText is the pattern of aliases that are allowed in the file: ifupdown2
// passes files through a template engine, which must not receive text from others.
// Other aliases are left to driver/link.
var plainText = regexp.MustCompile(`^[A-Za-z0-9._,:()-]+( [A-Za-z0-9._,:()-]+)*$`)

// portsOf lists the links of the file that are ports of a bridge, sorted.
func portsOf(bridge string, rendered map[string]*desired.Link) []string {
	var out []string
	for name, l := range rendered {
		if l.Master == bridge {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
