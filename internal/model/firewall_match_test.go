package model

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The numbers are IANA's, "Assigned Internet Protocol Numbers".
func TestParseProtocol(t *testing.T) {
	for text, want := range map[string]int{
		"icmp": 1, "ICMP": 1, "tcp": 6, "TCP": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89,
		"vrrp": 112, "sctp": 132, "udplite": 136, "0": 0, "6": 6, "255": 255,
		"256": -1, "-1": -1, "+6": -1, "": -1, "tpc": -1, "6 ": -1, "0x6": -1, "1_0": -1,
	} {
		got, ok := ParseProtocol(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v, want %d", text, got, ok, want)
		}
	}
}

// TCP, UDP, DCCP, SCTP and UDP-Lite have their ports in the first four bytes.
func TestHasPorts(t *testing.T) {
	for protocol := range 256 {
		if got, want := HasPorts(protocol), slices.Contains([]int{6, 17, 33, 132, 136}, protocol); got != want {
			t.Errorf("%d: %v", protocol, got)
		}
	}
}

// Fifteen ports are the most that a rule of Proxmox VE has.
func TestMostPorts(t *testing.T) {
	if got, ok := ParsePorts("1,3,5,7,9,11,13,15,17,19,21,23,25,27,29"); !ok || len(got) != 15 {
		t.Errorf("15 ports: %v %v", got, ok)
	}
	if got, ok := ParsePorts("1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31"); ok {
		t.Errorf("16 ports: %v", got)
	}
}

// The types and codes are IANA's, "Internet Control Message Protocol (ICMP) Parameters" and
// "Internet Control Message Protocol version 6 (ICMPv6) Parameters"; the names are those of
// iptables and ip6tables (-p icmp -h), and of nft. A name of a type alone means every code.
func TestParseICMPType(t *testing.T) {
	const every = -1
	for protocol, types := range map[int]map[string]ICMPType{
		ProtoICMP: {
			"echo-reply": {0, every}, "pong": {0, every}, "destination-unreachable": {3, every}, "network-unreachable": {3, 0},
			"host-unreachable": {3, 1}, "protocol-unreachable": {3, 2}, "port-unreachable": {3, 3}, "fragmentation-needed": {3, 4},
			"source-route-failed": {3, 5}, "network-unknown": {3, 6}, "host-unknown": {3, 7}, "network-prohibited": {3, 9},
			"host-prohibited": {3, 10}, "TOS-network-unreachable": {3, 11}, "TOS-host-unreachable": {3, 12}, "communication-prohibited": {3, 13},
			"host-precedence-violation": {3, 14}, "precedence-cutoff": {3, 15}, "source-quench": {4, every}, "redirect": {5, every},
			"network-redirect": {5, 0}, "host-redirect": {5, 1}, "TOS-network-redirect": {5, 2}, "TOS-host-redirect": {5, 3},
			"echo-request": {8, every}, "ping": {8, every}, "router-advertisement": {9, every}, "router-solicitation": {10, every},
			"time-exceeded": {11, every}, "ttl-exceeded": {11, every}, "ttl-zero-during-transit": {11, 0}, "ttl-zero-during-reassembly": {11, 1},
			"parameter-problem": {12, every}, "ip-header-bad": {12, 0}, "required-option-missing": {12, 1}, "timestamp-request": {13, every},
			"timestamp-reply": {14, every}, "address-mask-request": {17, every}, "address-mask-reply": {18, every},
		},
		ProtoICMPv6: {
			"destination-unreachable": {1, every}, "no-route": {1, 0}, "communication-prohibited": {1, 1}, "beyond-scope": {1, 2},
			"address-unreachable": {1, 3}, "port-unreachable": {1, 4}, "failed-policy": {1, 5}, "reject-route": {1, 6},
			"packet-too-big": {2, every}, "time-exceeded": {3, every}, "ttl-exceeded": {3, every}, "ttl-zero-during-transit": {3, 0},
			"ttl-zero-during-reassembly": {3, 1}, "parameter-problem": {4, every}, "bad-header": {4, 0}, "unknown-header-type": {4, 1},
			"unknown-option": {4, 2}, "echo-request": {128, every}, "ping": {128, every}, "echo-reply": {129, every}, "pong": {129, every},
			"router-solicitation": {133, every}, "nd-router-solicit": {133, every}, "router-advertisement": {134, every}, "nd-router-advert": {134, every},
			"neighbour-solicitation": {135, every}, "neighbor-solicitation": {135, every}, "nd-neighbor-solicit": {135, every},
			"neighbour-advertisement": {136, every}, "neighbor-advertisement": {136, every}, "nd-neighbor-advert": {136, every},
			"redirect": {137, every}, "nd-redirect": {137, every},
		},
	} {
		if d := cmp.Diff(sortedKeys(types), ICMPTypeNames(protocol)); d != "" {
			t.Errorf("names of protocol %d (-want +got):\n%s", protocol, d)
		}
		for name, want := range types {
			if got, ok := ParseICMPType(name, protocol); !ok || got == nil || *got != want {
				t.Errorf("%s of protocol %d: %v %v, want %v", name, protocol, got, ok, want)
			}
		}
		for text, want := range map[string]*ICMPType{
			"0": {0, every}, "255": {255, every}, "3/0": {3, 0}, "3/255": {3, 255},
			"256": nil, "-1": nil, "+1": nil, "3/": nil, "3/256": nil, "3/-1": nil, "/1": nil, "": nil, "x": nil, "x/1": nil, "3/x": nil, "3/1/1": nil, "redirect/0": nil,
		} {
			if got, ok := ParseICMPType(text, protocol); ok != (want != nil) || ok && *got != *want {
				t.Errorf("%q: %v %v, want %v", text, got, ok, want)
			}
		}
		if got, ok := ParseICMPType("any", protocol); got != nil || !ok {
			t.Errorf("any: %v %v", got, ok)
		}
	}
}

// The limit and its default are Proxmox VE's (log_ratelimit of the cluster's firewall).
func TestParseLogRateLimit(t *testing.T) {
	for text, want := range map[string]*LogRateLimit{
		"": {true, 1, "second", 5}, "0": {false, 1, "second", 5}, "1": {true, 1, "second", 5}, "enable=0": {false, 1, "second", 5},
		"1,rate=10/minute": {true, 10, "minute", 5}, "enable=1, burst=0": {true, 1, "second", 0}, "burst=1000000": {true, 1, "second", 1000000},
		"rate=999999/day,burst=7": {true, 999999, "day", 7},
		"2":                       nil, "enable=yes": nil, "rate=0/second": nil, "rate=10": nil, "rate=1/week": nil, "rate=1000000/hour": nil,
		"burst=-1": nil, "burst=1000001": nil, "burst=x": nil, "burst": nil, "1,0": nil, "speed=1": nil, ",": nil,
	} {
		got, err := ParseLogRateLimit(text)
		if (err == nil) != (want != nil) || err == nil && got != *want {
			t.Errorf("%q: %+v %v, want %+v", text, got, err, want)
		}
	}
}
