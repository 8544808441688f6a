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
// than 300 ms. Others use the machine too, so it is given several tries, and more
// time where starting vtysh, which takes 40 ms alone, takes longer.
func TestLargeConfiguration(t *testing.T) {
	l := newLab(t)
	first, more := vrfs(500), vrfs(501)
	l.apply(first)
	best := func(limit func() time.Duration, f func()) (least, allowed time.Duration) {
		least = time.Hour
		for i := 0; i < 10 && least > allowed; i++ {
			start := time.Now()
			f()
			least, allowed = min(least, time.Since(start)), limit()
		}
		return least, allowed
	}
	start := func(times int, atLeast time.Duration) func() time.Duration {
		return func() time.Duration {
			start := time.Now()
			l.vtysh("show version")
			return max(atLeast, time.Duration(times)*time.Since(start))
		}
	}
	pass := func(want *desired.FRR) int {
		r, err := l.d.Reconcile(context.Background(), &desired.Node{FRR: want}, false)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Changes)
	}
	idle, idleLimit := best(start(4, 150*time.Millisecond), func() { pass(first) })
	one, oneLimit := best(start(8, 300*time.Millisecond), func() {
		if n := pass(more); n == 0 {
			t.Error("nothing changed")
		}
		first, more = more, first
	})
	t.Logf("nothing to do: %v, one VRF: %v", idle, one)
	if idle > idleLimit || one > oneLimit {
		t.Errorf("too slow: nothing to do %v, one VRF %v", idle, one)
	}
}
