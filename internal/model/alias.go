package model

// Alias is a name for an address or a network, which rules refer to as "dc/<id>" or
// "<id>".
type Alias struct {
	// ID is 2 to 64 lower-case letters, digits, - and _, a letter first.
	ID string `json:"id"`
	// CIDR is an address or a network.
	CIDR    string `json:"cidr"`
	Comment string `json:"comment,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// KindAlias is the kind of Alias.
const KindAlias Kind = "alias"

func aliasKind() *Descriptor {
	return &Descriptor{
		Kind:      KindAlias,
		Plural:    "aliases",
		Live:      true,
		checkLive: checkingFirewall((*firewallChecker).alias),
		slot:      in(func(c *Config) *map[string]*Alias { return &c.Aliases }),
		Doc:       "A name for an address or a network, for firewall rules.",
		Example: `kind: alias
id: monitoring
cidr: 10.9.0.5
comment: the monitoring server
`,
		Permissions: []Permission{clusterPermission()},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 64 lower-case letters, digits, - and _", Pattern: setForm.String()},
			{Name: "cidr", Required: true, Doc: "address or network"},
			{Name: "comment", Doc: "description"},
		},
		Columns: []Column{
			column("ALIAS", func(a *Alias) string { return a.ID }),
			column("CIDR", func(a *Alias) string { return a.CIDR }),
			column("COMMENT", func(a *Alias) string { return a.Comment }),
		},
	}
}

// ObjectKind implements Object.
func (*Alias) ObjectKind() Kind { return KindAlias }

// ObjectID implements Object.
func (a *Alias) ObjectID() string { return a.ID }
