package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// FirewallDatacenter is the ID of the cluster's Firewall: unless it is enabled, no VNet
// firewall is in force. It is too long to be a VNet's name.
const FirewallDatacenter = "datacenter"

// The verdicts on a packet.
const (
	FirewallAccept = "ACCEPT"
	FirewallDrop   = "DROP"
	// FirewallReject drops and notifies the sender.
	FirewallReject = "REJECT"
)

// The types of FirewallRule.
const (
	// RuleForward is for traffic through a VNet: between its guests, and in and out where
	// a node routes.
	RuleForward = "forward"
	// RuleIn and RuleOut are for guests and nodes. Only security groups and the
	// datacenter's firewall have them; they do not affect networks.
	RuleIn  = "in"
	RuleOut = "out"
	// RuleGroup expands to the rules of the security group in Action.
	RuleGroup = "group"
)

// LogNone disables logging, as an empty level does.
const LogNone = "nolog"

// LogLevels are Proxmox's names for the kernel's log levels, most severe first.
var LogLevels = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", LogNone}

// Firewall is the firewall of a VNet (Proxmox VE manual, "Firewall", "VNet Firewall"), or with
// the ID FirewallDatacenter the cluster's: the switch for all firewalls, and the forward rules
// and policy for traffic routed between VNets and from and to them. It takes effect at once.
type Firewall struct {
	// ID is the VNet's ID, or FirewallDatacenter.
	ID string `json:"id"`
	// Enable puts the rules and the policy in force. The datacenter's Enable is required
	// too, also for the filters.
	Enable bool `json:"enable,omitempty"`
	// PolicyForward is the verdict if no rule matches: ACCEPT (also if empty) or DROP.
	PolicyForward string `json:"policy-forward,omitempty"`
	// LogLevelForward is the log level for packets dropped by the policy; one of
	// LogLevels, empty for none.
	LogLevelForward string `json:"log-level-forward,omitempty"`
	// MACFilter drops packets from a NIC with a foreign source MAC address, IPFilter those
	// with a foreign source IP address. Both are Viaduct extensions and do not need this
	// firewall's Enable.
	MACFilter bool `json:"mac-filter,omitempty"`
	IPFilter  bool `json:"ip-filter,omitempty"`
	// LogRateLimit limits the logging of all firewalls; see ParseLogRateLimit. Only the
	// datacenter's firewall has it.
	LogRateLimit string `json:"log-ratelimit,omitempty"`
	// PolicyIn, PolicyOut and EBTables ("0" or "1") are for host and guest firewalls,
	// which Viaduct does not run. Only the datacenter's firewall has them, without effect.
	PolicyIn  string         `json:"policy-in,omitempty"`
	PolicyOut string         `json:"policy-out,omitempty"`
	EBTables  string         `json:"ebtables,omitempty"`
	Rules     []FirewallRule `json:"rules,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// LogRateLimit is a rate limit for logging.
type LogRateLimit struct {
	// Enable is false for no limit.
	Enable bool
	// Rate is the number of logged packets per Unit: second, minute, hour or day. Burst is
	// the number of packets that may exceed it at once.
	Rate  int
	Unit  string
	Burst int
}

// DefaultLogRateLimit is the limit without a setting, as in Proxmox VE.
var DefaultLogRateLimit = LogRateLimit{Enable: true, Rate: 1, Unit: "second", Burst: 5}

// rateForm is a rate like "10/second".
var rateForm = regexp.MustCompile(`^([1-9][0-9]{0,5})/(second|minute|hour|day)$`)

// ParseLogRateLimit reads "[enable=]0|1[,rate=N/UNIT][,burst=N]"; an empty text yields
// DefaultLogRateLimit.
func ParseLogRateLimit(text string) (LogRateLimit, error) {
	out := DefaultLogRateLimit
	if text == "" {
		return out, nil
	}
	for i, part := range strings.Split(text, ",") {
		name, value, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named && i == 0 {
			name, value = "enable", name
		}
		switch name {
		case "enable":
			if value != "0" && value != "1" {
				return out, fmt.Errorf("enable is 0 or 1, not %q", value)
			}
			out.Enable = value == "1"
		case "rate":
			m := rateForm.FindStringSubmatch(value)
			if m == nil {
				return out, fmt.Errorf("rate is written like 10/second, with second, minute, hour or day, not %q", value)
			}
			out.Rate, _ = strconv.Atoi(m[1]) // six digits at most
			out.Unit = m[2]
		case "burst":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > maxBurst {
				return out, fmt.Errorf("burst is a number from 0 to %d, not %q", maxBurst, value)
			}
			out.Burst = n
		default:
			return out, fmt.Errorf("%q is none of enable, rate and burst", name)
		}
	}
	return out, nil
}

// maxBurst bounds LogRateLimit.Burst.
const maxBurst = 1_000_000

// FirewallRule is one rule: the first match decides.
type FirewallRule struct {
	Type string `json:"type"`
	// Action is ACCEPT, DROP, REJECT, or the name of a security group.
	Action string `json:"action"`
	// Macro names one of Macros, which then sets protocol and ports.
	Macro string `json:"macro,omitempty"`
	// Source and Dest are lists in the format of ParsePeers; empty matches all.
	Source string `json:"source,omitempty"`
	Dest   string `json:"dest,omitempty"`
	// Proto is a protocol's name or number; see ParseProtocol.
	Proto string `json:"proto,omitempty"`
	// Sport and Dport are lists of ports; see ParsePorts.
	Sport string `json:"sport,omitempty"`
	Dport string `json:"dport,omitempty"`
	// ICMPType is an ICMP or ICMPv6 message type; see ParseICMPType. Dport may hold it
	// too, as in earlier releases of Proxmox VE.
	ICMPType string `json:"icmp-type,omitempty"`
	// Log is the log level for matches; one of LogLevels.
	Log string `json:"log,omitempty"`
	// IFace restricts the rule to a node's interface. Only rules of the datacenter's
	// firewall have one, except forward rules.
	IFace string `json:"iface,omitempty"`
	// Disable turns the rule off.
	Disable bool   `json:"disable,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// KindFirewall is the kind of Firewall.
const KindFirewall Kind = "firewall"

func firewallKind() *Descriptor {
	return &Descriptor{
		Kind: KindFirewall,
		Live: true,
		refs: referring((*Firewall).refs), refKinds: []Kind{KindVNet, KindSecurityGroup},
		checkLive: checkingFirewall((*firewallChecker).firewall),
		slot:      in(func(c *Config) *map[string]*Firewall { return &c.Firewalls }),
		Doc:       "The firewall of a VNet, or with the id datacenter that of the cluster.",
		Example: `kind: firewall
id: datacenter
enable: true
policy-forward: DROP
rules:
  - {type: group, action: web}
  - {type: forward, action: ACCEPT, source: +dc/admins, proto: tcp, dport: "22"}
`,
		Permissions: firewallPermissions(),
		pathPart:    zoneOfVNet(func(f *Firewall) string { return f.ID }),
		Properties: []Property{
			{Name: "id", Required: true, Doc: "name of the VNet, or datacenter for the cluster's"},
			{Name: "enable", Doc: "enforce rules and policy"},
			{Name: "policy-forward", Doc: "for what no rule decides; ACCEPT if left out", Values: []string{FirewallAccept, FirewallDrop}, Noun: "known"},
			{Name: "log-level-forward", Doc: "level at which drops by the policy are logged; none if left out", Values: LogLevels, Noun: "known"},
			{Name: "mac-filter", Doc: "NICs send from their own MAC address only"},
			{Name: "ip-filter", Doc: "NICs send from their own IP addresses only"},
			{Name: "log-ratelimit", Doc: "rate limit of the log, like enable=1,rate=1/second,burst=5 (datacenter)"},
			{Name: "policy-in", Doc: "of hosts and guests; kept, without effect (datacenter)", Values: ruleActions(), Noun: "known"},
			{Name: "policy-out", Doc: "of hosts and guests; kept, without effect (datacenter)", Values: ruleActions(), Noun: "known"},
			{Name: "ebtables", Doc: "of the firewall of guests; kept, without effect (datacenter)", Values: []string{"0", "1"}, Noun: "a switch"},
			{Name: "rules", Doc: "the first that a packet matches decides", MaxItems: MaxRules, Items: ruleItems()},
		},
		Columns: []Column{
			column("FIREWALL", func(f *Firewall) string { return f.ID }),
			column("ENABLED", func(f *Firewall) string { return yesText(f.Enable) }),
			column("POLICY", func(f *Firewall) string { return cmp.Or(f.PolicyForward, FirewallAccept) }),
			column("RULES", func(f *Firewall) string { return strconv.Itoa(len(f.Rules)) }),
			column("FILTERS", func(f *Firewall) string { return f.filtersText() }),
			wideColumn("LOG", func(f *Firewall) string { return f.LogLevelForward }),
		},
	}
}

// ObjectKind implements Object.
func (*Firewall) ObjectKind() Kind { return KindFirewall }

// ObjectID implements Object.
func (f *Firewall) ObjectID() string { return f.ID }

// Switched reports whether rules or filters of a VNet's firewall are switched on.
func (f *Firewall) Switched() bool { return f.Enable || f.MACFilter || f.IPFilter }

// The scopes of names that rules refer to.
const (
	ScopeDatacenter = "dc"
	// ScopeSDN holds the sets generated from the networks; see SplitSDNSet.
	ScopeSDN = "sdn"
)

// The sets of every VNet, by the name suffix after "<vnet>-".
const (
	SDNSetAll       = "all"
	SDNSetGateway   = "gateway"
	SDNSetNoGateway = "no-gateway"
	SDNSetDHCP      = "dhcp"
)

// guestSet is the name prefix of the set of a guest's addresses.
const guestSet = "guest-ipam-"

// SplitSDNSet parses the name of a set in the scope sdn: "vnet0-no-gateway" into the VNet and
// one of the names above, "guest-ipam-100" into the guest. ok is false for other names.
func SplitSDNSet(name string) (vnet, what, guest string, ok bool) {
	if id, is := strings.CutPrefix(name, guestSet); is {
		return "", "", id, vmidForm.MatchString(id)
	}
	for _, what := range []string{SDNSetNoGateway, SDNSetAll, SDNSetGateway, SDNSetDHCP} {
		if vnet, is := strings.CutSuffix(name, "-"+what); is {
			return vnet, what, "", idForm.MatchString(vnet)
		}
	}
	return "", "", "", false
}

// GuestSet returns the name, in the scope sdn, of the set of a guest's addresses.
func GuestSet(vmid string) string { return guestSet + vmid }

// Peer is one item of the source or the destination of a rule: addresses, or the
// name of a set or of an alias.
type Peer struct {
	// Range is valid if both names are empty.
	Range Range
	// Scope is the scope of the name: ScopeDatacenter or ScopeSDN.
	Scope, Set, Alias string
}

// ParseAddresses parses an address, a network (host bits are ignored), or a range "A-B" of one
// family.
func ParseAddresses(text string) (Range, bool) {
	if first, last, is := strings.Cut(text, "-"); is {
		a, ok1 := parseHost(first)
		b, ok2 := parseHost(last)
		return Range{Start: a, End: b}, ok1 && ok2 && a.Is4() == b.Is4() && a.Compare(b) <= 0
	}
	if a, ok := parseHost(text); ok {
		return Range{Start: a, End: a}, true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return Range{}, false
	}
	return Range{Start: p.Masked().Addr(), End: LastAddr(p)}, true
}

// ParsePeer parses one item: addresses in the format of ParseAddresses, "name" or "dc/name"
// for an alias, "+name", "+dc/name" or "+sdn/name" for a set. Names in the scope dc are
// case-insensitive.
func ParsePeer(text string) (Peer, bool) {
	if r, ok := ParseAddresses(text); ok {
		return Peer{Range: r}, true
	}
	name, isSet := strings.CutPrefix(text, "+")
	scope, rest, scoped := strings.Cut(name, "/")
	switch {
	case !scoped:
		scope, rest = ScopeDatacenter, name
	case scope != ScopeDatacenter && (scope != ScopeSDN || !isSet):
		return Peer{}, false
	}
	if scope == ScopeDatacenter {
		rest = strings.ToLower(rest)
	}
	switch {
	case scope == ScopeSDN:
		_, _, _, ok := SplitSDNSet(rest)
		return Peer{Scope: scope, Set: rest}, ok
	case !setForm.MatchString(rest):
		return Peer{}, false
	case isSet:
		return Peer{Scope: scope, Set: rest}, true
	}
	return Peer{Scope: scope, Alias: rest}, true
}

// ParsePeers parses a comma-separated list of ParsePeer items. bad are the invalid items.
func ParsePeers(text string) (peers []Peer, bad []string) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		p, ok := ParsePeer(item)
		if ok {
			peers = append(peers, p)
		} else {
			bad = append(bad, item)
		}
	}
	return peers, bad
}

