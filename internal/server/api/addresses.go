package api

import (
	"cmp"
	"maps"
	"net/http"
	"net/netip"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func addressRoutes() []route {
	const group = "Addresses"
	const read, write = "SDN.Audit or SDN.Allocate on /sdn/zones/{zone}/{vnet}", "SDN.Allocate on /sdn/zones/{zone}/{vnet}"
	inVNet := []param{{name: "zone", typ: "string", doc: "only addresses of this zone"}, {name: "vnet", typ: "string", doc: "only addresses of this VNet"}}
	return []route{
		{
			method: http.MethodGet, path: "addresses", id: "listAddresses", group: group, query: inVNet, serve: (*Handler).addresses, answer: of[[]api.Address](),
			needs: within("those with " + read), doc: "Lists allocated addresses and gateways, sorted.",
		},
		{
			method: http.MethodPost, path: "addresses", id: "assignAddress", group: group, serve: (*Handler).assign, request: of[api.AddressRequest](), answer: of[[]api.Address](),
			needs: withinFrom(write, sdnWrite...), doc: "Allocates addresses to a NIC: the given one, or a free one of each family that the NIC lacks. Returns the resulting addresses of the NIC.",
		},
		{
			method: http.MethodDelete, path: "addresses/{zone}/{ip}", id: "releaseAddress", group: group, serve: (*Handler).releaseAddress,
			needs: within(write), doc: "Releases an address.",
		},
		{
			method: http.MethodGet, path: "usage", id: "listUsage", group: group, query: inVNet, serve: (*Handler).usage, answer: of[[]api.Usage](),
			needs: within("those with " + read), doc: "Returns the utilisation of each subnet.",
		},
		{
			method: http.MethodGet, path: "ipam-state", id: "exportAddresses", group: group, serve: (*Handler).exportAddresses, answer: of[ipam.State](),
			needs: on("/sdn", sdnRead...), doc: "Returns the addresses of the built-in address management in the form of Proxmox VE's pve-ipam-state.json.",
		},
		{
			method: http.MethodPost, path: "ipam-state", id: "importAddresses", group: group, serve: (*Handler).importAddresses, request: of[ipam.State](), answer: of[api.ImportResult](),
			needs: on("/sdn", sdnWrite...), doc: "Imports the addresses of a pve-ipam-state.json.",
		},
	}
}

// asked returns the VNet of the configuration that a request asks for.
func asked(r *http.Request, v *model.VNet) bool {
	q := r.URL.Query()
	return (q.Get("zone") == "" || q.Get("zone") == v.Zone) && (q.Get("vnet") == "" || q.Get("vnet") == v.ID)
}

func (h *Handler) addresses(r *request) (any, error) {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	h.notice(r, model.KindSubnet)
	out := []api.Address{}
	subnets := byZone(v.Pending)
	for _, id := range slices.Sorted(maps.Keys(v.Pending.Zones)) {
		of := vnetOf(subnets[id])
		add := func(a api.Address) {
			vnet := v.Pending.VNets[a.VNet]
			if vnet == nil {
				vnet = &model.VNet{ID: a.VNet, Zone: id}
			}
			if asked(r.Request, vnet) && h.may(r.caller, right{vnetPath(id, a.VNet), sdnRead}) {
				out = append(out, a)
			}
		}
		for _, a := range h.Addresses.Addresses(id) {
			if a.VNet == "" {
				a.VNet = of(a.IP)
			}
			add(shownAddress(a))
		}
		for _, sub := range subnets[id] {
			if v.Pending.VNets[sub.VNet] != nil && sub.Gateway.IsValid() {
				add(api.Address{Zone: id, VNet: sub.VNet, IP: sub.Gateway, Gateway: true})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b api.Address) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), a.IP.Compare(b.IP))
	})
	return out, nil
}

// byZone returns the subnets of each zone, sorted by ID.
func byZone(cfg *model.Config) map[string][]*model.Subnet {
	out := make(map[string][]*model.Subnet)
	for _, id := range slices.Sorted(maps.Keys(cfg.Subnets)) {
		zone, _, _ := model.ParseSubnetID(id)
		out[zone] = append(out[zone], cfg.Subnets[id])
	}
	return out
}

// vnetOf returns the VNet that an address of a zone with the subnets is in.
func vnetOf(subnets []*model.Subnet) func(netip.Addr) string {
	return func(ip netip.Addr) string {
		for _, sub := range subnets {
			if sub.CIDR.Masked().Contains(ip) {
				return sub.VNet
			}
		}
		return ""
	}
}

func shownAddress(a ipam.Address) api.Address {
	out := api.Address{Zone: a.Zone, VNet: a.VNet, IP: a.IP, MAC: a.MAC, Guest: a.Guest, NIC: a.NIC, Name: a.Name, Since: a.Since, IPAM: a.IPAM}
	if a.Names != nil {
		out.Domain = a.Names.Zone
	}
	return out
}

