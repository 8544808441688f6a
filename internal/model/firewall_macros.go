package model

import (
	"cmp"
	"slices"
	"strings"
)

// Macro is a name for protocols and ports (Proxmox VE manual, "Firewall Macro Definitions"); a
// rule with it matches any of the parts.
type Macro struct {
	Name, Doc string
	// parts has a word for each part: "tcp/80" is a protocol and its destination
	// ports, or for ICMP the type of message, "udp/67:68<67:68" has source ports
	// too, "47" is a protocol alone.
	parts string
}

// Matches returns the macro's parts in the form of rules.
func (m *Macro) Matches() []FirewallRule {
	var out []FirewallRule
	for word := range strings.FieldsSeq(m.parts) {
		var r FirewallRule
		word, r.Sport, _ = strings.Cut(word, "<")
		r.Proto, r.Dport, _ = strings.Cut(word, "/")
		if r.Proto == "icmp" || r.Proto == "icmpv6" {
			r.ICMPType, r.Dport = r.Dport, ""
		}
		out = append(out, r)
	}
	return out
}

// Macros returns all macros, sorted by name.
func Macros() []Macro { return slices.Clone(macros) }

// FindMacro finds a macro by its case-insensitive name.
func FindMacro(name string) (Macro, bool) {
	i, ok := slices.BinarySearchFunc(macros, strings.ToLower(name), func(m Macro, name string) int {
		return cmp.Compare(strings.ToLower(m.Name), name)
	})
	if !ok {
		return Macro{}, false
	}
	return macros[i], true
}

