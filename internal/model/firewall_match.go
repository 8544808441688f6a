package model

import (
	"slices"
	"strconv"
	"strings"
)

// Protocol numbers that rules treat specially (IANA, "Assigned Internet Protocol Numbers").
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// protocols are the numbers of protocols by their names in /etc/protocols.
var protocols = map[string]int{
	"icmp": ProtoICMP, "igmp": 2, "ipencap": 4, "tcp": ProtoTCP, "egp": 8, "igp": 9, "udp": ProtoUDP, "dccp": 33, "ipv6": 41,
	"rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmpv6": ProtoICMPv6, "ipv6-icmp": ProtoICMPv6, "eigrp": 88, "ospf": 89,
	"ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132,
	"udplite": 136, "mpls-in-ip": 137,
}

// ParseProtocol parses a protocol's name or number, 0 to 255.
func ParseProtocol(text string) (number int, ok bool) {
	if n, known := protocols[strings.ToLower(text)]; known {
		return n, true
	}
	return parseByte(text)
}

// HasPorts reports whether a protocol's packets have ports at the same offset as TCP's.
func HasPorts(protocol int) bool {
	return slices.Contains([]int{ProtoTCP, ProtoUDP, 33, 132, 136}, protocol)
}

// Ports is a range of ports, First to Last.
type Ports struct{ First, Last uint16 }

// maxPorts limits a list of ports, as in Proxmox VE.
const maxPorts = 15

// ParsePorts parses a comma-separated list of ports (0 to 65535), port ranges "A:B" and
// service names, 15 items at most. It returns sorted ranges without overlaps.
func ParsePorts(text string) (ports []Ports, ok bool) {
	n := 0
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		first, last, isRange := strings.Cut(item, ":")
		a, ok1 := parsePort(first)
		b, ok2 := a, ok1
		if isRange {
			b, ok2 = parsePort(last)
		}
		if n++; !ok1 || !ok2 || a > b || n > maxPorts {
			return nil, false
		}
		ports = append(ports, Ports{a, b})
	}
	slices.SortFunc(ports, func(a, b Ports) int { return int(a.First) - int(b.First) })
	out := ports[:1]
	for _, p := range ports[1:] {
		if last := &out[len(out)-1]; int(p.First) <= int(last.Last)+1 {
			last.Last = max(last.Last, p.Last)
		} else {
			out = append(out, p)
		}
	}
	return out, true
}

func parsePort(text string) (uint16, bool) {
	if p, known := services[strings.ToLower(text)]; known {
		return p, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil
}

// services are the ports of the most common services by their names in /etc/services.
var services = map[string]uint16{
	"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "whois": 43, "domain": 53, "bootps": 67, "bootpc": 68,
	"tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "auth": 113, "nntp": 119,
	"ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap": 143, "imap2": 143, "snmp": 161, "snmp-trap": 162, "bgp": 179,
	"irc": 194, "ldap": 389, "https": 443, "microsoft-ds": 445, "submissions": 465, "isakmp": 500, "syslog": 514, "printer": 515,
	"dhcpv6-client": 546, "dhcpv6-server": 547, "submission": 587, "ldaps": 636, "domain-s": 853, "rsync": 873, "imaps": 993, "pop3s": 995,
	"openvpn": 1194, "ms-sql-s": 1433, "l2f": 1701, "radius": 1812, "radius-acct": 1813, "nfs": 2049, "iscsi-target": 3260, "mysql": 3306,
	"ms-wbt-server": 3389, "svn": 3690, "ipsec-nat-t": 4500, "sip": 5060, "sip-tls": 5061, "xmpp-client": 5222, "mdns": 5353, "postgresql": 5432,
	"amqp": 5672, "redis": 6379, "http-alt": 8080, "git": 9418, "amanda": 10080,
}

// ICMPType is a message type; a Code that is not negative restricts it to that code.
type ICMPType struct{ Type, Code int }

// ParseICMPType parses the name of a message type of the protocol, ProtoICMP or ProtoICMPv6,
// its number, or "type/code". For "any" it returns nil and true.
func ParseICMPType(text string, protocol int) (t *ICMPType, ok bool) {
	if text == "any" {
		return nil, true
	}
	if number, known := icmpTypesOf(protocol)[text]; known {
		text = number
	}
	typ, code, coded := strings.Cut(text, "/")
	out := &ICMPType{Code: -1}
	out.Type, ok = parseByte(typ)
	if coded && ok {
		out.Code, ok = parseByte(code)
	}
	return out, ok
}

// parseByte parses a number from 0 to 255.
func parseByte(text string) (n int, ok bool) {
	b, err := strconv.ParseUint(text, 10, 8)
	return int(b), err == nil
}

// ICMPTypeNames returns the names that ParseICMPType accepts for a protocol, sorted.
func ICMPTypeNames(protocol int) []string { return sortedKeys(icmpTypesOf(protocol)) }

func icmpTypesOf(protocol int) map[string]string {
	if protocol == ProtoICMPv6 {
		return icmpv6Types
	}
	return icmpTypes
}

// icmpTypes are the ICMP types by their iptables names, as in Proxmox VE.
var icmpTypes = map[string]string{
	"echo-reply": "0", "pong": "0",
	"destination-unreachable": "3", "network-unreachable": "3/0", "host-unreachable": "3/1", "protocol-unreachable": "3/2",
	"port-unreachable": "3/3", "fragmentation-needed": "3/4", "source-route-failed": "3/5", "network-unknown": "3/6",
	"host-unknown": "3/7", "network-prohibited": "3/9", "host-prohibited": "3/10", "TOS-network-unreachable": "3/11",
	"TOS-host-unreachable": "3/12", "communication-prohibited": "3/13", "host-precedence-violation": "3/14", "precedence-cutoff": "3/15",
	"source-quench": "4", "redirect": "5", "network-redirect": "5/0", "host-redirect": "5/1", "TOS-network-redirect": "5/2",
	"TOS-host-redirect": "5/3", "echo-request": "8", "ping": "8", "router-advertisement": "9", "router-solicitation": "10",
	"time-exceeded": "11", "ttl-exceeded": "11", "ttl-zero-during-transit": "11/0", "ttl-zero-during-reassembly": "11/1",
	"parameter-problem": "12", "ip-header-bad": "12/0", "required-option-missing": "12/1", "timestamp-request": "13",
	"timestamp-reply": "14", "address-mask-request": "17", "address-mask-reply": "18",
}

// icmpv6Types are the ICMPv6 types, also by their nft names.
var icmpv6Types = map[string]string{
	"destination-unreachable": "1", "no-route": "1/0", "communication-prohibited": "1/1", "beyond-scope": "1/2",
	"address-unreachable": "1/3", "port-unreachable": "1/4", "failed-policy": "1/5", "reject-route": "1/6",
	"packet-too-big": "2", "time-exceeded": "3", "ttl-exceeded": "3", "ttl-zero-during-transit": "3/0",
	"ttl-zero-during-reassembly": "3/1", "parameter-problem": "4", "bad-header": "4/0", "unknown-header-type": "4/1",
	"unknown-option": "4/2", "echo-request": "128", "ping": "128", "echo-reply": "129", "pong": "129",
	"router-solicitation": "133", "nd-router-solicit": "133", "router-advertisement": "134", "nd-router-advert": "134",
	"neighbour-solicitation": "135", "neighbor-solicitation": "135", "nd-neighbor-solicit": "135",
	"neighbour-advertisement": "136", "neighbor-advertisement": "136", "nd-neighbor-advert": "136", "redirect": "137", "nd-redirect": "137",
}
