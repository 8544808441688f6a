package running_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
)

func parse(t *testing.T, text string) *running.Running {
	t.Helper()
	r, problems, err := running.Parse([]byte(text))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return r
}

// Every property of a controller and of a zone is read, in either spelling.
func TestParseControllersAndZones(t *testing.T) {
	r := parse(t, `{"controllers": {"ids": {
		"c": {"type": "bgp", "asn": "4294967295", "peers": "10.0.0.1;FD00::1", "node": "n", "ebgp": "1", "ebgp-multihop": "3",
			"loopback": "dummy0", "bgp-multipath-as-path-relax": 1},
		"i": {"type": "isis", "node": "n", "isis-domain": "d", "isis-net": "49.0001", "isis-ifaces": "b,a"},
		"e": {"type": "evpn", "asn": 1, "fabric": "f"}}},
		"zones": {"ids": {"z": {"type": "evpn", "controller": "e", "vrf-vxlan": "5", "mac": "BC:24:11:00:00:01", "exitnodes": {"b": 1, "a": "1", "c": 0},
			"exitnodes-primary": "a", "exitnodes-local-routing": "1", "advertise-subnets": 1, "disable-arp-nd-suppression": 1, "rt-import": "1:2,3:4"},
			"q": {"type": "qinq", "bridge": "vmbr0", "tag": "7", "vlan-protocol": "802.1ad"}}}}`)
	var got strings.Builder
	for _, o := range []any{r.Controllers["c"], r.Controllers["i"], r.Controllers["e"], r.Zones["z"], r.Zones["q"]} {
		line, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	for _, want := range []string{
		`"asn":4294967295`, `"node":"n"`, `"ebgp":true`, `"ebgp-multihop":3`, `"loopback":"dummy0"`, `"bgp-multipath-as-path-relax":true`,
		`"isis-domain":"d"`, `"isis-net":"49.0001"`, `"isis-ifaces":["b","a"]`, `"fabric":"f"`,
		`"controller":"e"`, `"vrf-vxlan":5`, `"mac":"BC:24:11:00:00:01"`, `"exitnodes":["a","b"]`, `"exitnodes-primary":"a"`, `"exitnodes-local-routing":true`,
		`"advertise-subnets":true`, `"disable-arp-nd-suppression":true`, `"rt-import":["1:2","3:4"]`, `"bridge":"vmbr0"`, `"tag":7`, `"vlan-protocol":"802.1ad"`,
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %s in\n%s", want, got.String())
		}
	}
	if p := running.ControllerPeers(r.Controllers["c"]); len(p) != 2 || p[1].Text != "FD00::1" {
		t.Errorf("peers %v", p)
	}
}

func TestControllerOf(t *testing.T) {
	r := parse(t, `{"controllers": {"ids": {"b": {"type": "bgp", "node": "n"}, "a": {"type": "bgp", "node": "n"}, "i": {"type": "isis", "node": "n"}}}}`)
	if c := r.ControllerOf("n", model.ControllerBGP); c == nil || c.ID != "a" {
		t.Errorf("%+v", c)
	}
	if c := r.ControllerOf("m", model.ControllerBGP); c != nil {
		t.Errorf("%+v", c)
	}
}

// The own end is the loopback's address, then a peer's, then the source of the
// route to the first peer.
func TestTunnelEnd(t *testing.T) {
	r := parse(t, `{"controllers": {"ids": {
		"e": {"type": "evpn", "asn": 1, "peers": "10.0.0.9,10.0.0.1"}, "f": {"type": "evpn", "asn": 1, "fabric": "f"}, "g": {"type": "evpn", "asn": 1, "fabric": "g"},
		"i": {"type": "isis", "node": "iso", "loopback": "lo"}, "b": {"type": "bgp", "node": "both"}, "j": {"type": "isis", "node": "both", "loopback": "lo"}}},
		"fabrics": {"ids": {"f": {"type": "openfabric_fabric"}, "f_n": {"type": "openfabric_node", "ip": "10.3.0.1"}, "g": {"type": "openfabric_fabric"}, "g_n": {"type": "openfabric_node", "ip6": "fd00::1"}}}}`)
	const (
		peer  = `{"name": "eth0", "addresses": ["10.1.1.1/24", "10.0.0.1/24"]}`
		lo    = `{"name": "lo", "addresses": ["127.0.0.1/8", "fe80::1/64", "10.2.0.1/32"]}`
		route = `"routes": [{"dst": "0.0.0.0/0", "dev": "eth1", "src": "10.4.0.1"}]`
	)
	for _, c := range []struct{ controller, facts, want string }{
		{"e", `{"node": "n", "interfaces": [` + lo + `,` + peer + `]}`, "10.0.0.1 eth0 "},
		{"e", `{"node": "iso", "interfaces": [` + lo + `,` + peer + `]}`, "10.2.0.1 lo lo"},
		{"e", `{"node": "iso", "interfaces": [` + peer + `]}`, "10.0.0.1 eth0 lo"},
		{"e", `{"node": "both", "interfaces": [` + lo + `,` + peer + `]}`, "10.0.0.1 eth0 "},
		{"e", `{"node": "n", ` + route + `}`, "10.4.0.1 eth1 "},
		{"e", `{"node": "n"}`, "none"},
		{"f", `{"node": "n"}`, "10.3.0.1 dummy_f dummy_f"},
		{"f", `{"node": "m"}`, "none"},
		{"g", `{"node": "n"}`, "none"},
	} {
		facts := &model.Facts{}
		if err := json.Unmarshal([]byte(c.facts), facts); err != nil {
			t.Fatal(err)
		}
		l, loopback, ok := r.TunnelEnd(r.Controllers[c.controller], facts)
		got := "none"
		if ok {
			got = l.Address.Addr.String() + " " + l.Link + " " + loopback
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s %s (-want +got)\n%s", c.controller, c.facts, d)
		}
	}
}
