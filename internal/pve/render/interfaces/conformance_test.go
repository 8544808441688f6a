package interfaces_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/test/conformance"
)

// TestConformance renders the interfaces file of every zone case, and compares
// it with Proxmox's byte for byte.
func TestConformance(t *testing.T) {
	conformance.Zones(t, func(t *testing.T, c *conformance.Case) {
		run, facts, problems := c.Environment(t)
		got, more := pveinterfaces.Render(run, facts)
		if d := cmp.Diff(c.Read(t, "expected_sdn_interfaces"), string(got)); d != "" {
			t.Errorf("(-want +got)\n%s\n%s", d, append(problems, more...))
		}
	})
}
