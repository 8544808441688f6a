package frr_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/render/frr"
)

// generated is a configuration that a local file is merged with.
const generated = `router bgp 65000
 bgp router-id 10.0.0.1
 neighbor VTEP peer-group
 address-family l2vpn evpn
  neighbor VTEP activate
  vni 100
   route-target import 1:100
  exit-vni
 exit-address-family
exit
route-map MAP_VTEP_OUT permit 1
exit
route-map pve_bgp permit 65535
exit
ip protocol bgp route-map correct_src
`

func TestComplete(t *testing.T) {
	added, err := frr.Complete(blocks(frr.Parse(generated)), `
password secret!
ip protocol bgp route-map correct_src
router bgp 65000
 neighbor VTEP peer-group
 neighbor 192.0.2.1 remote-as 65001
 address-family l2vpn evpn
  neighbor VTEP activate
 exit-address-family
 address-family ipv4 unicast
  network 10.0.0.0/8
 exit-address-family
exit
route-map MAP_VTEP_OUT deny 1
 match tag 5
exit
route-map MINE permit 30
 on-match goto 40
exit
route-map MAP_VTEP_OUT permit 7
exit
router bgp 65001
 timers bgp 3 9
exit
router bgp 65001 vrf other
exit
route-map pve_bgp permit 5
exit
`)
	want := `password secret!
router bgp 65000
 neighbor 192.0.2.1 remote-as 65001
 address-family ipv4 unicast
  network 10.0.0.0/8
 exit-address-family
exit
route-map MAP_VTEP_OUT deny 2
 match tag 5
exit
route-map MINE permit 30
 on-match goto 40
exit
route-map MAP_VTEP_OUT permit 3
exit
router bgp 65001 vrf other
exit
`
	if d := cmp.Diff(want, frr.Format(blocks(added))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	var one *frr.LocalError
	if !errors.As(err, &one) || one.Line != 22 || one.Text != "router bgp 65001" {
		t.Errorf("first error %+v of %v", one, err)
	}
	told := `frr.conf.local:22: "router bgp 65001" names another AS number than the node's router, which is 65000
frr.conf.local:27: "route-map pve_bgp permit 5" adds to a route map that Viaduct makes and that is full; choose another name`
	if err == nil || err.Error() != told {
		t.Errorf("errors:\n%v", err)
	}
}

// A file that only repeats the configuration adds nothing, but for what is said
// of a single VNI, which is never taken apart.
func TestCompleteRepeats(t *testing.T) {
	added, err := frr.Complete(blocks(frr.Parse(generated)), "router bgp 65000\n bgp router-id 10.0.0.1\n"+
		" address-family l2vpn evpn\n  neighbor VTEP activate\n exit-address-family\nexit\nip protocol bgp route-map correct_src\n")
	if err != nil || len(added) > 0 {
		t.Errorf("%+v, %v", added, err)
	}
	if added, err := frr.Complete(nil, ""); err != nil || added != nil {
		t.Errorf("nothing: %+v, %v", added, err)
	}
}

// FuzzComplete shows that whatever an operator writes is taken: every block has a
// head, and every line its number.
func FuzzComplete(f *testing.F) {
	f.Add(handmade)
	f.Add(generated)
	f.Fuzz(func(t *testing.T, local string) {
		list, err := frr.Complete(blocks(frr.Parse(generated)), local)
		for _, b := range list {
			if b.Head == "" || len(b.Lines) != len(b.Numbers) {
				t.Errorf("%+v, %v", b, err)
			}
		}
	})
}
