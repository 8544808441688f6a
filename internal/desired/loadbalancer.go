package desired

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// LoadBalancer distributes the connections to its listeners over its servers.
type LoadBalancer struct {
	// Name identifies it on the node: a word of letters, digits and hyphens.
	Name  string `json:"name"`
	Owner string `json:"owner"`
	// Space is the named space that it listens in and reaches its servers from; empty for
	// the host's.
	Space string `json:"space,omitempty"`
	// HTTP is true if requests are distributed, and false for connections of TCP.
	HTTP bool `json:"http,omitempty"`
	// Listen is sorted by address.
	Listen []LoadBalancerListener `json:"listen"`
	// Certificate ends TLS at the listeners without Redirect; nil for none.
	Certificate *KeyPair `json:"certificate,omitempty"`
	// Algorithm is one of the Balance constants.
	Algorithm string `json:"algorithm"`
	// Sticky sends a client to the server that it had before: by a cookie with HTTP, and by
	// its address otherwise.
	Sticky bool `json:"sticky,omitempty"`
	// AcceptProxy expects the PROXY protocol, version 1 or 2, of clients; SendProxy speaks
	// version 2 of it to servers.
	AcceptProxy bool `json:"acceptProxy,omitempty"`
	SendProxy   bool `json:"sendProxy,omitempty"`
	// Check finds the servers that work; nil trusts all.
	Check *HealthCheck `json:"check,omitempty"`
	// Panic is the percentage of servers, 1 to 100, below which failed checks are ignored and
	// all of them are used; 0 refuses connections when no server works.
	Panic int `json:"panic,omitempty"`
	// MaxConnections bounds the open connections of clients on the node.
	MaxConnections int `json:"maxConnections"`
	// IdleTimeout, in seconds, closes connections without traffic.
	IdleTimeout int `json:"idleTimeout"`
	// Servers are sorted by name; no two have the same address.
	Servers []LoadBalancerServer `json:"servers,omitempty"`
}

// The values of LoadBalancer.Algorithm: servers in turn, the one with the fewest connections,
// or one by the address of the client.
const (
	BalanceRoundRobin = "roundrobin"
	BalanceLeastConn  = "leastconn"
	BalanceSource     = "source"
)

// LoadBalancerListener is an address and port of TCP.
type LoadBalancerListener struct {
	Addr netip.AddrPort `json:"addr"`
	// Redirect answers requests with a redirection to https. It is set with HTTP only.
	Redirect bool `json:"redirect,omitempty"`
}

// LoadBalancerServer is one server of a pool.
type LoadBalancerServer struct {
	// Name is shown to operators: the guest and its NIC.
	Name string         `json:"name"`
	Addr netip.AddrPort `json:"addr"`
	// Weight is the server's share in relation to the others, 0 to 256. One with 0 keeps
	// its connections and gets no new ones.
	Weight int `json:"weight"`
}

// HealthCheck is how servers are checked: by a connection, or with Path by a request.
type HealthCheck struct {
	// Interval is the time between checks in seconds.
	Interval int `json:"interval"`
	// Fall and Rise are the numbers of results in a row that make a server fail and work.
	Fall int `json:"fall"`
	Rise int `json:"rise"`
	// Path is requested by HTTP and answered with one of Status: "200", "200-399".
	Path   string `json:"path,omitempty"`
	Status string `json:"status,omitempty"`
	// Host is the requested host; empty for none.
	Host string `json:"host,omitempty"`
}

// PEM is text in the form of RFC 7468 that may hold a private key. Only JSON shows it.
type PEM string

// String returns a placeholder.
func (p PEM) String() string {
	if p == "" {
		return ""
	}
	return "(secret)"
}

// GoString returns a placeholder.
func (p PEM) GoString() string { return p.String() }

// KeyPair is a certificate with its private key.
type KeyPair struct {
	// Chain starts with the certificate itself, followed by those that signed it.
	Chain PEM `json:"chain"`
	Key   PEM `json:"key"`
}

