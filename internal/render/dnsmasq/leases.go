package dnsmasq

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Stale finds the leases that prevent dnsmasq from assigning an address to the NIC that
// has it now, since another client still holds it, and returns them with the other lines;
// without stale leases the file needs no change. had are the NICs that were known when the
// leases were made.
//
// A line is "<end> <mac> <IPv4> <name> <client>", and after one that begins with "duid"
// "<end> <number> <IPv6> <name> <client>", without the MAC.
func Stale(leases string, had, want []desired.DHCPHost) (stale []netip.Addr, rest string) {
	if leases == "" {
		return nil, leases
	}
	now, before := owners(want), owners(had)
	var b strings.Builder
	for line := range strings.Lines(leases) {
		f := strings.Fields(line)
		if len(f) >= 4 {
			ip, err := netip.ParseAddr(f[2])
			mac, given := now[ip]
			held := f[1]
			if ip.Is6() {
				held = before[ip]
			}
			if err == nil && given && held != mac {
				stale = append(stale, ip)
				continue
			}
		}
		b.WriteString(line)
	}
	return stale, b.String()
}

// Lease is an assigned address.
type Lease struct {
	Address netip.Addr
	// MAC is empty for IPv6, whose clients have a DUID.
	MAC string
	// Name is the client's; empty if it sent none.
	Name string
	// Expires is in seconds since 1970, 0 for a lease without end.
	Expires int64
}

// Leases reads a file in the form that Stale describes. Lines in no such form are ignored.
func Leases(text string) []Lease {
	var out []Lease
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		end, err := strconv.ParseInt(f[0], 10, 64)
		ip, errIP := netip.ParseAddr(f[2])
		if err != nil || errIP != nil {
			continue
		}
		l := Lease{Address: ip, Expires: end}
		if ip.Is4() {
			l.MAC = f[1]
		}
		if f[3] != "*" {
			l.Name = f[3]
		}
		out = append(out, l)
	}
	return out
}

// owners maps addresses to NICs.
func owners(hosts []desired.DHCPHost) map[netip.Addr]string {
	out := make(map[netip.Addr]string, len(hosts))
	for i := range hosts {
		for _, ip := range hosts[i].IPs {
			out[ip] = hosts[i].MAC
		}
	}
	return out
}
