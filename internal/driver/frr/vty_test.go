package frr

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A daemon is told lines by itself; what stands below a head that it refuses is
// not given to it, and what comes after is.
func TestADaemonIsTold(t *testing.T) {
	l := newLab(t)
	l.apply(config(evpn, "bfdd", "bgpd"))
	said, err := l.d.configure(context.Background(), "bgpd", []string{
		"router bgp 65099", " bgp router-id 9.9.9.9", " address-family l2vpn evpn", "  no advertise-all-vni", " exit-address-family", "exit",
		"router bgp 65000", " bgp router-id 7.7.7.7", " neighbor 1.2.3.4 peer-group NONE", "exit",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(said.lines) != 2 || said.lines[1] == "" || said.lines[9] == "" {
		t.Errorf("said: %v", said.lines)
	}
	contains(t, l.running(), "bgp router-id 7.7.7.7", "advertise-all-vni")
	lacks(t, l.running(), "9.9.9.9")
}

// What the daemons tell one by one is what vtysh makes of it.
func TestDaemonsTellWhatVtyshShows(t *testing.T) {
	l := newLab(t)
	l.apply(config(evpn+`
ip prefix-list only_default permit 0.0.0.0/0
ip protocol bgp route-map src
route-map src permit 10
 match ip address prefix-list only_default
 set src 192.168.0.1
exit
interface lo
 ip router openfabric fab
 openfabric passive
exit
router openfabric fab
 net 49.0001.1920.0000.2001.00
exit
ip route 10.9.0.0/16 Null0
`, "bfdd", "bgpd", "fabricd"))
	told, err := l.d.readRunning(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	names := func(n *node) (out []string) {
		n.leaves(nil, func(where string, _ []string, _ *node) { out = append(out, where) })
		slices.Sort(out)
		return out
	}
	shown := names(parseRunning(l.running()))
	if d := cmp.Diff(shown, names(told)); d != "" {
		t.Errorf("vtysh shows (-), the daemons tell (+):\n%s", d)
	}
	if len(shown) < 30 {
		t.Errorf("only %d lines: %q", len(shown), shown)
	}
}
