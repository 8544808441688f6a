package frr

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MergeProxmox merges frr.conf.local as Proxmox does. Lines of contexts that the
// configuration has so far join those; contexts it does not have are kept unchanged; route
// maps are never joined but numbered after those of the same name. Everything else at the
// top level is lost, and so is every line with an exclamation mark, whether it is a
// comment or not. c.Lost lists these lines.
func (c *Config) MergeProxmox(local string) {
	m := &merge{c: c}
	for line := range strings.Lines(local) {
		m.number++
		line = strings.TrimRight(line, " \t\r\n")
		switch text := strings.TrimSpace(line); {
		case text == "" || text[0] == '!':
		case strings.Contains(line, separator):
			m.lose(text, "is lost: Proxmox takes every line with an exclamation mark for a comment")
		default:
			m.line(line)
		}
	}
	m.finish()
}

// lose records a line by its first word only: the rest may be a password.
func (m *merge) lose(text, reason string) {
	word, _, _ := strings.Cut(text, " ")
	m.c.Lost = append(m.c.Lost, LocalError{Line: m.number, Text: word, Reason: reason})
}

// merge is the state between two lines of the file.
type merge struct {
	c *Config
	// to gets the next line; nil loses it.
	to *[]string
	// router is the matched BGP router of the lines, foreign is true if its open address
	// family is not in the configuration.
	router  *Router
	foreign bool
	// unknown is true while an unmatched context is open.
	unknown bool
	// entry is the open entry of a route map.
	entry   *localEntry
	entries []*localEntry
	// number is the line's, misplaced is true if Proxmox has lost the router that the
	// lines belong to.
	number    int
	misplaced bool
}

// localEntry is an entry of an operator's route map.
type localEntry struct {
	name, action string
	lines        []string
}

var (
	routerLine   = regexp.MustCompile(`^router bgp (\d+)(?: vrf (\S+))?$`)
	routeMapLine = regexp.MustCompile(`^route-map (\S+) (permit|deny) \d+`)
	listLine     = regexp.MustCompile(`^(bgp community-list |access-list .* seq \d|(ip|ipv6) prefix-list .* seq \d)`)
)

func (m *merge) line(line string) {
	text := strings.TrimSpace(line)
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "router" && rest != "":
		m.openRouter(line, rest)
	case word == "vrf" && rest != "":
		if v := m.c.VRFs[rest]; v != nil {
			m.open(&v.Custom)
		} else {
			m.openUnknown(line)
		}
	case word == "interface" && rest != "":
		if i := m.c.ISISInterfaces[rest]; i != nil {
			m.open(&i.Custom)
		} else {
			m.openUnknown(line)
		}
	case strings.HasPrefix(text, "address-family ") && m.router != nil:
		m.openFamily(line, strings.TrimPrefix(text, "address-family "))
	case text == "exit-address-family" && m.router != nil:
		m.closeFamily(line)
	case text == "exit-address-family" && m.unknown:
		*m.to = append(*m.to, line)
	case strings.HasPrefix(line, "exit"):
		if m.unknown {
			*m.to = append(*m.to, line, separator)
		}
		m.open(nil)
	case routeMapLine.MatchString(line):
		f := routeMapLine.FindStringSubmatch(line)
		m.open(nil)
		m.entry = &localEntry{name: f[1], action: f[2]}
		m.entries = append(m.entries, m.entry)
	case listLine.MatchString(line):
		m.c.Custom = append(m.c.Custom, line)
	case m.entry != nil:
		m.entry.lines = append(m.entry.lines, line)
	case m.to != nil:
		if m.misplaced {
			m.lose(text, "leaves its router: Proxmox writes what follows an address family that is not its own outside all routers")
		}
		*m.to = append(*m.to, line)
	case text[0] != '#':
		m.lose(text, "is lost: Proxmox does not take it over at the top level")
	}
}

func (m *merge) open(to *[]string) {
	*m = merge{c: m.c, to: to, entries: m.entries, number: m.number}
}

func (m *merge) openUnknown(line string) {
	m.open(&m.c.Custom)
	m.unknown = true
	*m.to = append(*m.to, line)
}

func (m *merge) openRouter(line, rest string) {
	if domain, ok := strings.CutPrefix(rest, "isis "); ok && m.c.ISIS[domain] != nil {
		m.open(&m.c.ISIS[domain].Custom)
		return
	}
	if f := routerLine.FindStringSubmatch(line); f != nil {
		r := m.c.Routers[cmp.Or(f[2], DefaultVRF)]
		if r != nil && strconv.FormatUint(uint64(r.ASN), 10) == f[1] {
			m.open(&r.Custom)
			m.router = r
			return
		}
	}
	m.openUnknown(line)
}

// openFamily continues an address family of the configuration, or writes the family among
// the router's own lines.
func (m *merge) openFamily(line, name string) {
	r := m.router
	m.foreign, m.misplaced = false, false
	switch {
	case name == "ipv4 unicast" && r.IPv4 != nil:
		m.to = &r.IPv4.Custom
	case name == "ipv6 unicast" && r.IPv6 != nil:
		m.to = &r.IPv6.Custom
	case name == "l2vpn evpn" && r.EVPN != nil:
		m.to = &r.EVPN.Custom
	default:
		m.foreign = true
		m.to = &r.Custom
		*m.to = append(*m.to, line)
	}
}

// closeFamily returns to the router; after a family that is not in the configuration,
// Proxmox does not assign the router's further lines to it.
func (m *merge) closeFamily(line string) {
	if m.foreign {
		*m.to = append(*m.to, line)
		m.to = &m.c.Custom
		m.foreign, m.misplaced = false, true
		return
	}
	m.to = &m.router.Custom
}

// finish writes the route maps, numbered after the existing entries.
func (m *merge) finish() {
	slices.SortStableFunc(m.entries, func(a, b *localEntry) int { return cmp.Compare(a.name, b.name) })
	seq := map[string]int{}
	for _, e := range m.entries {
		if _, begun := seq[e.name]; !begun && m.c.RouteMaps[e.name] != nil {
			seq[e.name] = m.c.RouteMaps[e.name].last()
		}
		seq[e.name]++
		m.c.Custom = append(m.c.Custom, fmt.Sprintf("route-map %s %s %d", e.name, e.action, seq[e.name]))
		m.c.Custom = append(m.c.Custom, e.lines...)
		m.c.Custom = append(m.c.Custom, "exit", separator)
	}
}
