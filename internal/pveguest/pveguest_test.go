package pveguest

import (
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
	if _, err := Parse("100", "net0: virtio=01:00:5e:00:00:01,bridge=v"); err == nil {
		t.Error("the address of a group is taken for that of a host")
	}
}
