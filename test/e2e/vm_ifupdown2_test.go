package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/health"
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
			// A reload takes an emulated processor half a minute, or several.
			slowly := func(args ...string) {
				c.run(append([]string{"apply", "--no-wait"}, args...)...)
				c.eventually(5*time.Minute, func() error {
					if n := c.node("node1"); !health.InPlace(n.State) || n.Report.Revision != c.status().Revision {
						return fmt.Errorf("node1 is %s", n.State)
					}
					return nil
				})
			}
			slowly("-f", "../../examples/vlan")
			c.labRun("guest", "start", "--all")
			c.answers("vm1", "10.0.3.101")
			c.tagged("node2", "eth1", func() { c.answers("vm1", "10.0.3.101") }, "802.1Q (0x8100)", "vlan 10,", "ICMP")
			c.well("node1")
			if f := c.ownFile("node1"); !strings.Contains(f, tt.stanza) {
				t.Errorf("the file of node1 does not have the VLAN:\n%s", f)
			}
			c.proved("vm1 on node1, where ifupdown2 made the links, reaches vm2 on node2 in VLAN 10")

			sent, lost := c.lossWhile("vm1", "10.0.3.101", func() { c.operatorReloads("node1") })
			if lost > 1 {
				t.Errorf("%d of %d pings were lost while the operator reloaded", lost, sent)
			}
			c.stands()
			c.proved("the operator's own ifreload -a keeps all (%d pings, none lost)", sent)

			c.labRun("guest", "rm", "vm1")
			c.labRun("guest", "rm", "vm2")
			c.run("delete", "vnet", "myvnet1")
			c.run("delete", "zone", "myvlanzone")
			slowly()
			c.stands()
			for name := range c.links("node1") {
				if strings.Contains(name, "myvnet1") || strings.HasSuffix(name, ".10") || strings.HasSuffix(name, "v10") {
					t.Errorf("the deleted VNet left interface %s", name)
				}
			}
			c.proved("what was deleted left nothing behind")
		})
	}
}
