package compile

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// A peer needs no source address where the kernel would choose the right one.
func TestConnectedPeers(t *testing.T) {
	own, six := netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd00::1")
	prefixes := func(list ...string) (out []netip.Prefix) {
		for _, p := range list {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	for name, c := range map[string]struct {
		own       netip.Addr
		peer      string
		addresses []netip.Prefix
		routes    []model.FactRoute
		want      bool
	}{
		"neighbour":       {own, "192.168.0.2", prefixes("192.168.0.1/24", "10.0.0.1/8"), nil, true},
		"IPv6 neighbour":  {six, "fd00::2", prefixes("fd00::1/64", "fe80::1/64"), nil, true},
		"far":             {own, "192.168.9.2", prefixes("192.168.0.1/24"), nil, false},
		"loopback":        {own, "192.168.0.2", prefixes("192.168.0.1/32"), nil, false},
		"from elsewhere":  {own, "10.0.0.2", prefixes("192.168.0.1/24", "10.0.0.1/8"), nil, false},
		"two addresses":   {own, "192.168.0.2", prefixes("192.168.0.1/24", "192.168.0.9/24"), nil, false},
		"the network":     {own, "192.168.0.2", prefixes("192.168.0.1/24"), []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Src: own}}, true},
		"another way":     {own, "192.168.0.2", prefixes("192.168.0.1/24"), []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.2/32"), Dev: "eth1"}}, false},
		"another source":  {own, "192.168.0.2", prefixes("192.168.0.1/24"), []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Src: own.Next()}}, false},
		"only by default": {own, "192.168.0.2", prefixes("192.168.0.1/24"), []model.FactRoute{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Src: own.Next()}}, true},
	} {
		n := &node{input: &input{facts: &model.Facts{Interfaces: []model.Interface{{Name: "eth0", Addresses: c.addresses}}, Routes: c.routes}}}
		peer := netip.MustParseAddr(c.peer)
		if got := slices.Contains(n.connected(c.own, []netip.Addr{peer}), peer); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
