// Package guest parses the network part of a Proxmox VE guest's configuration
// (qm.conf(5), pct.conf(5)). It is pure: the command line's hook reads the file, and
// the resulting guest is edited like any other.
package guest

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

var (
	nicLine    = regexp.MustCompile(`^(net(?:[0-9]|[12][0-9]|3[01])): *(.*)$`)
	configLine = regexp.MustCompile(`^ipconfig([0-9]|[12][0-9]|3[01]): *(.*)$`)
)

// Parse parses the configuration of a virtual machine or container. It ignores snapshots,
// and NICs without a bridge. The IPs of a NIC are the fixed addresses that the guest is
// configured with: those of a container's own line, and of a virtual machine's
// cloud-init.
func Parse(id, text string) (*model.Guest, error) {
	g := &model.Guest{ID: id}
	fixed := map[string][]netip.Addr{} // by NIC, from cloud-init
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		if strings.HasPrefix(line, "[") { // snapshots, and pending changes
			break
		}
		key, value, _ := strings.Cut(line, ":")
		if key == "name" || key == "hostname" {
			g.Name = strings.TrimSpace(value)
		}
		if m := configLine.FindStringSubmatch(line); m != nil {
			ips, err := addresses(m[2])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			fixed["net"+m[1]] = ips
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
	for i := range g.NICs {
		n := &g.NICs[i]
		n.IPs = append(n.IPs, fixed[n.ID]...)
	}
	return g, nil
}

// parseNIC parses "virtio=BC:24:11:00:00:01,bridge=vnet1,firewall=1" of a virtual machine
// or "name=eth0,bridge=vnet1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth" of a
// container.
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
				return n, fmt.Errorf("%q is not the MAC address of a host", value)
			}
			n.MAC = mac
		}
	}
	var err error
	n.IPs, err = addresses(text)
	return n, err
}

// notFixed are the values of ip and ip6 that are not addresses: the guest gets one by
// DHCP or autoconfiguration, or configures itself.
var notFixed = []string{"", "dhcp", "auto", "manual"}

// addresses returns the fixed ones of a line with ip=10.0.0.5/24 and ip6=fd00::5/64. It
// ignores the prefix length and gateways, which follow from the subnets.
func addresses(text string) ([]netip.Addr, error) {
	var out []netip.Addr
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name != "ip" && name != "ip6" || slices.Contains(notFixed, value) {
			continue
		}
		host, _, _ := strings.Cut(value, "/")
		ip, err := netip.ParseAddr(host)
		if err != nil || ip.Zone() != "" || ip.Is4() != (name == "ip") {
			return nil, fmt.Errorf("%s %q is not an address; write it like %s, or dhcp, auto or manual", name, value, map[string]string{"ip": "10.0.0.5/24", "ip6": "fd00::5/64"}[name])
		}
		out = append(out, ip)
	}
	return out, nil
}
