package e2e

import (
	"strconv"
	"testing"
)

// The manual's "QinQ Setup Example": two customers with the same inner VLAN.
func TestVMQinQ(t *testing.T) {
	needsVM(t)
	for _, tt := range []struct{ name, lab, protocol string }{
		{"aware bridge", "qinq", ""},
		{"aware bridge, 802.1ad", "qinq", "802.1ad"},
		{"plain bridge", "vlan", ""},
		{"plain bridge, 802.1ad", "vlan", "802.1ad"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			qinqExample(t, startedCluster(t, "--file", "../../examples/"+tt.lab+"/lab/lab.yaml"), tt.protocol, 1496)
		})
	}
}

// outerTags are tcpdump's words for the type of the service tag.
var outerTags = map[string]string{"": "802.1Q (0x8100)", "802.1ad": "802.1Q-QinQ (0x88a8)"}

// qinqExample plays the example on whatever bridge the nodes have, whose zones have
// the given MTU.
func qinqExample(t *testing.T, c *cluster, protocol string, mtu int) {
	t.Helper()
	c.run("apply", "-f", "../../examples/qinq")
	if protocol != "" {
		c.run("set", "zone", "qinqzone1", "vlan-protocol="+protocol)
		c.run("set", "zone", "qinqzone2", "vlan-protocol="+protocol)
		c.run("apply")
	}
	c.labRun("guest", "start", "--all")
	c.answers("vm1", "10.0.3.102")
	c.answers("vm3", "10.0.3.104")
	const headers = 28 // of IPv4 and ICMP
	c.answers("vm1", "10.0.3.102", "-M", "do", "-s", strconv.Itoa(mtu-headers))
	c.silent("vm1", "10.0.3.102", "-M", "do", "-s", strconv.Itoa(mtu-headers+1))
	c.proved("vm1 reaches vm2 and vm3 reaches vm4, with packets of %d bytes and no larger ones", mtu)

	for _, pair := range [][2]string{{"vm1", "10.0.3.103"}, {"vm1", "10.0.3.104"}, {"vm2", "10.0.3.103"}, {"vm2", "10.0.3.104"}} {
		c.silent(pair[0], pair[1])
	}
	c.proved("no guest of one customer reaches one of the other, though both use VLAN 100")

	seen := c.tagged("node2", "eth1", func() { c.answers("vm1", "10.0.3.102") }, outerTags[protocol], "vlan 20,", "vlan 100,", "ICMP")
	c.proved("the trunk carries the service tag 20 (%s) around tag 100 (%d frames seen)", outerTags[protocol], seen)
	c.stands()
}