// macros are sorted by their names in lower case.
var macros = []Macro{
	{"Amanda", "Amanda, a backup", "udp/10080 tcp/10080"},
	{"Auth", "Ident, who owns a connection", "tcp/113"},
	{"BGP", "Border Gateway Protocol", "tcp/179"},
	{"BitTorrent", "BitTorrent up to release 3.1", "tcp/6881:6889 udp/6881"},
	{"BitTorrent32", "BitTorrent from release 3.2 on", "tcp/6881:6999 udp/6881"},
	{"Ceph", "Ceph: monitors, OSDs and metadata servers", "tcp/6789 tcp/3300 tcp/6800:7300"},
	{"Citrix", "Citrix: ICA, its browser, CGP", "tcp/1494 udp/1604 tcp/2598"},
	{"CVS", "Concurrent Versions System", "tcp/2401"},
	{"DAAP", "Digital Audio Access Protocol", "tcp/3689 udp/3689"},
	{"DCC", "Distributed Checksum Clearinghouse, against spam", "tcp/6277"},
	{"DHCPfwd", "DHCP that is forwarded", "udp/67:68<67:68"},
	{"DHCPv6", "DHCP for IPv6", "udp/546:547<546:547"},
	{"Distcc", "Distributed compiler", "tcp/3632"},
	{"DNS", "Domain Name System", "udp/53 tcp/53"},
	{"Finger", "Finger, RFC 742", "tcp/79"},
	{"FTP", "File Transfer Protocol", "tcp/21"},
	{"Git", "Git's own protocol", "tcp/9418"},
	{"GNUnet", "GNUnet, from peer to peer", "tcp/2086 udp/2086 tcp/1080 udp/1080"},
	{"GRE", "Generic Routing Encapsulation", "47"},
	{"HKP", "Servers of OpenPGP keys", "tcp/11371"},
	{"HTTP", "Web", "tcp/80"},
	{"HTTP/3", "Web over QUIC", "udp/443"},
	{"HTTPS", "Web over TLS", "tcp/443"},
	{"ICPV2", "Internet Cache Protocol 2", "udp/3130"},
	{"ICQ", "ICQ, messages", "tcp/5190"},
	{"IMAP", "Reading mail by IMAP", "tcp/143"},
	{"IMAPS", "Reading mail by IMAP over TLS", "tcp/993"},
	{"IPIP", "IP in IP", "94"},
	{"IPsec", "IPsec with ESP", "udp/500<500 50"},
	{"IPsecah", "IPsec with AH", "udp/500<500 51"},
	{"IPsecnat", "IPsec through NAT", "udp/500 udp/4500 50"},
	{"IRC", "Internet Relay Chat", "tcp/6667"},
	{"Jetdirect", "Printing by HP Jetdirect", "tcp/9100"},
	{"L2TP", "Layer 2 Tunneling Protocol", "udp/1701"},
	{"LDAP", "Directories by LDAP", "tcp/389"},
	{"LDAPS", "Directories by LDAP over TLS", "tcp/636"},
	{"Mail", "Sending mail: SMTP, over TLS, submission", "tcp/25 tcp/465 tcp/587"},
	{"MDNS", "Multicast DNS", "udp/5353"},
	{"MSNP", "Microsoft Notification Protocol", "tcp/1863"},
	{"MSSQL", "Microsoft SQL Server", "tcp/1433"},
	{"Munin", "Munin, a monitor", "tcp/4949"},
	{"MySQL", "MySQL and MariaDB", "tcp/3306"},
	{"NeighborDiscovery", "IPv6 neighbours and routers", "icmpv6/router-solicitation icmpv6/router-advertisement icmpv6/neighbour-solicitation icmpv6/neighbour-advertisement"},
	{"NNTP", "Usenet", "tcp/119"},
	{"NNTPS", "Usenet over TLS", "tcp/563"},
	{"NTP", "Network Time Protocol", "udp/123"},
	{"OpenVPN", "OpenVPN", "udp/1194"},
	{"OSPF", "Open Shortest Path First", "89"},
	{"PBS", "Proxmox Backup Server", "tcp/8007"},
	{"PCA", "pcAnywhere", "udp/5632 tcp/5631"},
	{"Ping", "ICMP echo requests", "icmp/echo-request icmpv6/echo-request"},
	{"PMG", "Web interface of Proxmox Mail Gateway", "tcp/8006"},
	{"POP3", "Reading mail by POP", "tcp/110"},
	{"POP3S", "Reading mail by POP over TLS", "tcp/995"},
	{"PostgreSQL", "PostgreSQL", "tcp/5432"},
	{"PPtP", "Point-to-Point Tunneling Protocol", "47 tcp/1723"},
	{"Printer", "Printing by LPD", "tcp/515"},
	{"Razor", "Razor, against spam", "tcp/2703"},
	{"Rdate", "Time by rdate", "tcp/37"},
	{"RDP", "Remote Desktop Protocol", "tcp/3389"},
	{"RIP", "Routing Information Protocol", "udp/520"},
	{"RNDC", "BIND's remote control", "tcp/953"},
	{"Rsync", "rsync's own server", "tcp/873"},
	{"SANE", "Scanning over the network", "tcp/6566"},
	{"SixXS", "SixXS, a broker of IPv6 tunnels", "tcp/3874 udp/3740 41 udp/5072,8374"},
	{"SMB", "Windows file sharing", "udp/135,445 udp/137:139 udp/1024:65535<137 tcp/135,139,445"},
	{"SMBswat", "Samba's web administration", "tcp/901"},
	{"SMTP", "Sending mail", "tcp/25"},
	{"SMTPS", "Sending mail over TLS", "tcp/465"},
	{"SNMP", "Simple Network Management Protocol", "udp/161:162 tcp/161"},
	{"SPAMD", "SpamAssassin's server", "tcp/783"},
	{"SPICEproxy", "Displays of Proxmox VE by SPICE", "tcp/3128"},
	{"Squid", "Squid, a web proxy", "tcp/3128"},
	{"SSH", "Secure shell", "tcp/22"},
	{"Submission", "Submission of mail", "tcp/587"},
	{"SVN", "Subversion", "tcp/3690"},
	{"Syslog", "Syslog, RFC 5424", "udp/514 tcp/514"},
	{"Telnet", "Telnet", "tcp/23"},
	{"Telnets", "Telnet over TLS", "tcp/992"},
	{"TFTP", "Trivial File Transfer Protocol", "udp/69"},
	{"Time", "Time, RFC 868", "tcp/37"},
	{"Trcrt", "Traceroute of up to 30 hops", "udp/33434:33524 icmp/echo-request icmpv6/echo-request"},
	{"VNC", "VNC, displays 0 to 99", "tcp/5900:5999"},
	{"VNCL", "VNC, to a viewer that listens", "tcp/5500"},
	{"Web", "Web, with and without TLS", "tcp/80 tcp/443"},
	{"Webcache", "Web proxies on port 8080", "tcp/8080"},
	{"Webmin", "Webmin", "tcp/10000"},
	{"Whois", "Whois, RFC 3912", "tcp/43"},
}
