package model

import "strconv"

// DNSTypePowerDNS is a PowerDNS server with its HTTP API.
const DNSTypePowerDNS = "powerdns"

// DefaultTTL is the time to live, in seconds, of records of a DNS server without a setting.
const DefaultTTL = 14400

// NameServer is a DNS server at which guests' names are registered: Proxmox VE SDN manual,
// "DNS". It takes effect at once.
type NameServer struct {
	// ID is a letter, then letters and digits, 2 characters at least.
	ID   string `json:"id"`
	Type string `json:"type"`
	// URL is the server's URL in the API: "http://pdns:8081/api/v1/servers/localhost".
	URL string `json:"url,omitempty"`
	// Key is the API key.
	Key Secret `json:"key,omitempty"`
	// TTL is the time to live of records, in seconds; 0 means DefaultTTL.
	TTL int `json:"ttl,omitempty"`
	// ReverseMaskV6 is the length in bits of IPv6 reverse zones, a multiple of 4; 0 means
	// the subnet's length.
	ReverseMaskV6 int `json:"reversemaskv6,omitempty"`
	// Fingerprint is as in IPAM.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`

	// ClientSpelling is how a client of the Proxmox API wrote the properties.
	ClientSpelling ClientSpelling `json:"written,omitempty"`
}

// KindDNS is the kind of NameServer.
const KindDNS Kind = "dns"

func dnsKind() *Descriptor {
	return &Descriptor{
		Kind:         KindDNS,
		Plural:       "dns",
		Live:         true,
		checkLive:    checkingLive[*NameServer],
		slot:         in(func(c *Config) *map[string]*NameServer { return &c.NameServers }),
		Doc:          "A DNS server that guests' names are registered at.",
		TypeProperty: "type",
		Example: `kind: dns
id: pdns
type: powerdns
url: https://pdns.example.com:8081/api/v1/servers/localhost
key: changeme
ttl: 3600
`,
		Permissions: []Permission{sdnPermission("/sdn/dns/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "2 or more letters and digits", Pattern: idForm.String()},
			{Name: "type", Required: true, Doc: "which server it is", Values: []string{DNSTypePowerDNS}, Noun: "a type of name server"},
			{Name: "url", Doc: "URL of the server in its API, like http://pdns:8081/api/v1/servers/localhost"},
			{Name: "key", Doc: "API key"},
			{Name: "ttl", Doc: "time to live of records, 14400 if left out", Min: 1, Max: MaxTTL, Unit: "seconds", Without: ", or leave it out"},
			{Name: "reversemaskv6", Doc: "length of IPv6 reverse zones, a multiple of 4; the subnet's if left out", Min: 4, Max: MaxMask6, Unit: "bits", Without: ", or leave it out",
				Lax: func(n int) bool { return n > 0 && n < 4 }},
			{Name: "fingerprint", Doc: "SHA-256 fingerprint of its certificate, if no authority signed it", Pattern: fingerprintForm.String()},
		},
		Columns: []Column{
			column("DNS", func(n *NameServer) string { return n.ID }),
			column("TYPE", func(n *NameServer) string { return n.Type }),
			column("URL", func(n *NameServer) string { return n.URL }),
			wideColumn("TTL", func(n *NameServer) string { return numberText(n.TTL, "") }),
			wideColumn("REVERSEMASKV6", func(n *NameServer) string { return numberText(n.ReverseMaskV6, "") }),
		},
	}
}

// ObjectKind implements Object.
func (*NameServer) ObjectKind() Kind { return KindDNS }

// ObjectID implements Object.
func (n *NameServer) ObjectID() string { return n.ID }

// MaxTTL is the longest time to live of a DNS record, in seconds (RFC 2181 section 8).
const MaxTTL = 1<<31 - 1

// checkLive checks a DNS server.
func (n *NameServer) checkLive(c *liveChecker, _ Edit) {
	r := c.report(n)
	pluginID(r, n.ID)
	if n.Type != DNSTypePowerDNS {
		return
	}
	remote(r, n.URL, n.Fingerprint, "https://pdns.example.com:8081/api/v1/servers/localhost")
	if n.Key == "" {
		r.error("key", "", msgDNSKeyMissing)
	}
	if n.ReverseMaskV6 > 0 && n.ReverseMaskV6%4 != 0 {
		r.lax("reversemaskv6", strconv.Itoa(n.ReverseMaskV6), msgDNSReverseMaskInvalid)
	}
}
