package model

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/message"
)

// Validate checks a configuration: each object individually, then all references and
// everything that must be unique. known names the nodes that have joined; nodes with an object
// in cfg are known too.
//
// The result is sorted: by kind in dependency order, then by ID. Its cost is O(n log n) in the
// number of objects.
func Validate(cfg *Config, known []string) Problems {
	c := newChecker(cfg, known)
	for _, d := range table {
		if !d.Live {
			c.kind(d, d.slot.ids(cfg))
		}
	}
	return c.out
}

// kind checks the objects of a kind with these sorted IDs, including uniqueness among them.
func (c *checker) kind(d *Descriptor, ids []string) {
	start := len(c.out)
	for _, id := range ids {
		c.properties(d.slot.get(c.cfg, id))
	}
	if d.check != nil {
		d.check(c, ids)
	}
	slices.SortStableFunc(c.out[start:], func(a, b Problem) int { return cmp.Compare(a.ID, b.ID) })
}

// checking returns a check of each object individually.
func checking[P Object](f func(c *checker, o P)) func(c *checker, ids []string) {
	return func(c *checker, ids []string) {
		var o P
		slot := byKind[o.ObjectKind()].slot
		for _, id := range ids {
			f(c, slot.get(c.cfg, id).(P))
		}
	}
}

// checker holds the lookups shared by several rules, so that each object is visited once.
type checker struct {
	cfg   *Config
	known map[string]bool
	// subnetsOf holds the subnets of each VNet, sorted by ID.
	subnetsOf map[string][]*Subnet
	// hasIPv6 reports whether a zone has an IPv6 subnet.
	hasIPv6 func(zone string) bool
	// l3vnis are the zones by L3VNI; the first zone with an L3VNI owns it.
	l3vnis map[int]*Zone
	// hints is how many more names may be proposed: the search for the nearest name costs
	// time for each candidate, and nobody reads hundreds of hints.
	hints int
	out   Problems
}

const (
	maxHints          = 20
	maxHintCandidates = 1000
)

// hint is an argument of a message: a proposal for users who may read the proposed object, and
// other advice for the rest.
type hint struct {
	// ref is the proposed object; empty if there is none.
	ref                 string
	proposal, otherwise string
}

// String returns the hint for users who may read all objects.
func (h hint) String() string {
	if h.ref != "" {
		return h.proposal
	}
	return h.otherwise
}

// near proposes an object of the kind, from set, for an unknown name. If there is no near
// name, and for users who may not read the object, the hint is otherwise.
func near[T any](c *checker, kind Kind, name string, set map[string]T, otherwise string) hint {
	return c.propose(kind, name, len(set), func() []string { return sortedKeys(set) }, otherwise)
}

// nearID is near for the objects of a kind in the configuration.
func (c *checker) nearID(d *Descriptor, name, otherwise string) hint {
	return c.propose(d.Kind, name, d.slot.len(c.cfg), func() []string { return d.slot.ids(c.cfg) }, otherwise)
}

func (c *checker) propose(kind Kind, name string, count int, candidates func() []string, otherwise string) hint {
	h := hint{otherwise: otherwise}
	if c.hints <= 0 || count > maxHintCandidates {
		return h
	}
	c.hints--
	if found := Nearest(name, candidates()); found != "" {
		h.ref, h.proposal = Ref(kind, found), "did you mean "+found+"?"
	}
	return h
}

func newChecker(cfg *Config, known []string) *checker {
	c := bareChecker(cfg, known)
	c.subnetsOf = make(map[string][]*Subnet)
	hasIPv6 := make(map[string]bool)
	for _, id := range sortedKeys(cfg.Subnets) {
		s := cfg.Subnets[id]
		c.subnetsOf[s.VNet] = append(c.subnetsOf[s.VNet], s)
		if v := cfg.VNets[s.VNet]; v != nil && s.CIDR.Addr().Is6() {
			hasIPv6[v.Zone] = true
		}
	}
	c.hasIPv6 = func(zone string) bool { return hasIPv6[zone] }
	c.l3vnis = routed(cfg)
	return c
}

// bareChecker returns a checker without the lookups that need a scan of all zones or subnets.
func bareChecker(cfg *Config, known []string) *checker {
	c := &checker{cfg: cfg, known: make(map[string]bool, len(known)+len(cfg.Nodes)), hints: maxHints}
	for _, n := range known {
		c.known[n] = true
	}
	for n := range cfg.Nodes {
		c.known[n] = true
	}
	return c
}