// Digest identifies the pair, by 16 hexadecimal digits; empty for nil.
func (k *KeyPair) Digest() string {
	if k == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(k.Chain + "\x00" + k.Key))
	return hex.EncodeToString(sum[:8])
}

// sortLoadBalancers puts load balancers, listeners and servers in order.
func sortLoadBalancers(all []LoadBalancer) {
	slices.SortFunc(all, func(a, b LoadBalancer) int { return cmp.Compare(a.Name, b.Name) })
	for _, l := range all {
		slices.SortFunc(l.Listen, func(a, b LoadBalancerListener) int { return a.Addr.Compare(b.Addr) })
		slices.SortFunc(l.Servers, func(a, b LoadBalancerServer) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), a.Addr.Compare(b.Addr))
		})
	}
}

// LoadBalancerEntries lists load balancers, and the servers of each.
func LoadBalancerEntries(all []LoadBalancer) []Entry {
	var out []Entry
	for i := range all {
		l := &all[i]
		out = append(out, loadBalancerEntry(l))
		for _, s := range l.Servers {
			out = append(out, loadBalancerServerEntry(l, s))
		}
	}
	return out
}

// loadBalancerEntry describes a load balancer without its servers.
func loadBalancerEntry(l *LoadBalancer) Entry {
	mode := "tcp"
	if l.HTTP {
		mode = "http"
	}
	listen := make([]string, len(l.Listen))
	for i, x := range l.Listen {
		listen[i] = x.Addr.String()
		if x.Redirect {
			listen[i] += " to https"
		}
	}
	return Entry{Key: l.Name, Name: l.Name, Owner: l.Owner, Props: loadBalancerProps(
		l.Space, mode, strings.Join(listen, ", "), l.Certificate.Digest(), l.Algorithm, onOff(l.Sticky), onOff(l.AcceptProxy), onOff(l.SendProxy),
		l.Check.text(), number0(l.Panic), number0(l.MaxConnections), number0(l.IdleTimeout), "")}
}

// loadBalancerServerEntry describes a server of a load balancer.
func loadBalancerServerEntry(l *LoadBalancer, s LoadBalancerServer) Entry {
	name := l.Name + " server " + s.Name + " " + s.Addr.String()
	return Entry{Key: name, Name: name, Owner: l.Owner, Props: loadBalancerProps(
		"", "", "", "", "", "off", "off", "off", "", "", "", "", strconv.Itoa(s.Weight))}
}

// loadBalancerProps are the properties of all entries of load balancers, in their order.
func loadBalancerProps(space, mode, listen, certificate, algorithm, sticky, accept, send, check, panic, connections, idle, weight string) []Prop {
	return []Prop{
		{Name: "space", Value: space},
		{Name: "mode", Value: mode},
		{Name: "listen", Value: listen},
		{Name: "certificate", Value: certificate},
		{Name: "algorithm", Value: algorithm},
		{Name: "sticky", Value: sticky, Zero: "off"},
		{Name: "accept-proxy", Value: accept, Zero: "off"},
		{Name: "send-proxy", Value: send, Zero: "off"},
		{Name: "check", Value: check},
		{Name: "panic", Value: panic},
		{Name: "max-connections", Value: connections},
		{Name: "idle-timeout", Value: idle},
		{Name: "weight", Value: weight},
	}
}

// text describes a check: "http /healthz 200 every 2 s, down after 3, up after 2".
func (c *HealthCheck) text() string {
	if c == nil {
		return ""
	}
	what := "tcp"
	if c.Path != "" || c.Status != "" || c.Host != "" {
		what = strings.Join([]string{"http", c.Host, c.Path, c.Status}, " ")
	}
	return what + " every " + strconv.Itoa(c.Interval) + " s, down after " + strconv.Itoa(c.Fall) + ", up after " + strconv.Itoa(c.Rise)
}
