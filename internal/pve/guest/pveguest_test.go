package guest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

func TestParse(t *testing.T) {
	vm := `boot: order=scsi0
name: web1
net0: virtio=bc:24:11:00:00:01,bridge=vnet1,firewall=1
net1: model=e1000,macaddr=BC:24:11:00:00:02,bridge=vmbr0
net31: virtio=BC:24:11:00:00:03
scsi0: local:vm-100-disk-0,size=32G

[before-upgrade]
name: old
net0: virtio=BC:24:11:00:00:09,bridge=other
`
	ct := "hostname: ct1\nnet0: name=eth0,bridge=vnet1,firewall=1,hwaddr=BC:24:11:00:00:04,ip=dhcp,type=veth\n"
	for text, want := range map[string]*model.Guest{
		vm: {ID: "100", Name: "web1", NICs: []model.NIC{{ID: "net0", VNet: "vnet1", MAC: "BC:24:11:00:00:01"}, {ID: "net1", VNet: "vmbr0", MAC: "BC:24:11:00:00:02"}}},
		ct: {ID: "100", Name: "ct1", NICs: []model.NIC{{ID: "net0", VNet: "vnet1", MAC: "BC:24:11:00:00:04"}}},
		"": {ID: "100"},
	} {
		got, err := Parse("100", text)
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	for text, want := range map[string][][]string{
		"net0: name=eth0,bridge=v,ip=10.0.0.5/24,ip6=fd00::5/64,gw=10.0.0.1,gw6=fd00::1\nnet1: name=eth1,bridge=v,ip=dhcp,ip6=auto": {{"10.0.0.5", "fd00::5"}, nil},
		"net0: name=eth0,bridge=v,ip=manual,ip6=manual\r\n":                                                                         {nil},
		// Cloud-init's lines stand before those of the NICs.
		"ipconfig0: ip=10.0.0.5/24,gw=10.0.0.1,ip6=2001:db8::5/64\nipconfig1: ip=dhcp,ip6=dhcp\nipconfig2: ip=10.0.0.9/24\nnet0: virtio,bridge=v\nnet1: virtio,bridge=v": {{"10.0.0.5", "2001:db8::5"}, nil},
		"net0: virtio,bridge=v\nipconfig31: ip=10.0.0.9/24\nnet31: virtio,bridge=v\n[s1]\nipconfig0: ip=10.0.0.1/24":                                                     {nil, {"10.0.0.9"}},
		"net0: virtio,bridge=v,ip=10.0.0.5": {{"10.0.0.5"}},
	} {
		g, err := Parse("100", text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got [][]string
		for _, n := range g.NICs {
			var ips []string
			for _, ip := range n.IPs {
				ips = append(ips, ip.String())
			}
			got = append(got, ips)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
	for text, told := range map[string]string{
		"net0: name=eth0,bridge=v,ip=10.0.0.300/24": `net0: ip "10.0.0.300/24" is not an address`,
		"net0: name=eth0,bridge=v,ip=fd00::1/64":    `net0: ip "fd00::1/64" is not an address`,
		"ipconfig3: ip6=10.0.0.1/24":                `ipconfig3: ip6 "10.0.0.1/24" is not an address`,
		"ipconfig0: ip6=fe80::1%eth0/64":            `ipconfig0: ip6 "fe80::1%eth0/64" is not an address`,
	} {
		if _, err := Parse("100", text); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse("100", "net0: virtio=01:00:5e:00:00:01,bridge=v"); err == nil {
		t.Error("the address of a group is taken for that of a host")
	}
}
