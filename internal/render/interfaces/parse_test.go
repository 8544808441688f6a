package interfaces_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/render/interfaces"
)

const node = `# made by hand
auto lo
iface lo inet loopback

iface eth0 inet manual
	mtu 9000
auto vmbr0
iface vmbr0 inet static
	address  192.168.0.1/24
	gateway 192.168.0.254
	bridge_ports eth0 \
		eth1
	bridge-vlan_aware yes
iface vmbr0 inet6 static
	address fd00::1/64
# the last one counts
iface vmbr1 inet static
	address 10.0.0.1/24
	address 10.0.0.2/24
iface vmbr2 inet static
	address 2001:db8::1/64
iface vmbr3
	address 10.3.0.1
	netmask 255.255.0.0
iface vmbr4 inet static
	address 10.4.0.1
	netmask 20
iface vmbr5 inet static
	address 10.5.0.1
iface vmbr6 inet static
	address 10.6.0.1/24
	address dhcp
mapping eth9
	script /bin/true
	address 10.9.9.9/24
allow-hotplug eth9
no-auto-down eth9
source-directory more.d
source /etc/network/interfaces.d/*
`

func TestInterfaces(t *testing.T) {
	f, err := interfaces.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, i := range f.Interfaces() {
		line, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	want := `{"name":"eth0","mtu":9000,"master":"vmbr0"}
{"name":"eth1","mtu":0,"master":"vmbr0"}
{"name":"lo","mtu":0}
{"name":"vmbr0","mtu":0,"kind":"bridge","vlanFiltering":true,"addresses":["192.168.0.1/24"]}
{"name":"vmbr1","mtu":0,"addresses":["10.0.0.2/24"]}
{"name":"vmbr2","mtu":0,"addresses":["2001:db8::1/64"]}
{"name":"vmbr3","mtu":0,"addresses":["10.3.0.1/16"]}
{"name":"vmbr4","mtu":0,"addresses":["10.4.0.1/20"]}
{"name":"vmbr5","mtu":0,"addresses":["10.5.0.1/32"]}
{"name":"vmbr6","mtu":0}
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Bridges tell what they are, whichever tool makes them.
func TestInterfaceKinds(t *testing.T) {
	f, err := interfaces.Parse(`
iface vmbr0 inet manual
	ovs_type OVSBridge
	ovs_ports bond0 mgmt
iface mgmt inet static
	ovs_type OVSIntPort
	ovs_bridge vmbr0
iface bond0 inet manual
	bond-slaves eno1 eno2
iface vmbr1 inet manual
	bridge-ports none
	bridge-vlan-aware no
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range f.Interfaces() {
		got = append(got, fmt.Sprintf("%s %s %s %t", i.Name, i.Kind, i.Master, i.VLANFiltering))
	}
	want := []string{"bond0 bond vmbr0 false", "mgmt internal vmbr0 false", "vmbr0 openvswitch  false", "vmbr1 bridge  true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestParse(t *testing.T) {
	f, err := interfaces.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	want := interfaces.Stanza{Name: "vmbr0", Family: "inet", Method: "static", Options: []interfaces.Option{
		{Name: "address", Value: "192.168.0.1/24"}, {Name: "gateway", Value: "192.168.0.254"},
		{Name: "bridge-ports", Value: "eth0 eth1"}, {Name: "bridge-vlan-aware", Value: "yes"},
	}}
	if d := cmp.Diff(want, f.Stanzas[2]); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	sources := []interfaces.Source{{Line: 38, Pattern: "more.d"}, {Line: 39, Pattern: "/etc/network/interfaces.d/*"}}
	if d := cmp.Diff(sources, f.Sources); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if f, err := interfaces.Parse(""); err != nil || len(f.Interfaces()) > 0 {
		t.Errorf("an empty file: %v, %v", f, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"auto lo\n\n  iface  ":             `line 3: iface without a name`,
		"\taddress 10.0.0.1":               `line 1: "address" stands in no stanza`,
		"iface a\nauto b\nmtu \\\n1500\n":  `line 3: "mtu" stands in no stanza`,
		"source x\n# y \\\nmtu 1500\nauto": `line 3: "mtu" stands in no stanza`,
	} {
		if _, err := interfaces.Parse(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(node)
	f.Add("iface a\naddress ::1%x/64\nnetmask 999\n\\")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := interfaces.Parse(text)
		if err != nil {
			return
		}
		for _, i := range file.Interfaces() {
			if i.Name == "" || len(i.Addresses) > 1 || len(i.Addresses) == 1 && !i.Addresses[0].IsValid() {
				t.Errorf("interface %+v", i)
			}
		}
	})
}
