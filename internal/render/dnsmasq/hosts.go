package dnsmasq

import (
	"net/netip"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// Hosts renders the file of the known NICs, one a line: "<mac>,<IPv4>,[<IPv6>],<name>".
func Hosts(hosts []desired.DHCPHost) string {
	var b strings.Builder
	b.Grow(64*len(hosts) + len(Marker) + 1)
	b.WriteString(Marker)
	b.WriteByte('\n')
	for i := range hosts {
		writeHost(&b, &hosts[i])
	}
	return b.String()
}

func writeHost(b *strings.Builder, h *desired.DHCPHost) {
	b.WriteString(h.MAC)
	for _, ip := range h.IPs {
		b.WriteByte(',')
		if ip.Is6() {
			b.WriteString("[" + ip.String() + "]")
		} else {
			b.WriteString(ip.String())
		}
	}
	if h.Name != "" {
		b.WriteByte(',')
		b.WriteString(h.Name)
	}
	b.WriteByte('\n')
}

// ParseHosts reads such a file. It ignores lines that Hosts would not write.
func ParseHosts(data string) []desired.DHCPHost {
	var out []desired.DHCPHost
	for line := range strings.Lines(data) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, ",")
		h := desired.DHCPHost{MAC: f[0]}
		for _, word := range f[1:] {
			ip, err := netip.ParseAddr(strings.Trim(word, "[]"))
			if err == nil {
				h.IPs = append(h.IPs, ip)
			} else {
				h.Name = word
			}
		}
		out = append(out, h)
	}
	return out
}

// Added reports whether the difference from one sorted list of NICs to another is only
// further NICs, with addresses that none had, and returns those.
func Added(had, want []desired.DHCPHost) (more []desired.DHCPHost, only bool) {
	i := 0
	for _, h := range want {
		switch {
		case i < len(had) && sameHost(&had[i], &h):
			i++
		case i < len(had) && had[i].MAC <= h.MAC:
			return nil, false
		default:
			more = append(more, h)
		}
	}
	if i < len(had) {
		return nil, false
	}
	if len(more) == 0 {
		return nil, true
	}
	taken := make(map[netip.Addr]bool, 2*len(had))
	for _, h := range had {
		for _, ip := range h.IPs {
			taken[ip] = true
		}
	}
	for _, h := range more {
		for _, ip := range h.IPs {
			if taken[ip] {
				return nil, false
			}
		}
	}
	return more, true
}

func sameHost(a, b *desired.DHCPHost) bool {
	if a.MAC != b.MAC || a.Name != b.Name || len(a.IPs) != len(b.IPs) {
		return false
	}
	for i := range a.IPs {
		if a.IPs[i] != b.IPs[i] {
			return false
		}
	}
	return true
}
