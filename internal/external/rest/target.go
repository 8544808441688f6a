package rest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// ErrForbidden means that an external system is not allowed at this address unless the
// server's operator permits it.
var ErrForbidden = errors.New("no external system may be there")

// ownName, and names below it, mean the host itself (RFC 6761, section 6.3).
const ownName = "localhost"

// nat64 is the prefix that contains IPv4 addresses in its last 32 bits (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Networks are those in which systems are allowed although addresses there belong to the
// host itself, are link-local, or identify no single host. The user who configures a
// system need not be the operator of the server, and services there trust any client:
// metadata services of clouds, the store.
type Networks []netip.Prefix

// ParseNetworks reads networks, or single addresses.
func ParseNetworks(texts []string) (Networks, error) {
	var out Networks
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither a network, like 127.0.0.0/8, nor an address", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Check rejects an address, from a URL or from the resolution of a name.
func (n Networks) Check(a netip.Addr) error {
	a = plain(a)
	if !special(a) || slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return nil
	}
	what := "an address of no single host"
	switch {
	case a.IsLoopback():
		what = "an address of the server's own host"
	case a.IsLinkLocalUnicast():
		what = "a link-local address, as those of clouds' metadata"
	}
	return fmt.Errorf("%w: %s is %s; if a system is there, start every server with --allow-external %s", ErrForbidden, a, what, a)
}

// CheckURL rejects a URL with an address as host that Check rejects, except for the
// server's own host: see Own. It ignores invalid URLs.
func (n Networks) CheckURL(text string) error {
	a, ok := literal(text)
	if !ok || plain(a).IsLoopback() {
		return nil
	}
	return n.Check(a)
}

// Own returns ErrForbidden for a URL that names the server's own host, by an address or as
// localhost: only the administrators of the host may name systems there, and others where
// that network is allowed.
func (n Networks) Own(text string) error {
	a, ok := literal(text)
	if !ok || !plain(a).IsLoopback() {
		return nil
	}
	return n.Check(a)
}

// literal is the address in a URL.
func literal(text string) (netip.Addr, bool) {
	u, err := url.Parse(text)
	if err != nil {
		return netip.Addr{}, false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == ownName || strings.HasSuffix(host, "."+ownName) {
		return netip.IPv6Loopback(), true
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// plain is an address without forms that hide it: a zone, or the IPv6 form of an IPv4
// address.
func plain(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

func special(a netip.Addr) bool {
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
		a.Is4() && a.As4()[0] == 0
}

// control rejects a connection by the address that is connected to, regardless of the
// name; own is set for a URL that names the server's own host.
func (n Networks) control(own bool) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		a, err := netip.ParseAddr(host)
		if err != nil {
			return err
		}
		if own && plain(a).IsLoopback() {
			return nil
		}
		return n.Check(a)
	}
}
