package e2e

import (
	"os"
	"strings"
	"testing"
)

// The manual's "VLAN Setup Example" where ifupdown2 makes the links of one node.
func TestVMIfupdown2(t *testing.T) {
	needsVM(t)
	for _, tt := range []struct{ name, lab, stanza string }{
		{"plain bridge", "vlan", "iface eth1.10\n\tvlan-raw-device eth1\n\tvlan-id 10\n"},
		{"aware bridge", "qinq", "iface vmbr0.10\n\tvlan-raw-device vmbr0\n\tvlan-id 10\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := os.ReadFile("../../examples/" + tt.lab + "/lab/lab.yaml")
			if err != nil {
				t.Fatal(err)
			}
			c := ifupdown2Cluster(t, strings.Replace(string(b), "  bridges:", "  ifupdown2: true\n  bridges:", 1))
			vlanExample(t, c)
			c.well("node1")
			if f := c.ownFile("node1"); !strings.Contains(f, tt.stanza) {
				t.Errorf("the file of node1 does not have the VLAN:\n%s", f)
			}
			c.proved("ifupdown2 made the VLAN's links")

			sent, lost := c.lossWhile("vm1", "10.0.3.101", func() { c.operatorReloads("node1") })
			if lost > 1 {
				t.Errorf("%d of %d pings were lost while the operator reloaded", lost, sent)
			}
			c.stands()
			c.proved("the operator's own ifreload -a keeps all (%d pings, none lost)", sent)
		})
	}
}
