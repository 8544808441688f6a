package model

import "strconv"

// IPSet is a set of addresses that rules refer to as "+dc/<id>" or "+<id>".
type IPSet struct {
	// ID is 2 to 64 lower-case letters, digits, - and _, a letter first.
	ID      string       `json:"id"`
	Comment string       `json:"comment,omitempty"`
	Entries []IPSetEntry `json:"entries,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// IPSetEntry is one entry of an IPSet.
type IPSetEntry struct {
	// CIDR is an address, a network, a range A-B, or the name of an alias.
	CIDR string `json:"cidr"`
	// NoMatch excludes the addresses from the set, even if other entries include them.
	NoMatch bool   `json:"nomatch,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// KindIPSet is the kind of IPSet.
const KindIPSet Kind = "ip-set"

func ipSetKind() *Descriptor {
	return &Descriptor{
		Kind:      KindIPSet,
		Live:      true,
		checkLive: checkingFirewall((*firewallChecker).ipSet),
		slot:      in(func(c *Config) *map[string]*IPSet { return &c.IPSets }),
		Doc:       "A set of addresses, for firewall rules.",
		Example: `kind: ip-set
id: admins
entries: [10.9.8.0/24, dc/monitoring]
`,
		Permissions: []Permission{clusterPermission()},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 64 lower-case letters, digits, - and _", Pattern: setForm.String()},
			{Name: "comment", Doc: "description"},
			{Name: "entries", Doc: "addresses, networks, ranges and aliases", MaxItems: MaxEntries, Items: &Items{
				Type: FieldEntries, Name: "ip-set entry", Key: "cidr", Bare: "cidr",
				Properties: []Property{
					{Name: "cidr", Required: true, Doc: "address, network, range A-B, or name of an alias", Refs: peersRefs()},
					{Name: "nomatch", Doc: "exclude these addresses from the set"},
					{Name: "comment", Doc: "description"},
				},
			}},
		},
		Columns: []Column{
			column("IP-SET", func(s *IPSet) string { return s.ID }),
			column("ENTRIES", func(s *IPSet) string { return strconv.Itoa(len(s.Entries)) }),
			column("COMMENT", func(s *IPSet) string { return s.Comment }),
		},
	}
}

// ObjectKind implements Object.
func (*IPSet) ObjectKind() Kind { return KindIPSet }

// ObjectID implements Object.
func (s *IPSet) ObjectID() string { return s.ID }