// routed returns the EVPN zones by L3VNI.
func routed(cfg *Config) map[int]*Zone {
	out := make(map[int]*Zone)
	for _, id := range sortedKeys(cfg.Zones) {
		z := cfg.Zones[id]
		if z.Type == ZoneEVPN && z.VRFVXLAN >= 1 && z.VRFVXLAN <= MaxTag && out[z.VRFVXLAN] == nil {
			out[z.VRFVXLAN] = z
		}
	}
	return out
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// report collects the problems of one object.
type report struct {
	out  *Problems
	kind Kind
	id   string
	// others are references to other objects in the messages.
	others string
	// at is the path of the item that the fields are of: "subnets[0]."; empty for the
	// object's own.
	at string
}

// in returns a report about an item of a list: "subnets[0].".
func (r report) in(item string) report {
	r.at = item
	return r
}

// about returns a report with messages about other objects too.
func (r report) about(refs ...string) report {
	r.others = strings.Join(refs, " ")
	return r
}

func (c *checker) report(o Object) report {
	return report{out: &c.out, kind: o.ObjectKind(), id: o.ObjectID()}
}

// maxValue is the maximum length of the value quoted in a problem, in bytes.
const maxValue = 80

// put adds a problem with a message.
func (r report) put(sev Severity, lax bool, field, value string, m message.Message) {
	if len(value) > maxValue {
		value = strings.ToValidUTF8(value[:maxValue], "") + "..."
	}
	p := NewProblem(sev, r.kind, r.id, r.at+field, value, m)
	p.Lax, p.About = lax, r.others
	*r.out = append(*r.out, p)
}

func (r report) add(sev Severity, lax bool, field, value string, def *message.Definition, args []any) {
	r.put(sev, lax, field, value, def.Of(args...))
	if about, plain := withoutHints(args); r.others == "" && about != "" {
		p := &(*r.out)[len(*r.out)-1]
		p.About, p.Otherwise = about, def.Of(plain...)
	}
}

// withoutHints returns references to the objects proposed in the hints, and the arguments
// without them.
func withoutHints(args []any) (about string, plain []any) {
	for i, arg := range args {
		if h, ok := arg.(hint); ok && h.ref != "" {
			if plain == nil {
				plain = slices.Clone(args)
			}
			about = strings.TrimSpace(about + " " + h.ref)
			plain[i] = h.otherwise
		}
	}
	return about, plain
}

// error refuses the object.
func (r report) error(field, value string, def *message.Definition, args ...any) {
	r.add(Error, false, field, value, def, args)
}

// lax refuses the object in a manifest; the Proxmox API accepts it.
func (r report) lax(field, value string, def *message.Definition, args ...any) {
	r.add(Error, true, field, value, def, args)
}

// warn adds a warning about the object.
func (r report) warn(field, value string, def *message.Definition, args ...any) {
	r.add(Warning, false, field, value, def, args)
}

// plural returns word with "s" unless n is 1.
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// The forms of names.
var (
	// idForm is the ID of zones and VNets (Proxmox VE: pve-sdn-zone-id).
	idForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*[A-Za-z0-9]$`)
)

// IsLabel reports whether s is one label of a host name in the DNS (RFC 1123, section 2.1). A
// node has a name for each NIC that it knows: a regular expression would take longer than all
// other processing of them.
func IsLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isDNSName reports whether s is a DNS name of at most 253 characters.
func isDNSName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !IsLabel(label) {
			return false
		}
	}
	return true
}

// isUnicast reports whether a host can own the address and be reached at it.
func isUnicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// LastAddr returns the highest address of a prefix: for IPv4 the broadcast address.
func LastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// EdgeOf returns the reserved role of an address that no host in the network may have, or "".
// Networks of one or two addresses have no such roles (RFC 3021), nor has IPv6 a broadcast
// address.
func EdgeOf(p netip.Prefix, a netip.Addr) string {
	if !a.Is4() || p.Bits() >= 31 {
		return ""
	}
	switch a {
	case p.Masked().Addr():
		return "network address"
	case LastAddr(p):
		return "broadcast address"
	}
	return ""
}

// RoleOf returns the reserved role of an address that is not allocated to guests, or "": that
// of EdgeOf, and in IPv6 the subnet-router anycast address (RFC 4291, section 2.6.1), which
// networks of one or two addresses lack (RFC 6164). A guest that already has the latter, which
// Proxmox VE allocates, keeps it.
func RoleOf(p netip.Prefix, a netip.Addr) string {
	if a.Is6() && p.Bits() < 127 && a == p.Masked().Addr() {
		return "subnet-router anycast address"
	}
	return EdgeOf(p, a)
}
