package model

import (
	"net/netip"
	"strconv"
)

// The actions of entries in prefix lists and route maps.
const (
	ActionPermit = "permit"
	ActionDeny   = "deny"
)

// PrefixList is a list of networks by which route maps and fabrics select routes: FRR manual,
// "IP Prefix List". Networks that match no entry are denied.
type PrefixList struct {
	// ID is 1 to 32 letters, digits, _ and -, a letter or digit first.
	ID      string        `json:"id"`
	Entries []PrefixEntry `json:"entries,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// KindPrefixList is the kind of PrefixList.
const KindPrefixList Kind = "prefix-list"

func prefixListKind() *Descriptor {
	return &Descriptor{
		Kind:  KindPrefixList,
		check: (*checker).prefixLists,
		slot:  in(func(c *Config) *map[string]*PrefixList { return &c.PrefixLists }),
		Doc:   "Networks that route maps and fabrics tell routes apart by.",
		Example: `kind: prefix-list
id: customers
entries:
  - {action: permit, prefix: 10.0.0.0/8, le: 24}
`,
		Permissions: []Permission{sdnPermission("/sdn/prefix-lists")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "1 to 32 letters, digits, _ and -", Pattern: policyForm.String()},
			{Name: "entries", Doc: "networks to permit or deny", Items: &Items{
				Type: FieldEntries, Name: "prefix-list entry", Key: "seq", Bare: "prefix",
				Properties: []Property{
					{Name: "action", Required: true, Doc: "what becomes of a route to the network", Values: policyActions(), Noun: "an action"},
					{Name: "prefix", Required: true, Doc: "the network, like 10.0.0.0/8"},
					{Name: "ge", Doc: "shortest length of networks inside it", Min: 1, Max: MaxMask6, Unit: "bits", Conditional: true},
					{Name: "le", Doc: "longest length of networks inside it", Min: 1, Max: MaxMask6, Unit: "bits", Conditional: true},
					{Name: "seq", Doc: "place in the list, behind all others if left out", Min: 1, Max: 1<<32 - 1, Noun: "a sequence number", Without: ", or leave it out"},
				},
			}},
		},
		Columns: []Column{
			column("PREFIX-LIST", func(l *PrefixList) string { return l.ID }),
			column("ENTRIES", func(l *PrefixList) string { return strconv.Itoa(len(l.Entries)) }),
			wideColumn("NETWORKS", func(l *PrefixList) string { return l.networksText() }),
		},
	}
}

// ObjectKind implements Object.
func (*PrefixList) ObjectKind() Kind { return KindPrefixList }

// ObjectID implements Object.
func (l *PrefixList) ObjectID() string { return l.ID }

// PrefixEntry permits or denies networks.
type PrefixEntry struct {
	// Action is permit or deny.
	Action string       `json:"action"`
	Prefix netip.Prefix `json:"prefix"`
	// Ge and Le bound the prefix length of matching networks inside Prefix, in bits;
	// without both only Prefix itself matches. 0 means unset.
	Ge int `json:"ge,omitempty"`
	Le int `json:"le,omitempty"`
	// Seq is the entry's position in the list, 1 to 4294967295; 0 appends it: see
	// Numbered.
	Seq int `json:"seq,omitempty"`
}

// stepSeq is the distance between automatically numbered entries.
const stepSeq = 5

// Numbered returns the entries in the order of declaration, each with a sequence number: one
// without gets the highest of the list plus 5, as in Proxmox VE.
func (l *PrefixList) Numbered() []PrefixEntry {
	out := make([]PrefixEntry, len(l.Entries))
	copy(out, l.Entries)
	highest := 0
	for _, e := range out {
		highest = max(highest, e.Seq)
	}
	for i := range out {
		if out[i].Seq == 0 {
			highest += stepSeq
			out[i].Seq = highest
		}
	}
	return out
}

// HasFamily reports whether any entry is IPv6 (if six) or IPv4.
func (l *PrefixList) HasFamily(six bool) bool {
	for _, e := range l.Entries {
		if e.Prefix.IsValid() && e.Prefix.Addr().Is6() == six {
			return true
		}
	}
	return false
}

// policyActions returns the actions of entries.
func policyActions() []string { return []string{ActionPermit, ActionDeny} }

// networksText returns the first entries of the list.
func (l *PrefixList) networksText() string {
	var nets []string
	for _, e := range l.Numbered() {
		nets = append(nets, e.Action+" "+prefixText(e.Prefix))
	}
	return fewTexts(nets)
}
