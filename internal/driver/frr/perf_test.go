package frr

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
)

// vrfs is a configuration with that many VRFs.
func vrfs(n int) *desired.FRR {
	var b strings.Builder
	b.WriteString(evpn)
	for i := range n {
		fmt.Fprintf(&b, `vrf vrf_%d
 vni %d
exit-vrf
router bgp 65000 vrf vrf_%d
 bgp router-id 192.168.0.1
 no bgp hard-administrative-reset
 no bgp graceful-restart notification
 address-family ipv4 unicast
  redistribute connected
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
 exit-address-family
 address-family l2vpn evpn
  advertise ipv4 unicast
  advertise ipv6 unicast
 exit-address-family
exit
`, i, 10000+i, i)
	}
	return config(b.String(), "bfdd", "bgpd")
}

// With 500 VRFs a pass with nothing to do changes nothing, and one that adds or removes
// a VRF changes that alone; test/bench/evpn has how fast.
func TestLargeConfiguration(t *testing.T) {
	l := newLab(t)
	first, more := vrfs(500), vrfs(501)
	l.apply(first)
	pass := func(want *desired.FRR) int {
		r, err := l.d.Reconcile(context.Background(), &desired.Space{FRR: want}, false)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Changes)
	}
	if n := pass(first); n != 0 {
		t.Errorf("nothing was to do, and %d changes were made", n)
	}
	added := pass(more)
	if removed := pass(first); added == 0 || removed == 0 || added > 20 || removed > 20 {
		t.Errorf("one VRF more took %d changes, one less %d", added, removed)
	}
}
