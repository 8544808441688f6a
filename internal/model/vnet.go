package model

// VNet is a virtual network of a zone; every node of the zone gets a bridge
// with its name: Proxmox VE SDN manual, "VNets".
type VNet struct {
	// ID is 2 to 8 characters: a letter, then letters and digits. It is the
	// name of the bridge.
	ID   string `json:"id"`
	Zone string `json:"zone"`
	// Tag is the VLAN (1 to 4094) in a VLAN zone and the inner VLAN in a QinQ
	// zone, where one VNet may have none; the VXLAN network identifier (1 to
	// 16777215) in VXLAN and EVPN zones; it must be absent in a simple zone.
	Tag int `json:"tag,omitempty"`
	// Alias describes the VNet, up to 256 characters; it becomes the alias of
	// the bridge.
	Alias string `json:"alias,omitempty"`
	// VLANAware allows guests to use VLAN tags inside the VNet.
	VLANAware bool `json:"vlanaware,omitempty"`
	// IsolatePorts allows guests of a node to reach the bridge but not each other.
	IsolatePorts bool `json:"isolate-ports,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindVNet is the kind of VNet.
const KindVNet Kind = "vnet"

func vnetKind() *Descriptor {
	return &Descriptor{
		Kind:  KindVNet,
		check: (*checker).vnets,
		slot:  in(func(c *Config) *map[string]*VNet { return &c.VNets }),
		Doc:   "A virtual network of a zone, with a bridge of its name on every node of the zone.",
		Example: `kind: vnet
id: web
zone: prod
tag: 100
alias: web servers
`,
		Permissions: []Permission{sdnPermission("/sdn/zones/{zone}/{id}")},
		WriteNote:   "for a VNet that moves in both zones",
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 to 8 letters and digits; the name of the bridge", Pattern: idForm.String(), MaxLength: MaxVNetID},
			{Name: "zone", Required: true, Doc: "zone the VNet belongs to", Ref: KindZone},
			{Name: "tag", Doc: "VLAN, 1 to 4094, or VXLAN network identifier", Min: 1, Max: MaxTag, Noun: "a VXLAN network identifier", Conditional: true,
				Lax: func(n int) bool { return n == MaxTag+1 }}, // off by one in Proxmox VE,
			{Name: "alias", Doc: "description", MaxLength: MaxAlias},
			{Name: "vlanaware", Doc: "guests may use VLAN tags inside"},
			{Name: "isolate-ports", Doc: "guests of one node cannot reach each other"},
		},
		Columns: []Column{
			column("VNET", func(v *VNet) string { return v.ID }),
			column("ZONE", func(v *VNet) string { return v.Zone }),
			column("TAG", func(v *VNet) string { return numberText(v.Tag, "") }),
			column("ALIAS", func(v *VNet) string { return v.Alias }),
			wideColumn("VLANAWARE", func(v *VNet) string { return yesText(v.VLANAware) }),
			wideColumn("ISOLATED", func(v *VNet) string { return yesText(v.IsolatePorts) }),
		},
	}
}

// ObjectKind implements Object.
func (*VNet) ObjectKind() Kind { return KindVNet }

// ObjectID implements Object.
func (v *VNet) ObjectID() string { return v.ID }
