package dnsserver

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// How long, in seconds, answers may be cached: names move with their guests, and a missing
// name may appear soon after a query (RFC 2308, section 5).
const (
	ttl         = 60
	negativeTTL = 5
)

// view is the DNS data for one zone's guests; it is immutable.
type view struct {
	domain   string // with a final dot
	serial   uint32
	networks []netip.Prefix
	listen   []netip.Addr
	names    map[string][]netip.Addr // lower case, with a final dot
	// within are names that do not exist themselves, but have names below them.
	within  map[string]bool
	reverse map[netip.Addr][]string
	// next answers everything else; nil without another handler.
	next plugin.Handler
}

func newView(v *desired.NameView, serial uint32, next plugin.Handler) *view {
	w := &view{
		domain: dns.Fqdn(strings.ToLower(v.Domain)), serial: serial, networks: v.Networks, next: next,
		names: make(map[string][]netip.Addr, len(v.Names)), within: map[string]bool{}, reverse: make(map[netip.Addr][]string, len(v.Names)),
	}
	for _, l := range v.Listen {
		w.listen = append(w.listen, l.Addr.Addr())
	}
	texts := make([]string, len(v.Names)) // most addresses have one name
	for i, n := range v.Names {
		name := dns.Fqdn(strings.ToLower(n.Name))
		if ips, more := w.names[name]; more {
			w.names[name] = slices.Concat(ips, n.IPs)
		} else {
			w.names[name] = n.IPs
		}
		texts[i] = name
		for _, ip := range n.IPs {
			if others, more := w.reverse[ip]; more {
				w.reverse[ip] = slices.Concat(others, texts[i:i+1])
			} else {
				w.reverse[ip] = texts[i : i+1 : i+1]
			}
		}
		for off, end := dns.NextLabel(name, 0); !end; off, end = dns.NextLabel(name, off) {
			if w.within[name[off:]] || name[off:] == w.domain {
				break
			}
			w.within[name[off:]] = true
		}
	}
	return w
}

// nameserver is the name of the server itself.
func (v *view) nameserver() string { return "ns." + v.domain }

// lookup returns the addresses of a name below the domain; known is false if there is
// no such name and none below it.
func (v *view) lookup(name string) (ips []netip.Addr, known bool) {
	if ips, known = v.names[name]; known {
		return ips, true
	}
	if name == v.nameserver() {
		return v.listen, true
	}
	return nil, name == v.domain || v.within[name]
}

// ServeDNS implements plugin.Handler.
func (v *view) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if !v.admits(w.RemoteAddr()) {
		return dns.RcodeRefused, nil
	}
	name, qtype := strings.ToLower(r.Question[0].Name), r.Question[0].Qtype
	switch {
	case qtype == dns.TypeAXFR || qtype == dns.TypeIXFR:
		return dns.RcodeRefused, nil
	case dns.IsSubDomain(v.domain, name):
		return v.answer(w, r, v.domain, name)
	}
	if zone, ip, ours := v.reverseZone(name); ours {
		return v.answerReverse(w, r, zone, name, ip)
	}
	if v.next == nil {
		return dns.RcodeRefused, nil
	}
	return v.next.ServeDNS(ctx, w, r)
}

// Name implements plugin.Handler.
func (v *view) Name() string { return "viaduct" }

// admits reports whether a client may query.
func (v *view) admits(from net.Addr) bool {
	ap, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return false
	}
	ip := ap.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(v.networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// answer answers from the domain.
func (v *view) answer(w dns.ResponseWriter, r *dns.Msg, zone, name string) (int, error) {
	ips, known := v.lookup(name)
	m := v.reply(r)
	header := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: r.Question[0].Name, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
	}
	wants := func(t uint16) bool { return r.Question[0].Qtype == t || r.Question[0].Qtype == dns.TypeANY }
	for _, ip := range ips {
		if ip.Is4() && wants(dns.TypeA) {
			m.Answer = append(m.Answer, &dns.A{Hdr: header(dns.TypeA), A: ip.AsSlice()})
		}
		if ip.Is6() && wants(dns.TypeAAAA) {
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(dns.TypeAAAA), AAAA: ip.AsSlice()})
		}
	}
	v.apex(m, zone, name, wants)
	return v.finish(w, m, zone, known)
}

// apex adds a zone's records about itself.
func (v *view) apex(m *dns.Msg, zone, name string, wants func(uint16) bool) {
	if name != zone {
		return
	}
	if wants(dns.TypeSOA) {
		m.Answer = append(m.Answer, v.soa(zone, ttl))
	}
	if wants(dns.TypeNS) {
		m.Answer = append(m.Answer, &dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: ttl}, Ns: v.nameserver()})
	}
}

// answerReverse answers from a reverse zone: ip is invalid for a name that is no complete
// address.
func (v *view) answerReverse(w dns.ResponseWriter, r *dns.Msg, zone, name string, ip netip.Addr) (int, error) {
	m := v.reply(r)
	wants := func(t uint16) bool { return r.Question[0].Qtype == t || r.Question[0].Qtype == dns.TypeANY }
	names := v.reverse[ip]
	if wants(dns.TypePTR) {
		for _, n := range names {
			m.Answer = append(m.Answer, &dns.PTR{
				Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}, Ptr: n,
			})
		}
	}
	v.apex(m, zone, name, wants)
	// Names between the zone and an address are assumed to have names below.
	return v.finish(w, m, zone, len(names) > 0 || !ip.IsValid())
}

func (v *view) reply(r *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.RecursionAvailable = true, v.next != nil
	return m
}

// finish marks an answer without records as empty or as a missing name (RFC 2308), and
// sends it.
func (v *view) finish(w dns.ResponseWriter, m *dns.Msg, zone string, known bool) (int, error) {
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{v.soa(zone, negativeTTL)}
		if !known {
			m.Rcode = dns.RcodeNameError
		}
	}
	return m.Rcode, w.WriteMsg(m)
}

func (v *view) soa(zone string, keep uint32) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: keep},
		Ns:  v.nameserver(), Mbox: "hostmaster." + v.domain, Serial: v.serial,
		Refresh: 3600, Retry: 600, Expire: 86400, Minttl: negativeTTL,
	}
}
