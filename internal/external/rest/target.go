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

// ErrForbidden says that a system is where none may be unless the server's operator allows it.
var ErrForbidden = errors.New("no external system may be there")

// ownName, and names below it, mean the host itself (RFC 6761, section 6.3).
const ownName = "localhost"

// nat64 is the prefix in whose last 32 bits IPv4 addresses are (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Networks are those in which systems may be though addresses there are of the host itself,
// link-local, or of no single host. Who configures a system need not be who runs the
// server, and services there trust whoever reaches them: of clouds' metadata, of the store.
type Networks []netip.Prefix

// ParseNetworks reads networks, or addresses alone.
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

// Check refuses an address, which a URL names or a name led to.
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

// CheckURL refuses a URL whose host is an address that Check refuses, but for the host's
// own: see Own. URLs that are none are somebody else's matter.
func (n Networks) CheckURL(text string) error {
	a, ok := literal(text)
	if !ok || plain(a).IsLoopback() {
		return nil
	}
	return n.Check(a)
}

// Own returns ErrForbidden for a URL that names the server's own host, by an address or as
// localhost: systems there may be named by those who administer the host, and others where
// that network is allowed.
func (n Networks) Own(text string) error {
	a, ok := literal(text)
	if !ok || !plain(a).IsLoopback() {
		return nil
	}
	return n.Check(a)
}

// literal is the address that a URL names.
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

// plain is an address without what hides it: a zone, or the IPv6 form of an IPv4 one.
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

// control refuses a connection by the address that is connected to, whatever name led
// there; own is set for a URL that names the server's own host.
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
