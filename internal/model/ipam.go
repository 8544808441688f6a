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

// ObjectKind implements Object.
func (*IPAM) ObjectKind() Kind { return KindIPAM }

// ObjectID implements Object.
func (i *IPAM) ObjectID() string { return i.ID }

// External reports whether the addresses are kept by another system.
func (i *IPAM) External() bool { return i.Type != IPAMTypePVE }

// DNSTypePowerDNS is a PowerDNS server with its HTTP API.
const DNSTypePowerDNS = "powerdns"

// DefaultTTL is how long, in seconds, a record of a name server that sets none may
// be kept.
const DefaultTTL = 14400

// NameServer is a server that guests' names are registered at: Proxmox VE SDN
// manual, "DNS". It takes effect at once.
type NameServer struct {
	// ID is a letter, then letters and digits, 2 characters at least.
	ID   string `json:"id"`
	Type string `json:"type"`
	// URL is that of the server in the API: "http://pdns:8081/api/v1/servers/localhost".
	URL string `json:"url,omitempty"`
	// Key lets in.
	Key Secret `json:"key,omitempty"`
	// TTL is how long a record may be kept, in seconds; 0 means DefaultTTL.
	TTL int `json:"ttl,omitempty"`
	// ReverseMaskV6 is the length in bits of reverse zones of IPv6, a multiple of 4;
	// 0 means that of the subnet.
	ReverseMaskV6 int `json:"reversemaskv6,omitempty"`
	// Fingerprint is as of IPAM.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// Written is how a client of the Proxmox API wrote the properties.
	Written Written `json:"written,omitempty"`
}

// ObjectKind implements Object.
func (*NameServer) ObjectKind() Kind { return KindDNS }

// ObjectID implements Object.
func (n *NameServer) ObjectID() string { return n.ID }