// Logs reports whether a level enables logging.
func Logs(level string) bool {
	return level != "" && level != LogNone && slices.Contains(LogLevels, level)
}

// ruleActions returns the verdicts of rules and policies.
func ruleActions() []string { return []string{FirewallAccept, FirewallDrop, FirewallReject} }

// ruleItems describes FirewallRule.
func ruleItems() *Items {
	return &Items{Type: FieldEntries, Name: "rule", Properties: []Property{
		{Name: "type", Required: true, Doc: "which packets; group stands for the rules of a security group", Conditional: true, Noun: "a type of rule",
			Values: []string{RuleForward, RuleGroup, RuleIn, RuleOut}},
		{Name: "action", Required: true, Doc: "ACCEPT, DROP, REJECT, or the name of a security group"},
		{Name: "macro", Doc: "name for protocols and ports, like SSH"},
		{Name: "source", Doc: "addresses, networks, ranges, dc/<alias>, +dc/<ip set>, +sdn/<vnet>-all", Refs: peersRefs()},
		{Name: "dest", Doc: "as source", Refs: peersRefs()},
		{Name: "proto", Doc: "protocol, like tcp"},
		{Name: "sport", Doc: "source ports, like 1024:65535"},
		{Name: "dport", Doc: "destination ports, like 80,443"},
		{Name: "icmp-type", Doc: "type of an ICMP message, like echo-request"},
		{Name: "log", Doc: "level at which matches are logged; none if left out", Values: LogLevels, Noun: "known"},
		{Name: "iface", Doc: "interface of the node, for in and out (datacenter)"},
		{Name: "disable", Doc: "keep the rule without effect"},
		{Name: "comment", Doc: "description", MaxLength: MaxComment},
	}}
}

