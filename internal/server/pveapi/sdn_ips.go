package pveapi

import (
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"github.com/viaduct-sdn/viaduct/internal/external"
	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/revision"
)

// ipOperations are the operations on single addresses of VNets.
func (s *sdn) ipOperations() []Operation {
	const path = "/cluster/sdn/vnets/{vnet}/ips"
	params := []schema.Property{
		idParam(schema.VNets(), false),
		{Name: "zone", Form: schema.Text, Need: 'r', MaxLength: 128, Doc: "zone of the VNet"},
		{Name: "mac", Form: schema.Text, Need: 'r', Check: schema.MAC, Doc: "MAC address"},
		{Name: "ip", Form: schema.Text, Need: 'r', Check: schema.Address, Doc: "IP address"},
	}
	vmid := schema.Property{Name: "vmid", Form: schema.Integer, Min: firstGuest, Max: lastGuest, Doc: "number of the guest"}
	allow := Need("/sdn/zones/{zone}/{vnet}", allocate)
	return []Operation{
		{Method: http.MethodPost, Path: path, Doc: "Allocate an IP address to a MAC address.", Params: params, Allow: allow, Handle: s.createIP},
		{Method: http.MethodPut, Path: path, Doc: "Replace the IP address of a MAC address.", Params: append(slices.Clone(params), vmid), Allow: allow, Handle: s.updateIP},
		{Method: http.MethodDelete, Path: path, Doc: "Release an IP address.", Params: params, Allow: allow, Handle: s.deleteIP},
		{
			Method: http.MethodGet, Path: "/cluster/sdn/ipams/{ipam}/status", Doc: "List the addresses of the built-in IPAM.",
			Params: []schema.Property{idParam(schema.IPAMs(), false)}, Handle: s.ipamStatus,
		},
	}
}

// nic returns the NIC that a call is about, in the zone that it names, and the
// configuration that has it.
func (s *sdn) nic(c *Call) (ipam.NIC, netip.Addr, *model.Config, error) {
	n := ipam.NIC{VNet: c.Text("vnet"), MAC: c.Text("mac"), Guest: c.Text("vmid")}
	ip, err := netip.ParseAddr(c.Text("ip"))
	if err != nil {
		return n, ip, nil, Params{"ip": schema.Address(c.Text("ip"))}
	}
	v, err := s.Config.View(c)
	if err != nil {
		return n, ip, nil, err
	}
	vnet := v.Pending.VNets[n.VNet]
	if vnet == nil || vnet.Zone != c.Text("zone") && !c.knowsVNet(vnet) {
		return n, ip, nil, schema.VNets().Missing(n.VNet)
	}
	if vnet.Zone != c.Text("zone") {
		return n, ip, nil, Failf("vnet '%s' is in zone '%s', not in '%s'", vnet.ID, vnet.Zone, c.Text("zone"))
	}
	if z := v.Pending.Zones[vnet.Zone]; z == nil || z.IPAM == "" {
		return n, ip, nil, Failf("zone '%s' has no ipam: nobody manages its addresses", vnet.Zone)
	}
	return n, ip.Unmap(), v.Pending, nil
}

func (s *sdn) createIP(c *Call) (any, error) {
	n, ip, cfg, err := s.nic(c)
	if err != nil {
		return nil, err
	}
	// As in Proxmox, an existing address is an error even if it is the same.
	if err := s.Addresses.Free(cfg, n.VNet, ip); err != nil {
		return nil, addressError(ip, s.redact(c, err))
	}
	_, err = s.Addresses.Reserve(c, n, ip)
	return nil, addressError(ip, s.redact(c, err))
}

func (s *sdn) updateIP(c *Call) (any, error) {
	n, ip, _, err := s.nic(c)
	if err != nil {
		return nil, err
	}
	_, err = s.Addresses.Move(c, n, ip)
	return nil, addressError(ip, s.redact(c, err))
}

func (s *sdn) deleteIP(c *Call) (any, error) {
	n, ip, _, err := s.nic(c)
	if err != nil {
		return nil, err
	}
	mac, _ := model.NormalizeMAC(n.MAC) // its form has been checked
	_, err = s.Addresses.Release(c, c.Text("zone"), mac, ip)
	return nil, addressError(ip, s.redact(c, err))
}

// addressError returns an error with the text that clients expect.
func addressError(ip netip.Addr, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, external.ErrTaken):
		return Failf("IP '%s' already exist: %s", ip, err)
	}
	return Failf("%s", err)
}

// ipamStatus lists the allocations of the built-in IPAM in the configured subnets.
func (s *sdn) ipamStatus(c *Call) (any, error) {
	if c.Text("ipam") != model.IPAMBuiltin {
		return nil, Failf("Currently only PVE ipam is supported: '%s' keeps its addresses itself", c.Text("ipam"))
	}
	v, err := s.Config.View(c)
	if err != nil {
		return nil, err
	}
	out := []schema.Object{}
	state := s.Addresses.Export(v)
	for _, id := range slices.Sorted(maps.Keys(v.Pending.Subnets)) {
		sub := v.Pending.Subnets[id]
		vnet := v.Pending.VNets[sub.VNet]
		if vnet == nil || !c.May(vnetPath(vnet), audit, allocate) {
			continue
		}
		ips := state.Zones[vnet.Zone].Subnets[sub.CIDR.Masked().String()].IPs
		for _, ip := range sortedAddresses(ips) {
			out = append(out, statusRow(vnet, sub, ip, ips[ip]))
		}
	}
	return out, nil
}

// sortedAddresses sorts addresses numerically, not by their text.
func sortedAddresses(ips map[string]ipam.StateIP) []string {
	return slices.SortedFunc(maps.Keys(ips), func(a, b string) int {
		x, _ := netip.ParseAddr(a)
		y, _ := netip.ParseAddr(b)
		return x.Compare(y)
	})
}

func statusRow(vnet *model.VNet, sub *model.Subnet, ip string, x ipam.StateIP) schema.Object {
	row := schema.Object{"zone": vnet.Zone, "vnet": vnet.ID, "subnet": sub.CIDR.String(), "ip": ip}
	if x.Gateway != 0 {
		row["gateway"] = 1
	}
	for name, value := range map[string]*string{"mac": x.MAC, "hostname": x.Hostname} {
		if value != nil {
			row[name] = *value
		}
	}
	if x.VMID != nil {
		if n, err := strconv.Atoi(*x.VMID); err == nil {
			row["vmid"] = n
		}
	}
	return row
}

// changeSubnets is change for edits of subnets: external systems are notified first, and
// may refuse them.
func (s *sdn) changeSubnets(c *Call, what string, edits func(v *revision.View) ([]model.Edit, error)) (any, error) {
	guard, err := s.lock.guard(c, c.Text(lockToken.Name))
	if err == nil {
		_, err = s.Config.Change(c, c.Who.String(), edits, revision.EditOptions{Lax: true, Guard: guard, Uncounted: true})
	}
	return nil, s.failed(c, what, err)
}
