package ifupdown_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/ifupdown"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pvesdn"
)

// FuzzRender shows that no configuration puts a line into the file that is not
// one of those it may have: ifupdown2 runs some of them as root.
func FuzzRender(f *testing.F) {
	f.Add(`{"version":1,"zones":{"ids":{"z":{"type":"simple"},"x":{"type":"vxlan","peers":"::1,10.0.0.1"}}},
		"vnets":{"ids":{"v":{"zone":"z","alias":"a","mac":"BC:24:11:00:00:01"},"w":{"zone":"x","tag":1,"vlanaware":1}}},
		"subnets":{"ids":{"z-10.0.0.1-32":{"vnet":"v","gateway":"10.0.0.1","snat":1}}}}`)
	f.Add("{\"version\":1,\"zones\":{\"ids\":{\"z\":{\"type\":\"simple\"}}},\"vnets\":{\"ids\":{\"v\":{\"zone\":\"z\",\"alias\":\"a\\u0085up reboot\"}}}}")
	facts := &model.Facts{Node: "n", Routes: []model.FactRoute{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Dev: "eth0", Src: netip.MustParseAddr("192.0.2.1")},
	}}
	starts := []string{
		"\taddress ", "\tup ip route add ", "\tpost-up iptables -t ", "\tpost-down iptables -t ", "\thwaddress ", "\tbridge_ports ", "\tbridge_stp off",
		"\tbridge_fd 0", "\tbridge-vlan-aware yes", "\tbridge-vids 2-4094", "\tmtu ", "\talias ", "\tip-forward on", "\tip6-forward on",
		"\tvxlan-id ", "\tvxlan_remoteip ", "\tvxlan-port ", "auto ", "iface ", "#version:",
	}
	f.Fuzz(func(t *testing.T, input string) {
		run, _, err := pvesdn.Parse([]byte(input))
		if err != nil {
			return
		}
		text, _ := ifupdown.Render(run, facts)
		for line := range strings.Lines(string(text)) {
			known := line == "\n"
			for _, s := range starts {
				known = known || strings.HasPrefix(line, s)
			}
			if !known || !strings.Contains(line, "\talias ") && strings.ContainsAny(line, ";&|`$<>") {
				t.Errorf("line %q of\n%s", line, text)
			}
		}
	})
}