func peersRefs() *TextRefs { return &TextRefs{[]Kind{KindAlias, KindIPSet}, peerRefs} }

// peerRefs returns the aliases and IP sets that a list of peers refers to.
func peerRefs(text string) []Reference {
	peers, _ := ParsePeers(text)
	var out []Reference
	for _, p := range peers {
		switch {
		case p.Alias != "":
			out = append(out, Reference{Kind: KindAlias, ID: p.Alias})
		case p.Scope == ScopeDatacenter && p.Set != "":
			out = append(out, Reference{Kind: KindIPSet, ID: p.Set})
		}
	}
	return out
}

// groupRefs returns the security groups that rules refer to.
func groupRefs(rules []FirewallRule) []Reference {
	var out []Reference
	for i := range rules {
		if rules[i].Type == RuleGroup {
			out = append(out, Reference{Kind: KindSecurityGroup, ID: rules[i].Action, Field: "rules[" + strconv.Itoa(i) + "].action"})
		}
	}
	return out
}

// refs returns the firewall's VNet and security groups.
func (f *Firewall) refs() []Reference {
	out := groupRefs(f.Rules)
	if f.ID != FirewallDatacenter {
		out = append([]Reference{{Kind: KindVNet, ID: f.ID, Field: "id"}}, out...)
	}
	return out
}

// firewallPermissions returns the permissions on the VNet, or for the datacenter's firewall on
// the cluster.
func firewallPermissions() []Permission {
	ofCluster := func(o Object) bool { return o.ObjectID() == FirewallDatacenter }
	vnet, cluster := sdnPermission("/sdn/zones/{zone}/{id}"), clusterPermission()
	vnet.Only = func(o Object) bool { return !ofCluster(o) }
	cluster.Only, cluster.For = ofCluster, FirewallDatacenter
	return []Permission{vnet, cluster}
}

// filtersText returns the enabled NIC filters of a firewall.
func (f *Firewall) filtersText() string {
	var on []string
	if f.MACFilter {
		on = append(on, "mac")
	}
	if f.IPFilter {
		on = append(on, "ip")
	}
	return strings.Join(on, ", ")
}
