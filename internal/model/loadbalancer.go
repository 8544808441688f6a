package model

import (
	"strconv"
)

// LoadBalancer distributes the connections to a port of a sector over guests of it. Every node
// with a gateway of the sector serves it, to outside at the sector's address in the backplane
// and to the sector at the addresses of its gateway.
type LoadBalancer struct {
	// ID is a DNS label in lower case, 32 characters at most.
	ID string `json:"id"`
	// Alias describes the load balancer, up to 256 characters.
	Alias string `json:"alias,omitempty"`
	// Mode is BalanceTCP or BalanceHTTP; empty means BalanceTCP.
	Mode string `json:"mode,omitempty"`
	// Sector is the sector whose address and guests it uses.
	Sector string `json:"sector,omitempty"`
	// Port is where clients connect to, 1 to FirstSourcePort-1; TargetPort that of the
	// guests, 0 for the same.
	Port       int `json:"port,omitempty"`
	TargetPort int `json:"target-port,omitempty"`
	// Pool are the guests that serve. One that does not run is left out.
	Pool []PoolGuest `json:"pool,omitempty"`
	// Algorithm is one of the words of balanceAlgorithms; empty means the first.
	Algorithm string `json:"algorithm,omitempty"`
	// Sticky sends a client to the guest that it had before: by a cookie with BalanceHTTP,
	// and by its address otherwise.
	Sticky bool `json:"sticky,omitempty"`
	// Check is how guests are checked: CheckTCP, CheckHTTP or CheckNone; empty means
	// CheckTCP.
	Check string `json:"check,omitempty"`
	// CheckPath is requested with CheckHTTP, of CheckHost if that is not empty, and answered
	// with one of CheckStatus ("200", "200-399"). Empty means DefaultCheckPath and
	// DefaultCheckStatus.
	CheckPath   string `json:"check-path,omitempty"`
	CheckHost   string `json:"check-host,omitempty"`
	CheckStatus string `json:"check-status,omitempty"`
	// CheckInterval is the time between two checks in seconds; 0 means DefaultCheckInterval.
	CheckInterval int `json:"check-interval,omitempty"`
	// WhenUnhealthy is what happens to clients if too few guests work: UnhealthyReject or
	// UnhealthyOpen; empty means UnhealthyReject.
	WhenUnhealthy string `json:"when-unhealthy,omitempty"`
	// PanicThreshold is the percentage of working guests below which UnhealthyOpen uses all
	// of them; 0 means when none works.
	PanicThreshold int `json:"panic-threshold,omitempty"`
	// Certificate ends TLS: a certificate with its chain, in the form of RFC 7468. Key is the
	// private key.
	Certificate string `json:"certificate,omitempty"`
	Key         Secret `json:"key,omitempty"`
	// Redirect is a port at which requests are redirected to https at Port; 0 for none.
	Redirect int `json:"redirect,omitempty"`
	// AcceptProxy expects the PROXY protocol of clients, SendProxy speaks it to guests.
	AcceptProxy bool `json:"accept-proxy,omitempty"`
	SendProxy   bool `json:"send-proxy,omitempty"`
	// MaxConnections bounds the open connections of clients on each node; 0 means
	// DefaultMaxConnections.
	MaxConnections int `json:"max-connections,omitempty"`
	// IdleTimeout closes connections without traffic, in seconds; 0 means DefaultIdleTimeout.
	IdleTimeout int `json:"idle-timeout,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// PoolGuest is a guest of a load balancer's pool.
type PoolGuest struct {
	// Guest is the guest's number (VMID).
	Guest string `json:"guest"`
	// Weight is the guest's share in relation to others, 1 to 256; 0 means DefaultWeight.
	Weight int `json:"weight,omitempty"`
	// Drain keeps the guest's connections and gives it no new ones.
	Drain bool `json:"drain,omitempty"`
}

// The values of LoadBalancer.Mode, Check and WhenUnhealthy.
const (
	BalanceTCP      = "tcp"
	BalanceHTTP     = "http"
	CheckTCP        = "tcp"
	CheckHTTP       = "http"
	CheckNone       = "none"
	UnhealthyReject = "reject"
	UnhealthyOpen   = "fail-open"
)

// The algorithms: guests in turn, the one with the fewest connections, or one by the address
// of the client.
var balanceAlgorithms = []string{"roundrobin", "leastconn", "source"}

// The defaults and bounds of a LoadBalancer.
const (
	DefaultCheckPath      = "/"
	DefaultCheckStatus    = "200-399"
	DefaultCheckInterval  = 2
	DefaultWeight         = 100
	DefaultMaxConnections = 10_000
	DefaultIdleTimeout    = 3600
	maxWeight             = 256
	maxPool               = 256
	maxConnections        = 100_000
	maxLoadBalancerID     = 32
	maxCertificate        = 64 << 10
	maxSeconds            = 86400
)

// KindLoadBalancer is the kind of LoadBalancer.
const KindLoadBalancer Kind = "load-balancer"

func loadBalancerKind() *Descriptor {
	const lowPort = "a port below " // the upper half is for source ports
	return &Descriptor{
		Kind:         KindLoadBalancer,
		check:        (*checker).loadBalancers,
		slot:         in(func(c *Config) *map[string]*LoadBalancer { return &c.LoadBalancers }),
		Doc:          "A port of a sector of which the connections are distributed over guests.",
		TypeProperty: "mode",
		Example: `kind: load-balancer
id: shop-web
mode: http
sector: shop
port: 443
target-port: 8080
pool:
- guest: 100
- guest: 101
  weight: 50
check: http
check-path: /healthz
certificate: |
` + indented(exampleCertificate) + `key: |
` + indented(exampleKey) + `redirect: 80
`,
		Permissions: []Permission{sdnPermission("/sdn/load-balancers/{id}")},
		Properties: []Property{
			{Name: "id", Required: true, Doc: "a DNS label in lower case", Pattern: sectorForm.String(), MaxLength: maxLoadBalancerID},
			{Name: "alias", Doc: "description", MaxLength: MaxAlias},
			{Name: "mode", Doc: "what is distributed: connections, or requests of HTTP", Values: []string{BalanceTCP, BalanceHTTP}, Noun: "a mode"},
			{Name: "sector", Required: true, Doc: "sector whose address and guests it uses", Ref: KindSector, Use: true},
			{Name: "port", Required: true, Doc: "port of the sector's address that clients connect to", Min: 1, Max: FirstSourcePort - 1, Noun: lowPort + strconv.Itoa(FirstSourcePort)},
			{Name: "target-port", Doc: "port of the guests; the same if left out", Min: 1, Max: MaxPort, Noun: "a port"},
			{Name: "pool", Doc: "guests that serve; those that do not run are left out", MaxItems: maxPool, Items: &Items{
				Type: "list of guests", Name: "pool-guest", Key: "guest", Bare: "guest",
				Properties: []Property{
					{Name: "guest", Required: true, Doc: "number of a guest with a NIC in the sector", Pattern: vmidForm.String()},
					{Name: "weight", Doc: "share in relation to the others, " + strconv.Itoa(DefaultWeight) + " if left out", Min: 1, Max: maxWeight, Noun: "a weight"},
					{Name: "drain", Doc: "keeps its connections and gets no new ones"},
				},
			}},
			{Name: "algorithm", Doc: "guests in turn, the one with the fewest connections, or one by the client's address; roundrobin if left out", Values: balanceAlgorithms, Noun: "an algorithm"},
			{Name: "sticky", Doc: "sends a client to the guest that it had before: by a cookie (http) or its address (tcp)"},
			{Name: "check", Doc: "how guests are checked: by a connection, a request, or not; tcp if left out", Values: []string{CheckTCP, CheckHTTP, CheckNone}, Noun: "a check"},
			{Name: "check-path", Doc: "path that is requested (check: http), " + DefaultCheckPath + " if left out", MaxLength: MaxAlias},
			{Name: "check-host", Doc: "host that is requested (check: http)"},
			{Name: "check-status", Doc: "status that a guest answers which works (check: http), like 200 or 200-299; " + DefaultCheckStatus + " if left out"},
			{Name: "check-interval", Doc: "time between two checks, 2 if left out", Min: 1, Max: 3600, Unit: "seconds"},
			{Name: "when-unhealthy", Doc: "what becomes of clients if too few guests work: reject them, or use all guests; reject if left out", Values: []string{UnhealthyReject, UnhealthyOpen}, Noun: "a reaction"},
			{Name: "panic-threshold", Doc: "percentage of working guests below which fail-open uses all; without it, when none works", Min: 1, Max: 100, Unit: "percent"},
			{Name: "certificate", Doc: "ends TLS: a certificate and those that signed it, in PEM", MaxLength: maxCertificate, PEM: true},
			{Name: "key", Doc: "private key of the certificate, in PEM", PEM: true, With: "certificate"},
			{Name: "redirect", Doc: "port at which requests are redirected to https", Min: 1, Max: FirstSourcePort - 1, Noun: lowPort + strconv.Itoa(FirstSourcePort), Types: []string{BalanceHTTP}},
			{Name: "accept-proxy", Doc: "clients speak the PROXY protocol"},
			{Name: "send-proxy", Doc: "speaks version 2 of the PROXY protocol to guests"},
			{Name: "max-connections", Doc: "open connections of clients on each node, 10000 if left out", Min: 1, Max: maxConnections, Noun: "a number of connections"},
			{Name: "idle-timeout", Doc: "closes connections without traffic, 3600 if left out", Min: 1, Max: maxSeconds, Unit: "seconds"},
		},
		Columns: []Column{
			column("LOAD-BALANCER", func(l *LoadBalancer) string { return l.ID }),
			column("SECTOR", func(l *LoadBalancer) string { return l.Sector }),
			column("MODE", func(l *LoadBalancer) string { return l.mode() }),
			column("PORT", func(l *LoadBalancer) string { return strconv.Itoa(l.Port) }),
			column("POOL", func(l *LoadBalancer) string { return l.poolText() }),
			column("ALIAS", func(l *LoadBalancer) string { return l.Alias }),
			wideColumn("TARGET-PORT", func(l *LoadBalancer) string { return numberText(l.TargetPort, "") }),
			wideColumn("CHECK", func(l *LoadBalancer) string { return l.Check }),
		},
	}
}

// ObjectKind implements Object.
func (*LoadBalancer) ObjectKind() Kind { return KindLoadBalancer }

// ObjectID implements Object.
func (l *LoadBalancer) ObjectID() string { return l.ID }

// Ports returns the ports that clients connect to.
func (l *LoadBalancer) Ports() []int {
	if l.Redirect != 0 {
		return []int{l.Port, l.Redirect}
	}
	return []int{l.Port}
}

func (l *LoadBalancer) mode() string {
	if l.Mode == "" {
		return BalanceTCP
	}
	return l.Mode
}

func (l *LoadBalancer) poolText() string {
	var out []string
	for _, g := range l.Pool {
		out = append(out, g.Guest)
	}
	return fewTexts(out)
}
