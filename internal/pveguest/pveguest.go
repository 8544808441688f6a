// Package pveguest reads the configuration of a guest of Proxmox VE, as far as its
// network goes (qm.conf(5), pct.conf(5)). It is pure: the command line's hook reads the
// file, and the guest that comes of it is edited like any other.
package pveguest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

var nicLine = regexp.MustCompile(`^(net(?:[0-9]|[12][0-9]|3[01])): *(.*)$`)

// Parse reads the configuration of a virtual machine or container. What snapshots say
// is passed over. A NIC that joins no bridge is left out.
func Parse(id, text string) (*model.Guest, error) {
	g := &model.Guest{ID: id}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n ")
		if strings.HasPrefix(line, "[") { // snapshots, and what is pending
			break
		}
		key, value, _ := strings.Cut(line, ":")
		if key == "name" || key == "hostname" {
			g.Name = strings.TrimSpace(value)
		}
		m := nicLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n, err := parseNIC(m[1], m[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m[1], err)
		}
		if n.VNet != "" {
			g.NICs = append(g.NICs, n)
		}
	}
	return g, nil
}

// parseNIC reads "virtio=BC:24:11:00:00:01,bridge=vnet1,firewall=1" of a virtual machine
// or "name=eth0,bridge=vnet1,hwaddr=BC:24:11:00:00:01,type=veth" of a container.
func parseNIC(id, text string) (model.NIC, error) {
	n := model.NIC{ID: id}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "bridge":
			n.VNet = value
		case "hwaddr", "macaddr", "virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "ne2k_pci", "ne2k_isa", "pcnet", "i82551", "i82557b", "i82559er", "e1000-82540em", "e1000-82544gc", "e1000-82545em":
			if value == "" {
				continue
			}
			mac, ok := model.NormalizeMAC(value)
			if !ok {
				return n, fmt.Errorf("%q is not the hardware address of a host", value)
			}
			n.MAC = mac
		}
	}
	return n, nil
}
