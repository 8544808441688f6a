package schema

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/section"
)

func kinds() []*Kind {
	return []*Kind{Zones(), VNets(), Subnets(), Controllers(), Fabrics(), FabricNodes()}
}

// Every property of the model's objects has a name in Proxmox, but for the parts of
// the object's ID and what only Viaduct has.
func TestTablesAreComplete(t *testing.T) {
	others := map[model.Kind][]string{
		model.KindZone: {"id", "type", "dhcp-dynamic", "exitnodes-interface", "exitnodes-via", "exitnodes-table", "anycast-gateway", "node-networks", "node-services"}, model.KindVNet: {"id"}, model.KindSubnet: {"id", "cidr", "ra"},
		model.KindController: {"id", "type"}, model.KindFabric: {"id", "protocol"}, model.KindFabricNode: {"id", "fabric", "node"},
	}
	for _, k := range kinds() {
		bound := map[string]bool{}
		for _, b := range k.bindings() {
			bound[b.field.Name] = true
		}
		for _, name := range append(others[k.Model], "set") {
			bound[name] = true
		}
		for _, f := range model.Fields(k.Model) {
			if !bound[f.Name] {
				t.Errorf("%s: property %s of the model is missing", k.Noun, f.Name)
			}
		}
	}
}

// words draws values of a property in one of the ways to write them.
func words(t *rapid.T, p *Property) []string {
	text := func(options ...string) []string { return []string{rapid.SampledFrom(options).Draw(t, p.Name)} }
	switch p.Form {
	case Integer:
		return text("1", "2", "007", "0", "+5")
	case Boolean:
		return text("1", "0", "on", "No")
	}
	switch {
	case p.Enum != nil:
		return text(p.Enum...)
	case p.Name == "interfaces":
		return rapid.SampledFrom([][]string{{"name=eth1,ip=10.0.0.1/31", "name=eth0"}, {"ip6=FD00::1/64,name=e2"}}).Draw(t, p.Name)
	case p.Name == "peers" && p.Form == Array:
		return rapid.SampledFrom([][]string{{"type=internal,node=b,node_iface=wg0,iface=wg0,skip_route_generation=1"}, {"iface=wg0,node=h,type=external,endpoint=h:1", "type=external,node=i,iface=wg1"}}).Draw(t, p.Name)
	case p.Name == "redistribute":
		return rapid.SampledFrom([][]string{{"source=connected,metric=5"}, {"route-map=m,source=bgp", "source=static"}}).Draw(t, p.Name)
	case p.Name == "dhcp-range":
		return rapid.SampledFrom([][]string{{"start-address=10.0.0.5,end-address=10.0.0.9"}, {"end-address=FD00::9,start-address=fd00::1"}}).Draw(t, p.Name)
	case p.Form == Array:
		return rapid.SampledFrom([][]string{{"b", "a"}, {"c"}}).Draw(t, p.Name)
	case p.Name == "ip_prefix":
		return text("10.0.0.0/8", "10.1.2.3/24")
	case p.Name == "ip6_prefix":
		return text("fd00::/64", "FD00::1/64")
	case p.Name == "ip6":
		return text("fd00::1", "FD00:0:0::1")
	case p.Name == "ip":
		return text("10.0.0.1")
	case p.Check != nil && p.Check("192.0.2.1") == "" && p.Check("x y") != "" && p.Check("a") != "":
		if p.Form == List {
			return text("192.0.2.1,192.0.2.2", "2001:DB8::1 192.0.2.7;192.0.2.1")
		}
		return text("192.0.2.1", "2001:DB8::1")
	case p.Name == "mac":
		return text("BC:24:11:00:00:01", "bc:24:11:00:00:0a")
	case p.Name == "rt-import":
		return text("65000:1", "65000:1,65000:2", "1:1 2:2")
	case p.Name == "isis-net":
		return text("49.0001.1921.6800.1002.00")
	case p.Form == List:
		return text("a,b", "b a", "c;a")
	}
	return text("abc", "x1")
}

