package frr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

const handmade = `frr version 10.4.1
frr defaults datacenter
! a comment
log syslog informational
ip route 192.0.2.0/24 198.51.100.1
!
router bgp 65000 vrf vrf_z
neighbor 192.0.2.1 remote-as external
! the margin is as good as any
address-family l2vpn evpn
advertise-all-vni
vni 100
rd 1:1
exit-vni
exit
exit
vrf vrf_z
 ip route 0.0.0.0/0 null0
exit-vrf
interface eth0
 description Wow! eth0
ip nht resolve-via-default
route-map A permit 10
exit
router bgp 65001
 address-family ipv4 unicast
  network 10.0.0.0/8
bfd
 peer 10.0.0.2
  shutdown
 exit
 !
 profile fast
 exit
exit
interface eth1
!
 description after a comment
! the end
log file x
line vty
 exec-timeout 5
end
`

func TestParse(t *testing.T) {
	var got strings.Builder
	for _, b := range frr.Parse(handmade) {
		got.WriteString(b.Head + "\n")
		for i, l := range b.Lines {
			if b.Numbers[i] < b.Number {
				t.Errorf("%s: line %d has number %d, the head %d", b.Head, i, b.Numbers[i], b.Number)
			}
			got.WriteString(l + "\n")
		}
		if b.Owner != frr.LocalOwner {
			t.Errorf("%s belongs to %s", b.Head, b.Owner)
		}
	}
	want := `log syslog informational
ip route 192.0.2.0/24 198.51.100.1
router bgp 65000 vrf vrf_z
 neighbor 192.0.2.1 remote-as external
 address-family l2vpn evpn
  advertise-all-vni
  vni 100
   rd 1:1
  exit-vni
 exit-address-family
vrf vrf_z
 ip route 0.0.0.0/0 null0
interface eth0
 description Wow! eth0
ip nht resolve-via-default
route-map A permit 10
router bgp 65001
 address-family ipv4 unicast
  network 10.0.0.0/8
 exit-address-family
bfd
 peer 10.0.0.2
  shutdown
 exit
 profile fast
 exit
interface eth1
 description after a comment
log file x
line vty
 exec-timeout 5
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestParseNumbers(t *testing.T) {
	b := frr.Parse("!\n\ninterface eth0\n\n description x\n!\nlog file y\n")
	if len(b) != 2 || b[0].Number != 3 || b[0].Numbers[0] != 5 || b[1].Number != 7 {
		t.Errorf("%+v", b)
	}
}

// blocks drops the numbers.
func blocks(list []frr.LocalBlock) []desired.FRRBlock {
	var out []desired.FRRBlock
	for _, b := range list {
		out = append(out, b.FRRBlock)
	}
	return out
}

// FuzzParse shows that what was read and written is read again as the same, and
// that no line that says something is lost.
func FuzzParse(f *testing.F) {
	f.Add(handmade)
	f.Add("router bgp 1\n address-family ipv4 unicast\nrouter bgp 2\nexit\nexit\n")
	f.Add("router bgp 1\n address-family x\nexit\nl2vpn 0\nexit\n00")
	f.Add("vni 5\nrouter bgp 1\nvni 5\naddress-family l2vpn evpn\nvni 6\nvni 7\n")
	f.Fuzz(func(t *testing.T, text string) {
		once := blocks(frr.Parse(text))
		again := blocks(frr.Parse(frr.Format(once)))
		if d := cmp.Diff(once, again); d != "" {
			t.Errorf("(-once +again)\n%s", d)
		}
		have := map[string]bool{}
		for _, b := range once {
			have[b.Head] = true
			for _, l := range b.Lines {
				have[strings.TrimSpace(l)] = true
			}
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			framing := line == "" || strings.HasPrefix(line, "exit") || line == "end" || strings.HasPrefix(line, "frr ")
			if !framing && line[0] != '!' && line[0] != '#' && !have[line] {
				t.Errorf("lost %q", line)
			}
		}
	})
}
