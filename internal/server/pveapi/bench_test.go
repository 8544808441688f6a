package pveapi_test

import (
	"fmt"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/pveapi"
)

// BenchmarkEncode writes the list of as many VNets as the figures speak of.
func BenchmarkEncode(b *testing.B) {
	var list []schema.Object
	for i := range 10_000 {
		list = append(list, schema.Object{
			"vnet": fmt.Sprintf("vnet%d", i), "zone": "zone1", "type": "vnet", "tag": int64(i), "alias": "a line of text",
			"vlanaware": int64(1), "digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		})
	}
	for b.Loop() {
		if _, err := pveapi.Encode(list); err != nil {
			b.Fatal(err)
		}
	}
}