// What a client wrote is what a client reads, through the model's object and its
// stored form.
func TestNothingIsLost(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.Noun+string(k.Model), rapid.MakeCheck(func(t *rapid.T) {
			v := Values{}
			for i := range k.Properties {
				p := &k.Properties[i]
				if rapid.Bool().Draw(t, "has "+p.Name) {
					v[p.Name] = words(t, p)
				}
			}
			o := model.New(k.Model)
			if err := k.Put(o, v); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			back, err := model.Decode(k.Model, b)
			if err != nil {
				t.Fatal(err)
			}
			got := k.Of(back)
			delete(got, typeKey)
			if d := cmp.Diff(v, got); d != "" {
				t.Fatalf("%s\nobject: %s", d, b)
			}
		}))
	}
}

// Words that no longer mean the value are void.
func TestOldWordsAreVoid(t *testing.T) {
	z := &model.Zone{ID: "z", Type: model.ZoneEVPN}
	if err := Zones().Put(z, Values{"advertise-subnets": {"0"}, "mtu": {"01450"}}); err != nil {
		t.Fatal(err)
	}
	z.AdvertiseSubnets, z.MTU = true, 1400
	want := Values{typeKey: {"evpn"}, "advertise-subnets": {"1"}, "mtu": {"1400"}}
	if d := cmp.Diff(want, Zones().Of(z)); d != "" {
		t.Error(d)
	}
}

func TestPending(t *testing.T) {
	running := Values{typeKey: {"evpn"}, "controller": {"c"}, "mtu": {"1450"}, "nodes": {"b,a"}, "advertise-subnets": {"1"}}
	for _, c := range []struct {
		name                string
		running, configured Values
		want                string
	}{
		{"unchanged", running, running.with("nodes", "a,b"), `{"advertise-subnets":1,"controller":"c","mtu":1450,"nodes":"a,b","type":"evpn","zone":"z"}`},
		{"new", nil, Values{typeKey: {"simple"}, "mtu": {"9000"}}, `{"pending":{"mtu":9000},"state":"new","type":"simple","zone":"z"}`},
		{"deleted", running, nil, `{"advertise-subnets":1,"controller":"c","mtu":1450,"nodes":"a,b","pending":{},"state":"deleted","type":"evpn","zone":"z"}`},
		{"changed", running, running.with("mtu", "1400"), `{"advertise-subnets":1,"controller":"c","mtu":1450,"nodes":"a,b","pending":{"mtu":1400},"state":"changed","type":"evpn","zone":"z"}`},
		{"an option gone", running, running.with("advertise-subnets"), `{"advertise-subnets":1,"controller":"c","mtu":1450,"nodes":"a,b","pending":{"advertise-subnets":"deleted"},"state":"changed","type":"evpn","zone":"z"}`},
		{"off is not left out", running.with("advertise-subnets"), running.with("advertise-subnets", "0"), `{"controller":"c","mtu":1450,"nodes":"a,b","pending":{"advertise-subnets":0},"state":"changed","type":"evpn","zone":"z"}`},
	} {
		b, err := json.Marshal(Zones().Pending("z", c.running, c.configured))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, string(b)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// with is a copy with a property set, or without it.
func (v Values) with(name string, values ...string) Values {
	v = v.Clone()
	delete(v, name)
	if len(values) > 0 {
		v[name] = values
	}
	return v
}

func TestSections(t *testing.T) {
	const text = "# comment\nVLAN: z1\n\ttag 5\n  nodes b,a\n    bridge vmbr0\n\nvlan: z2\n\tbridge vmbr1\n"
	sections, err := section.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := "vlan: z1\n\tbridge vmbr0\n\tnodes a,b\n\ttag 5\n\nvlan: z2\n\tbridge vmbr1\n\n"
	if d := cmp.Diff(want, Zones().Write(sections)); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"\ttag 5\n", "vlan z1\n", "vlan: a\nvlan: a\n"} {
		if _, err := section.Parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
