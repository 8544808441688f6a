package model

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

// KindDNS is the kind of NameServer.
const KindDNS Kind = "dns"

func dnsKind() *Descriptor {
	return &Descriptor{
		Kind:   KindDNS,
		Plural: "dns",
		Live:   true,
		slot:   in(func(c *Config) *map[string]*NameServer { return &c.NameServers }),
	}
}

// ObjectKind implements Object.
func (*NameServer) ObjectKind() Kind { return KindDNS }

// ObjectID implements Object.
func (n *NameServer) ObjectID() string { return n.ID }
