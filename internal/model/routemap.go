package model

import (
	"slices"
	"strconv"
	"strings"
)

// RouteMap filters and changes routes that pass a controller or a fabric: FRR manual, "Route
// Maps". The first matching entry decides; routes without a match are denied.
type RouteMap struct {
	// ID is 1 to 32 letters, digits, _ and -, a letter or digit first.
	ID      string          `json:"id"`
	Entries []RouteMapEntry `json:"entries,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// KindRouteMap is the kind of RouteMap.
const KindRouteMap Kind = "route-map"

func routeMapKind() *Descriptor {
	return &Descriptor{
		Kind:  KindRouteMap,
		check: (*checker).routeMaps,
		slot:  in(func(c *Config) *map[string]*RouteMap { return &c.RouteMaps }),
		Doc:   "What filters and changes the routes that pass a controller or a fabric.",
		Example: `kind: route-map
id: from-peers
entries:
  - order: 10
    action: permit
    match: [ip-address-prefix-list=customers]
    set: [local-preference=200]
`,
		Permissions: []Permission{sdnPermission("/sdn/route-maps")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "1 to 32 letters, digits, _ and -", Pattern: policyForm.String()},
			{Name: "entries", Doc: "steps; the first that matches decides", Items: &Items{
				Type: FieldEntries, Name: "route-map entry", Key: "order",
				Properties: []Property{
					{Name: "order", Required: true, Doc: "place in the map", Min: 1, Max: maxOrder, Noun: "a place in a route map"},
					{Name: "action", Required: true, Doc: "what becomes of a route that matches", Values: policyActions(), Noun: "an action"},
					{Name: "match", Doc: "conditions, like vni=10100 or ip-address-prefix-list=mylist", Refs: &TextRefs{[]Kind{KindPrefixList}, clauseRefs}, Use: true},
					{Name: "set", Doc: "changes, like local-preference=200 or metric=+10"},
					{Name: "call", Doc: "route map that must permit the route too", Ref: KindRouteMap},
					{Name: "exit-action", Doc: "on-match-next, on-match-goto=N or continue=N"},
				},
			}},
		},
		Columns: []Column{
			column("ROUTE-MAP", func(m *RouteMap) string { return m.ID }),
			column("ENTRIES", func(m *RouteMap) string { return strconv.Itoa(len(m.Entries)) }),
			wideColumn("CALLS", func(m *RouteMap) string { return fewTexts(m.Calls()) }),
			wideColumn("PREFIX-LISTS", func(m *RouteMap) string { return fewTexts(m.PrefixLists()) }),
		},
	}
}

// ObjectKind implements Object.
func (*RouteMap) ObjectKind() Kind { return KindRouteMap }

// ObjectID implements Object.
func (m *RouteMap) ObjectID() string { return m.ID }

// RouteMapEntry is one entry of a route map. Proxmox VE stores each as a separate object,
// "<map>_<order>".
type RouteMapEntry struct {
	// Order is the entry's position, 1 to 65535: entries are evaluated in ascending order,
	// regardless of declaration order. Proxmox VE accepts 0 too, FRR does not.
	Order int `json:"order"`
	// Action is permit or deny.
	Action string `json:"action"`
	// Match are the conditions, which must all hold, Set the changes to a permitted route.
	// Both have the form "key=value", or "key" without a value: see MatchKeys and SetKeys.
	Match []string `json:"match,omitempty"`
	Set   []string `json:"set,omitempty"`
	// Call names another route map that must permit the route too.
	Call string `json:"call,omitempty"`
	// ExitAction continues after a match instead of ending: "on-match-next",
	// "on-match-goto=N" or "continue=N", where N is the order of a later entry.
	ExitAction string `json:"exit-action,omitempty"`
}

// Ordered returns the entries in ascending order.
func (m *RouteMap) Ordered() []RouteMapEntry {
	out := slices.Clone(m.Entries)
	slices.SortStableFunc(out, func(a, b RouteMapEntry) int { return a.Order - b.Order })
	return out
}

// The keys of RouteMapEntry.ExitAction.
const (
	ExitNext     = "on-match-next"
	ExitGoto     = "on-match-goto"
	ExitContinue = "continue"
)

// ClauseValue describes the valid values of a route map's clause.
type ClauseValue struct {
	// Form describes the value to an operator: "a VXLAN network identifier, 1 to
	// 16777215". Empty means that the clause has no value.
	Form string
	// Valid checks a value; nil where the value is a PrefixList or none.
	Valid func(string) bool
	// PrefixList is true if the value is the ID of a prefix list.
	PrefixList bool
}

// SplitClause splits "key=value"; the value may be missing.
func SplitClause(s string) (key, value string) {
	key, value, _ = strings.Cut(s, "=")
	return key, value
}

// JoinClause is the inverse of SplitClause.
func JoinClause(key, value string) string {
	if value == "" {
		return key
	}
	return key + "=" + value
}

// PrefixLists returns the prefix lists that the map refers to, sorted and without duplicates.
func (m *RouteMap) PrefixLists() []string {
	var out []string
	for _, e := range m.Entries {
		for _, c := range e.Match {
			if key, value := SplitClause(c); MatchKeys[key].PrefixList {
				out = append(out, value)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Calls returns the route maps that the map calls, sorted and without duplicates.
func (m *RouteMap) Calls() []string {
	var out []string
	for _, e := range m.Entries {
		if e.Call != "" {
			out = append(out, e.Call)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	noValue    = ClauseValue{}
	listValue  = ClauseValue{Form: "the name of a prefix list", PrefixList: true}
	fourValue  = ClauseValue{Form: "an IPv4 address", Valid: func(s string) bool { a, ok := parseHost(s); return ok && a.Is4() }}
	sixValue   = ClauseValue{Form: "an IPv6 address", Valid: func(s string) bool { a, ok := parseHost(s); return ok && a.Is6() }}
	numValue   = ClauseValue{Form: "a number, 0 to 4294967295", Valid: isUint32}
	tagValue   = ClauseValue{Form: "a number, 1 to 4294967295", Valid: func(s string) bool { return isUint32(s) && strings.Trim(s, "0") != "" }}
	routeTypes = []string{"ead", "es", "macip", "multicast", "prefix"}
	// metricWords are the keywords for measured or inherited metrics.
	metricWords = []string{"rtt", "+rtt", "-rtt", "igp", "aigp"}
)

// MatchKeys are the conditions of route maps.
var MatchKeys = map[string]ClauseValue{
	"route-type": {Form: "a type of EVPN route: " + strings.Join(routeTypes, ", "), Valid: func(s string) bool { return slices.Contains(routeTypes, s) }},
	"vni": {Form: "a VXLAN network identifier, 1 to " + strconv.Itoa(MaxTag), Valid: func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= 1 && n <= MaxTag
	}},
	"ip-address-prefix-list":   listValue,
	"ip6-address-prefix-list":  listValue,
	"ip-next-hop-prefix-list":  listValue,
	"ip6-next-hop-prefix-list": listValue,
	"ip-next-hop-address":      fourValue,
	"ip6-next-hop-address":     sixValue,
	"metric":                   numValue,
	"local-preference":         numValue,
	"peer": {Form: "the address of a neighbour, or the interface that leads to it", Valid: func(s string) bool {
		_, ok := parseHost(s)
		return ok || ifnameForm.MatchString(s)
	}},
	"tag": tagValue,
}

// SetKeys are the changes of route maps.
var SetKeys = map[string]ClauseValue{
	"ip-next-hop-peer-address":   noValue,
	"ip-next-hop-unchanged":      noValue,
	"ip-next-hop":                fourValue,
	"ip6-next-hop-peer-address":  noValue,
	"ip6-next-hop-prefer-global": noValue,
	"ip6-next-hop":               sixValue,
	"local-preference":           {Form: "a number, or how much to add or take: 200, +50, -50", Valid: func(s string) bool { return isUint32(unsigned(s)) }},
	"tag":                        {Form: "a number, 1 to 4294967295, or untagged", Valid: func(s string) bool { return s == "untagged" || tagValue.Valid(s) }},
	"weight":                     numValue,
	"metric": {Form: "a number, how much to add or take (+50, -50), or one of " + strings.Join(metricWords, ", "), Valid: func(s string) bool {
		return slices.Contains(metricWords, s) || isUint32(unsigned(s))
	}},
	"src": {Form: "an IP address", Valid: func(s string) bool { _, ok := parseHost(s); return ok }},
}

// unsigned removes one sign from a number.
func unsigned(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

// clauseRefs returns the prefix list that a condition refers to.
func clauseRefs(text string) []Reference {
	if key, value := SplitClause(text); MatchKeys[key].PrefixList {
		return []Reference{{Kind: KindPrefixList, ID: value}}
	}
	return nil
}
