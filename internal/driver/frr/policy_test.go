package frr

import (
	"strings"
	"testing"
)

// policy has every command of route maps that the model knows, besides a list of
// communities.
const policy = `router bgp 65000
 bgp router-id 192.168.0.1
 neighbor VTEP peer-group
 neighbor VTEP remote-as 65000
 address-family l2vpn evpn
  neighbor VTEP activate
  neighbor VTEP route-map MAP_OUT out
 exit-address-family
bgp extcommunity-list expanded pve_controller_c seq 5 permit _RT:[0-9.]+:10100_
bgp extcommunity-list expanded pve_controller_c seq 10 permit _RT:65000:1_
bgp extcommunity-list standard pve_controller_none seq 5 deny rt 0:0
ip prefix-list four seq 5 permit 10.0.0.0/8 ge 24 le 32
ipv6 prefix-list four seq 10 deny fd00::/8 le 64
route-map MAP_OUT permit 1
 match extcommunity pve_controller_c
 call user
route-map user permit 10
 match evpn route-type macip
 match evpn vni 10100
 match ip address prefix-list four
 match ipv6 address prefix-list four
 match ip next-hop prefix-list four
 match ipv6 next-hop prefix-list four
 match metric 5
 match local-preference 6
 match peer 192.168.0.2
 match tag 7
 set ip next-hop 192.168.0.3
 set ipv6 next-hop global fd00::3
 set local-preference +50
 set tag 8
 set weight 9
 set metric -10
 set src 192.168.0.4
 on-match goto 30
route-map user deny 20
 match ip next-hop address 192.168.0.5
 match ipv6 next-hop address fd00::5
route-map user permit 30
 set ip next-hop unchanged
 set ipv6 next-hop prefer-global
 set metric rtt
`

// Route maps and what they refer to change as everything else does: every value
// of a command takes the place of the one before.
func TestPolicies(t *testing.T) {
	l := newLab(t)
	l.apply(config(policy, "bfdd", "bgpd"))
	for _, change := range [][2]string{
		{"seq 5 permit _RT:[0-9.]+:10100_", "seq 5 permit _RT:[0-9.]+:10200_"},
		{"standard pve_controller_none seq 5 deny rt 0:0", "expanded pve_controller_none seq 5 permit _RT:[0-9.]+:9_"},
		{"ge 24 le 32", "ge 25"},
		{"extcommunity pve_controller_c\n", "extcommunity pve_controller_none\n"},
		{"call user", "call other"},
		{"route-type macip", "route-type multicast"},
		{"vni 10100", "vni 10200"},
		{"match ip next-hop prefix-list four", "match ip next-hop prefix-list five"},
		{"match ipv6 next-hop prefix-list four", "match ipv6 next-hop prefix-list five"},
		{"match metric 5", "match metric 50"},
		{"local-preference 6", "local-preference 60"},
		{"peer 192.168.0.2", "peer eth0"},
		{"match tag 7", "match tag 70"},
		{"next-hop 192.168.0.3", "next-hop peer-address"},
		{"global fd00::3", "global fd00::33"},
		{"preference +50", "preference -50"},
		{"set tag 8", "set tag 80"},
		{"weight 9", "weight 90"},
		{"metric -10", "metric 10"},
		{"src 192.168.0.4", "src 192.168.0.44"},
		{"goto 30", "next"},
		{"user deny 20", "user permit 20"},
		{"address fd00::5", "address fd00::55"},
		{"next-hop unchanged", "next-hop peer-address"},
		{"next-hop prefer-global", "next-hop peer-address"},
		{"route-map user permit 30", "route-map user permit 40"},
	} {
		t.Run(change[1], func(t *testing.T) {
			text := strings.Replace(policy, change[0], change[1], 1)
			if text == policy {
				t.Fatalf("%q is not there", change[0])
			}
			l.t = t
			l.apply(config(text, "bfdd", "bgpd"))
			l.apply(config(policy, "bfdd", "bgpd"))
		})
	}
	l.t = t
}
