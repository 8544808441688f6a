package schema

import (
	"net/netip"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
)

// networkWords is the name under which a subnet keeps how its network was written.
const networkWords = "cidr"

// Network is a subnet's network as it was written.
func Network(s *model.Subnet) string {
	if w := s.Written[networkWords]; len(w) == 1 {
		if p, err := netip.ParsePrefix(w[0]); err == nil && p == s.CIDR {
			return w[0]
		}
	}
	return s.CIDR.String()
}

// SetNetwork keeps how a subnet's network was written. It follows Put, which forgets
// it.
func SetNetwork(s *model.Subnet, words string) {
	if words == s.CIDR.String() {
		return
	}
	if s.Written == nil {
		s.Written = model.Written{}
	}
	s.Written[networkWords] = []string{words}
}

// SubnetID is the name of a subnet in Proxmox: "<zone>-<network>-<mask length>", with
// the network as it was written.
func SubnetID(s *model.Subnet) string {
	zone, _, _ := model.ParseSubnetID(s.ID)
	network, mask, _ := strings.Cut(Network(s), "/")
	return zone + "-" + network + "-" + mask
}
