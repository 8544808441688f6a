package ipam

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// named reports whether a guest's name is registered with a DNS server.
func (s *Service) named(p *place, name string) bool {
	return name != "" && p.zone.DNS != "" && p.zone.DNSZone != ""
}

// prefixed is a name with the prefix of a subnet between it and the domain.
func prefixed(name string, s *model.Subnet) string {
	if name != "" && s != nil && s.DNSZonePrefix != "" {
		return name + "." + s.DNSZonePrefix
	}
	return name
}

// namesOf is where the name of an address is registered; nil if nowhere.
func namesOf(z *model.Zone, s *model.Subnet, name string) *Names {
	if name == "" || z.DNS == "" || z.DNSZone == "" || s == nil {
		return nil
	}
	return &Names{Server: z.DNS, Zone: z.DNSZone, Name: prefixed(name, s), Reverse: z.ReverseDNS, Subnet: s.CIDR}
}

// register registers a name and the reverse record.
func (s *Service) register(ctx context.Context, live *model.Config, n *Names, ip netip.Addr) error {
	forward, err := s.nameServer(live, n.Server)
	if err != nil {
		return err
	}
	if err := forward.HasZone(ctx, n.Zone); err != nil {
		return fmt.Errorf("name server %s: %w", n.Server, err)
	}
	if err := forward.Add(ctx, n.Zone, n.Name, ip); err != nil {
		return fmt.Errorf("name server %s: registering %s.%s: %w", n.Server, n.Name, n.Zone, err)
	}
	back, err := s.nameServer(live, n.Reverse)
	if err != nil || back == nil {
		return err
	}
	if err := back.Point(ctx, &model.Subnet{CIDR: n.Subnet}, ip, n.Name+"."+n.Zone); err != nil {
		return fmt.Errorf("name server %s: registering the name of %s: %w", n.Reverse, ip, err)
	}
	return nil
}

// unregister removes a name and the reverse record. A DNS server that is no longer
// configured has nothing to remove.
func (s *Service) unregister(ctx context.Context, live *model.Config, n *Names, ip netip.Addr) error {
	if live.NameServers[n.Server] != nil {
		forward, err := s.nameServer(live, n.Server)
		if err == nil {
			err = forward.Remove(ctx, n.Zone, n.Name, ip)
		}
		if err != nil {
			return fmt.Errorf("name server %s: removing %s.%s: %w", n.Server, n.Name, n.Zone, err)
		}
	}
	if n.Reverse == "" || live.NameServers[n.Reverse] == nil {
		return nil
	}
	back, err := s.nameServer(live, n.Reverse)
	if err == nil {
		err = back.Unpoint(ctx, &model.Subnet{CIDR: n.Subnet}, ip)
	}
	if err != nil {
		return fmt.Errorf("name server %s: removing the name of %s: %w", n.Reverse, ip, err)
	}
	return nil
}

// systemOf returns the client of the external system that has an address; nil if there is
// none.
func (s *Service) systemOf(live *model.Config, id string) (external.System, error) {
	i := live.IPAMs[id]
	if i == nil || !i.External() {
		return nil, nil
	}
	return s.plugins.IPAM(i)
}
