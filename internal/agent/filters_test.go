package agent

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/linux/foreign"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// A filter is told once for a zone, with what it drops, of whom, and how to let it pass.
func TestFiltersThatDropAreTold(t *testing.T) {
	cfg := &model.Config{VNets: map[string]*model.VNet{"vnet1": {ID: "vnet1", Zone: "z"}, "vnet2": {ID: "vnet2", Zone: "z"}, "flat": {ID: "flat", Zone: "x"}}}
	want := &desired.Node{Space: desired.Space{Addresses: []desired.Address{
		{Link: "vnet1", Prefix: netip.MustParsePrefix("10.0.1.1/24")}, {Link: "vnet2", Prefix: netip.MustParsePrefix("10.0.2.1/24")},
		{Link: "flat", Prefix: netip.MustParsePrefix("169.254.67.67/32")},
	}}}
	for _, name := range []string{"flat", "vnet1", "vnet2", "tunnel"} {
		want.Links = append(want.Links, desired.Link{Name: name, Kind: desired.LinkBridge})
	}
	const docker = `{"nftables":[{"chain":{"family":"ip","table":"filter","name":"FORWARD","hook":"forward","policy":"drop"}},{"chain":{"family":"ip","table":"filter","name":"DOCKER-USER"}}]}`
	for name, c := range map[string]struct {
		listing string
		through bridged
		want    []string
	}{
		"nothing": {`{"nftables":[]}`, bridged{true, true}, nil},
		"routed": {docker, bridged{}, []string{
			"zone/z: chain FORWARD of table ip filter, which is not Viaduct's (policy drop), drops what the node routes for guests of vnet1, vnet2: Docker made it: let it pass for each, " +
				"iptables -I DOCKER-USER -i vnet1 -j ACCEPT; iptables -I DOCKER-USER -o vnet1 -j ACCEPT",
		}},
		"bridged": {docker, bridged{four: true}, []string{
			"zone/x: chain FORWARD of table ip filter, which is not Viaduct's (policy drop), drops what guests of flat send each other, since frames of bridges pass it: " +
				"sysctl -w net.bridge.bridge-nf-call-iptables=0, and in /etc/sysctl.d",
			"zone/z: drops what guests of vnet1, vnet2 send each other", "zone/z: drops what the node routes",
		}},
		"of another family": {docker, bridged{six: true}, []string{"zone/z: drops what the node routes"}},
		"frames": {`{"nftables":[{"chain":{"family":"bridge","table":"t","name":"c","hook":"forward","policy":"drop"}}]}`, bridged{}, []string{
			"zone/x: drops frames between guests of flat: let them pass, or remove it (nft list chain bridge t c)", "zone/z: drops frames between guests of vnet1, vnet2",
		}},
		"nftables": {`{"nftables":[{"chain":{"family":"inet","table":"fw","name":"fwd","hook":"forward","policy":"accept"}},{"rule":{"family":"inet","table":"fw","chain":"fwd","expr":[{"drop":null}]}}]}`, bridged{}, []string{
			"zone/z: (by a rule), drops what the node routes for guests of vnet1, vnet2: let it pass for each, nft insert rule inet fw fwd iifname vnet1 accept; nft insert rule inet fw fwd oifname vnet1 accept",
		}},
	} {
		var rules foreign.Ruleset
		if err := rules.Add([]byte(c.listing)); err != nil {
			t.Fatal(err)
		}
		got := droppedTraffic(&rules, cfg, want, c.through)
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, o := range got {
			object, text, _ := strings.Cut(c.want[i], ": ")
			if o.Object != object || !strings.Contains(o.Message, text) {
				t.Errorf("%s: %s: %s\nwant %s", name, o.Object, o.Message, c.want[i])
			}
		}
	}
}
