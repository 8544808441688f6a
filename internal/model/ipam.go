package model

// IPAMType says what kind of system manages addresses.
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
	// URL is where the API of an external system is: "https://netbox/api".
	URL string `json:"url,omitempty"`
	// Token lets in.
	Token Secret `json:"token,omitempty"`
	// Section is the number of the section for subnets (phpIPAM).
	Section int `json:"section,omitempty"`
	// Fingerprint is the SHA-256 fingerprint of the system's certificate, as pairs
	// of hexadecimal digits with colons; it is trusted instead of an authority.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// Written is how a client of the Proxmox API wrote the properties.
	Written Written `json:"written,omitempty"`
}

// KindIPAM is the kind of IPAM.
const KindIPAM Kind = "ipam"

func ipamKind() *Descriptor {
	return &Descriptor{
		Kind: KindIPAM,
		Live: true,
		slot: in(func(c *Config) *map[string]*IPAM { return &c.IPAMs }),
	}
}

// ObjectKind implements Object.
func (*IPAM) ObjectKind() Kind { return KindIPAM }

// ObjectID implements Object.
func (i *IPAM) ObjectID() string { return i.ID }

// External reports whether the addresses are kept by another system.
func (i *IPAM) External() bool { return i.Type != IPAMTypePVE }