func (h *Handler) assign(r *request) (any, error) {
	var req api.AddressRequest
	if err := problem.Decode(r.w, r.Request, maxBody, &req); err != nil {
		return nil, err
	}
	v, _ := h.Config.Latest()
	if v.Pending.VNets[req.VNet] == nil { // may have been added since
		var err error
		if v, err = h.Config.View(r.Context()); err != nil {
			return nil, err
		}
	}
	zone := zonesOf(v.Pending)(req.VNet)
	if !h.may(r.caller, right{vnetPath(zone, req.VNet), sdnWrite}) {
		return nil, h.forbidden(r.caller, right{pathZones, sdnWrite}) // does not reveal the zone or its existence
	}
	n, err := nicOf(req)
	if err != nil {
		return nil, err
	}
	if z := v.Pending.Zones[zone]; z != nil && z.IPAM == "" {
		return nil, problem.Invalid("zone %s has no ipam: nobody manages its addresses; set ipam to %s", zone, model.IPAMBuiltin)
	}
	r.objects = append(r.objects, "vnet/"+req.VNet)
	var got []ipam.Address
	switch {
	case req.Move:
		var a *ipam.Address
		if a, err = h.Addresses.Move(r.Context(), n, req.IP); err == nil {
			got = []ipam.Address{*a}
		}
	case req.IP.IsValid():
		var a *ipam.Address
		if a, err = h.Addresses.Reserve(r.Context(), n, req.IP); a != nil && err == nil {
			got = []ipam.Address{*a}
		}
	default:
		got, err = h.Addresses.Join(r.Context(), n)
	}
	if err != nil {
		return nil, h.veil(r.caller, v, err)
	}
	return convert(got, shownAddress), nil
}

// nicOf returns the NIC that a request names.
func nicOf(req api.AddressRequest) (ipam.NIC, error) {
	n := ipam.NIC{VNet: req.VNet, MAC: req.MAC, Guest: req.Guest, NIC: req.NIC, Name: req.Name}
	if req.MAC != "" {
		mac, ok := model.NormalizeMAC(req.MAC)
		if !ok {
			return n, problem.Invalid("mac %q: must be the MAC address of a host, like BC:24:11:00:00:01", req.MAC)
		}
		n.MAC = mac
	}
	switch {
	case req.VNet == "":
		return n, problem.Invalid("vnet is missing: name the vnet that the NIC is in")
	case n.MAC == "" && (n.Guest == "" || n.NIC == ""):
		return n, problem.Invalid("mac is missing: say whose the address is to be, by mac or by guest and nic")
	case req.Move && !req.IP.IsValid():
		return n, problem.Invalid("ip is missing: name the address to move to")
	case req.IP.Zone() != "":
		return n, problem.Invalid("ip %q: must be an address alone, without an interface", req.IP)
	}
	if fault, ok := model.CheckName(req.Name); !ok {
		return n, problem.Invalid("name %q: %s", req.Name, fault.Text)
	}
	return n, nil
}

func (h *Handler) releaseAddress(r *request) (any, error) {
	zone := r.PathValue("zone")
	ip, err := netip.ParseAddr(r.PathValue("ip"))
	if err != nil {
		return nil, problem.Invalid("%q in the path is no address", r.PathValue("ip"))
	}
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	if err := h.Addresses.Sync(r.Context()); err != nil {
		return nil, err
	}
	a, ok := h.Addresses.Get(zone, ip)
	vnet := a.VNet
	if vnet == "" {
		vnet = vnetOf(byZone(v.Pending)[zone])(ip)
	}
	if !h.may(r.caller, right{vnetPath(zone, vnet), sdnWrite}) {
		return nil, h.forbidden(r.caller, right{below(pathZones, zone), sdnWrite}) // does not reveal the VNet or its existence
	}
	if !ok {
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "nobody has the address %s in zone %s; list who has what with: viaduct address list", ip, zone)
	}
	r.objects = append(r.objects, "vnet/"+vnet)
	_, err = h.Addresses.Release(r.Context(), zone, a.Owner(), ip)
	return nil, err
}

func (h *Handler) usage(r *request) (any, error) {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	h.notice(r, model.KindSubnet)
	byZone := make(map[string]map[string]ipam.Usage)
	out := []api.Usage{}
	for _, id := range slices.Sorted(maps.Keys(v.Pending.Subnets)) {
		sub := v.Pending.Subnets[id]
		vnet := v.Pending.VNets[sub.VNet]
		if vnet == nil || v.Pending.Zones[vnet.Zone] == nil || !asked(r.Request, vnet) || !h.may(r.caller, right{vnetPath(vnet.Zone, vnet.ID), sdnRead}) {
			continue
		}
		if byZone[vnet.Zone] == nil {
			byZone[vnet.Zone] = h.Addresses.Usage(v.Pending, v.Pending.Zones[vnet.Zone])
		}
		u := byZone[vnet.Zone][id]
		out = append(out, api.Usage{Subnet: id, Zone: vnet.Zone, VNet: vnet.ID, CIDR: sub.CIDR, Used: u.Used, Size: u.Size, SizeLog2: u.Log2})
	}
	return out, nil
}

func (h *Handler) exportAddresses(r *request) (any, error) {
	v, err := h.Config.View(r.Context())
	if err != nil {
		return nil, err
	}
	return h.Addresses.Export(v), nil
}

func (h *Handler) importAddresses(r *request) (any, error) {
	b, err := problem.Body(r.w, r.Request, maxBody)
	if err != nil {
		return nil, err
	}
	state, odd, err := ipam.ParseState(b)
	if err != nil {
		return nil, problem.Invalid("%s", err)
	}
	got, err := h.Addresses.Import(r.Context(), state)
	if err != nil {
		return nil, err
	}
	return api.ImportResult{Added: got.Added, Known: got.Known, Refused: append(odd, got.Refused...)}, nil
}
