package frr

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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

// TestLargeConfiguration holds the driver to its figures: with 500 VRFs a pass
// with nothing to do takes less than 150 ms, one that adds or removes a VRF less
// than 300 ms. Others use the machine too, so it is given several tries.
func TestLargeConfiguration(t *testing.T) {
	l := newLab(t)
	first, more := vrfs(500), vrfs(501)
	l.apply(first)
	best := func(limit time.Duration, f func()) time.Duration {
		least := time.Hour
		for i := 0; i < 20 && least > limit; i++ {
			start := time.Now()
			f()
			least = min(least, time.Since(start))
		}
		return least
	}
	pass := func(want *desired.FRR) int {
		r, err := l.d.Reconcile(context.Background(), &desired.Node{FRR: want}, false)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Changes)
	}
	const idleLimit, changeLimit = 150 * time.Millisecond, 300 * time.Millisecond
	idle := best(idleLimit, func() { pass(first) })
	one := best(changeLimit, func() {
		if n := pass(more); n == 0 {
			t.Error("nothing changed")
		}
		first, more = more, first
	})
	t.Logf("nothing to do: %v, one VRF: %v", idle, one)
	if idle > idleLimit || one > changeLimit {
		t.Errorf("too slow: nothing to do %v, one VRF %v", idle, one)
	}
}
