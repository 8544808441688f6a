package routing

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// FRR has words for every key that the model lets pass.
func TestEveryKeyHasWords(t *testing.T) {
	keys := func(m map[string]model.ClauseValue) []string { return slices.Sorted(maps.Keys(m)) }
	if d := cmp.Diff(keys(model.MatchKeys), slices.Sorted(maps.Keys(matchWords))); d != "" {
		t.Errorf("match (-model +FRR)\n%s", d)
	}
	if d := cmp.Diff(keys(model.SetKeys), slices.Sorted(maps.Keys(setWords))); d != "" {
		t.Errorf("set (-model +FRR)\n%s", d)
	}
}

// The node's router has one AS number, whichever its controllers have.
func TestRouterASN(t *testing.T) {
	evpn := func(asn uint32, mode model.BGPMode) Controller { return EVPN{ID: string(mode), ASN: asn, Mode: mode} }
	for name, c := range map[string]struct {
		bgp            uint32
		controllers    []Controller
		proxmox, stock uint32
	}{
		"none":                          {},
		"evpn":                          {0, []Controller{evpn(1, "")}, 1, 1},
		"bgp":                           {9, []Controller{BGP{ASN: 9, EBGP: true}}, 9, 9},
		"as the bgp controller":         {9, []Controller{evpn(1, ""), BGP{ASN: 9, EBGP: true}}, 9, 9},
		"as itself beside a bgp one":    {9, []Controller{evpn(1, model.ModeInternal), BGP{ASN: 9, EBGP: true}}, 1, 1},
		"outside":                       {0, []Controller{evpn(1, model.ModeExternal), evpn(2, model.ModeInternal)}, 1, 2},
		"iBGP needs the router's":       {9, []Controller{evpn(1, model.ModeInternal), evpn(2, model.ModeAuto), BGP{ASN: 9, EBGP: true}}, 9, 1},
		"a bgp controller that is iBGP": {9, []Controller{evpn(1, model.ModeExternal), BGP{ASN: 9}}, 1, 9},
	} {
		i := &Intent{BGPASN: c.bgp, Controllers: c.controllers}
		stock := i.RouterASN()
		i.Dialect = Proxmox()
		if got := i.RouterASN(); got != c.proxmox || stock != c.stock {
			t.Errorf("%s: %d and %d, want %d and %d", name, got, stock, c.proxmox, c.stock)
		}
	}
}
