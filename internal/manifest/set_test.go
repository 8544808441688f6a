package manifest

import (
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Every zone may have the same network: a subnet that a manifest writes by its
// network is that of its VNet's zone, and of no other.
func TestFindKeepsZonesApart(t *testing.T) {
	const subnet = "kind: subnet\nid: 10.0.1.0/24\nvnet: va\n"
	for _, tc := range []struct {
		name, manifest string
		zones          map[string]string
		found, missed  string
	}{
		{"the VNet is declared", "kind: vnet\nid: va\nzone: za\n---\n" + subnet, nil, "za-10.0.1.0-24", "zb-10.0.1.0-24"},
		{"the VNet is elsewhere", subnet, map[string]string{"va": "za", "vb": "zb"}, "za-10.0.1.0-24", "zb-10.0.1.0-24"},
		{"no such network", subnet, map[string]string{"va": "za"}, "za-10.0.1.0-24", "za-10.0.2.0-24"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Load([]string{"-"}, strings.NewReader(tc.manifest))
			if err != nil {
				t.Fatal(err)
			}
			if tc.zones != nil {
				set.KnowZones(tc.zones)
			}
			if set.Find(model.KindSubnet, tc.found) == nil {
				t.Errorf("%s is not found", tc.found)
			}
			if o := set.Find(model.KindSubnet, tc.missed); o != nil {
				t.Errorf("%s is taken for %+v", tc.missed, o)
			}
		})
	}
}
