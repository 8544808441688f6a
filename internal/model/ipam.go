package model

// IPAMType is the kind of an address management system.
type IPAMType string

// The types of address management.
const (
	// IPAMTypePVE is the built-in one, which keeps addresses in the store.
	IPAMTypePVE IPAMType = "pve"
	// IPAMTypeNetBox is a NetBox server (netbox.dev).
	IPAMTypeNetBox IPAMType = "netbox"
	// IPAMTypePHPIPAM is a phpIPAM server (phpipam.net).
	IPAMTypePHPIPAM IPAMType = "phpipam"
)

// IPAMBuiltin is the address management system that always exists.
const IPAMBuiltin = "pve"

// IPAM is a system that manages the addresses of zones: Proxmox VE SDN manual,
// "IPAM". It takes effect at once.
type IPAM struct {
	// ID is a letter, then letters and digits, 2 characters at least.
	ID   string   `json:"id"`
	Type IPAMType `json:"type"`
	// URL is the API URL of an external system: "https://netbox/api".
	URL string `json:"url,omitempty"`
	// Token is the API token.
	Token Secret `json:"token,omitempty"`
	// Section is the number of the section for subnets (phpIPAM).
	Section int `json:"section,omitempty"`
	// Fingerprint is the SHA-256 fingerprint of the system's certificate, as pairs of
	// hexadecimal digits with colons; it replaces the verification by a certificate
	// authority.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindIPAM is the kind of IPAM.
const KindIPAM Kind = "ipam"

func ipamKind() *Descriptor {
	return &Descriptor{
		Kind:         KindIPAM,
		Live:         true,
		checkLive:    checkingLive[*IPAM],
		slot:         in(func(c *Config) *map[string]*IPAM { return &c.IPAMs }),
		Doc:          "A system that manages the addresses of zones.",
		TypeProperty: "type",
		Example: `kind: ipam
id: netbox
type: netbox
url: https://netbox.example.com/api
token: 0123456789abcdef0123456789abcdef01234567
`,
		Permissions: []Permission{sdnPermission("/sdn/ipams/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 or more letters and digits", Pattern: idForm.String()},
			{Name: "type", Required: true, Doc: "which system it is; pve is built in", Values: words(IPAMTypeNetBox, IPAMTypePHPIPAM, IPAMTypePVE), Noun: "a type of address management"},
			{Name: "url", Doc: "URL of its API", Types: words(IPAMTypeNetBox, IPAMTypePHPIPAM)},
			{Name: "token", Doc: "API token; of NetBox either version 1, or version 2, which begins with nbt_", Types: words(IPAMTypeNetBox, IPAMTypePHPIPAM)},
			{Name: "section", Doc: "number of the section for subnets", Min: 1, Max: 1<<31 - 1, Noun: "the number of a section", Types: words(IPAMTypePHPIPAM)},
			{Name: "fingerprint", Doc: "SHA-256 fingerprint of its certificate, if no authority signed it", Pattern: fingerprintForm.String(), Types: words(IPAMTypeNetBox, IPAMTypePHPIPAM)},
		},
		Columns: []Column{
			column("IPAM", func(i *IPAM) string { return i.ID }),
			column("TYPE", func(i *IPAM) string { return string(i.Type) }),
			column("URL", func(i *IPAM) string { return i.URL }),
			wideColumn("SECTION", func(i *IPAM) string { return numberText(i.Section, "") }),
		},
	}
}

// ObjectKind implements Object.
func (*IPAM) ObjectKind() Kind { return KindIPAM }

// ObjectID implements Object.
func (i *IPAM) ObjectID() string { return i.ID }

// External reports whether the addresses are kept by another system.
func (i *IPAM) External() bool { return i.Type != IPAMTypePVE }

// checkLive checks an IPAM.
func (i *IPAM) checkLive(c *liveChecker, _ Edit) {
	r := c.report(i)
	pluginID(r, i.ID)
	switch {
	case i.ID == IPAMBuiltin && i.Type != "" && i.External():
		r.error("type", string(i.Type), msgIPAMBuiltinType, IPAMBuiltin)
		return
	case !i.External() || !byKind[KindIPAM].knownType(string(i.Type)):
		return
	}
	remote(r, i.URL, i.Fingerprint, "https://"+string(i.Type)+".example.com/api")
	if i.Token == "" {
		r.error("token", "", msgIPAMTokenMissing, i.Type)
	}
	if i.Type == IPAMTypePHPIPAM && i.Section == 0 {
		r.error("section", "", msgIPAMSectionMissing)
	}
}
