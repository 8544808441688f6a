package ipam

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// State is the content of pve-ipam-state.json, in which Proxmox VE keeps addresses.
type State struct {
	Zones map[string]StateZone `json:"zones,omitempty"`
}

// StateZone is a zone in a State.
type StateZone struct {
	Subnets map[string]StateSubnet `json:"subnets"`
}

// StateSubnet is a subnet in a State, by its network.
type StateSubnet struct {
	IPs map[string]StateIP `json:"ips"`
}

// StateIP is an address in a State: a gateway, or data about the owner.
type StateIP struct {
	Gateway  int     `json:"gateway,omitempty"`
	VMID     *string `json:"vmid,omitempty"`
	Hostname *string `json:"hostname,omitempty"`
	MAC      *string `json:"mac,omitempty"`
}

// Export returns the addresses of all zones with built-in address management.
func (s *Service) Export(v *revision.View) *State {
	out := &State{}
	for _, id := range slices.Sorted(maps.Keys(v.Pending.Zones)) {
		if i := v.Live.IPAMs[v.Pending.Zones[id].IPAM]; i == nil || i.External() {
			continue
		}
		if out.Zones == nil {
			out.Zones = make(map[string]StateZone)
		}
		out.Zones[id] = s.book.export(v.Pending, id)
	}
	return out
}

// export returns a zone's subnets with the known addresses of each.
func (b *Book) export(cfg *model.Config, zone string) StateZone {
	out := StateZone{Subnets: make(map[string]StateSubnet)}
	all := b.List(zone)
	for id, sub := range cfg.Subnets {
		if z, _, _ := model.ParseSubnetID(id); z != zone {
			continue
		}
		ips := make(map[string]StateIP)
		for _, a := range all {
			if sub.CIDR.Masked().Contains(a.IP) {
				ips[a.IP.String()] = StateIP{VMID: text(a.Guest), Hostname: text(a.Name), MAC: text(a.MAC)}
			}
		}
		if hasGateway(sub) {
			ips[sub.Gateway.String()] = StateIP{Gateway: 1}
		}
		out.Subnets[sub.CIDR.Masked().String()] = StateSubnet{IPs: ips}
	}
	return out
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Imported is the result of importing a State.
type Imported struct {
	// Added counts new addresses; Known counts those that existed, with the same owner.
	Added, Known int
	// Refused are the reasons why the others were not imported, sorted.
	Refused []string
}

// Import imports the addresses of a State. Gateways follow from the subnets, and are
// skipped. Addresses that cannot be imported are reported; the others are imported.
func (s *Service) Import(ctx context.Context, state *State) (*Imported, error) {
	v, err := s.config.View(ctx)
	if err != nil {
		return nil, err
	}
	out := &Imported{}
	for _, zone := range slices.Sorted(maps.Keys(state.Zones)) {
		for _, cidr := range slices.Sorted(maps.Keys(state.Zones[zone].Subnets)) {
			ips := state.Zones[zone].Subnets[cidr].IPs
			for _, ip := range slices.Sorted(maps.Keys(ips)) {
				if ips[ip].Gateway != 0 {
					continue
				}
				if err := s.importAddress(ctx, v, zone, cidr, ip, ips[ip], out); err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

// importAddress imports one address, or reports in out why it cannot be imported.
func (s *Service) importAddress(ctx context.Context, v *revision.View, zone, cidr, ip string, from StateIP, out *Imported) error {
	n, address, err := nicOf(v.Pending, zone, cidr, ip, from)
	if err == nil {
		if known, ok := s.book.Get(zone, address); ok && known.Owner() == n.owner() {
			out.Known++
			return nil
		}
		_, err = s.Reserve(ctx, n, address)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		out.Refused = append(out.Refused, fmt.Sprintf("zone %s, %s: %s", zone, ip, err))
	default:
		out.Added++
	}
	return nil
}

// nicOf is the NIC that an address of a State belongs to.
func nicOf(cfg *model.Config, zone, cidr, ip string, from StateIP) (n NIC, address netip.Addr, err error) {
	network, err := netip.ParsePrefix(cidr)
	if err != nil {
		return n, address, fmt.Errorf("%q is no network", cidr)
	}
	if address, err = netip.ParseAddr(ip); err != nil {
		return n, address, errors.New("is no address")
	}
	sub := cfg.Subnets[model.SubnetID(zone, network)]
	if sub == nil {
		return n, address, fmt.Errorf("the subnet %s is not configured here", cidr)
	}
	return NIC{VNet: sub.VNet, MAC: word(from.MAC), Guest: word(from.VMID), Name: word(from.Hostname)}, address, nil
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
