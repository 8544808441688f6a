package schema

import (
	"net/netip"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// networkSpelling is the key of a subnet's original network in its ClientSpelling.
const networkSpelling = "cidr"

// Network returns a subnet's network in its original spelling.
func Network(s *model.Subnet) string {
	if w := s.ClientSpelling[networkSpelling]; len(w) == 1 {
		if p, err := netip.ParsePrefix(w[0]); err == nil && p == s.CIDR {
			return w[0]
		}
	}
	return s.CIDR.String()
}

// SetNetwork keeps the original spelling of a subnet's network. It must follow Put, which
// removes it.
func SetNetwork(s *model.Subnet, spelling string) {
	if spelling == s.CIDR.String() {
		return
	}
	if s.ClientSpelling == nil {
		s.ClientSpelling = model.ClientSpelling{}
	}
	s.ClientSpelling[networkSpelling] = []string{spelling}
}

// SubnetID returns Proxmox's name of a subnet: "<zone>-<network>-<mask length>", with the
// network in its original spelling.
func SubnetID(s *model.Subnet) string {
	zone, _, _ := model.ParseSubnetID(s.ID)
	network, mask, _ := strings.Cut(Network(s), "/")
	return zone + "-" + network + "-" + mask
}
