package model

import "net/netip"

// Guest is a virtual machine or container and the node it runs on.
type Guest struct {
	// ID is the guest's number (VMID), 100 to 999999999.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Node is where the guest runs; empty while it is not running.
	Node string `json:"node,omitempty"`
	NICs []NIC  `json:"nics,omitempty"`
	// Set is the owner set: see SetOf.
	Set string `json:"set,omitempty"`
}

// NIC is one network interface of a guest. On the guest's node Proxmox names its link
// veth<vmid>i<n>, tap<vmid>i<n> or fwpr<vmid>p<n>; the agent adds that link to the VNet's
// bridge.
type NIC struct {
	// ID is net0 to net31.
	ID   string `json:"id"`
	VNet string `json:"vnet"`
	// MAC is the NIC's MAC address; empty if unknown.
	MAC string `json:"mac,omitempty"`
	// IPs are the guest's addresses on this NIC.
	IPs []netip.Addr `json:"ips,omitempty"`
}

// KindGuest is the kind of Guest.
const KindGuest Kind = "guest"

func guestKind() *Descriptor {
	return &Descriptor{
		Kind: KindGuest,
		Live: true,
		// Guests are compared with all others, so the guests of a call are checked together.
		checkLive: func(c *liveChecker, e Edit) { c.guests = append(c.guests, e.Put.ObjectID()) },
		slot:      in(func(c *Config) *map[string]*Guest { return &c.Guests }),
		Doc:       "A virtual machine or container, its NICs and the node it runs on.",
		Example: `kind: guest
id: 100
name: web1
node: node1
nics:
  - {id: net0, vnet: web, mac: "BC:24:11:00:00:01", ips: [10.0.1.10]}
`,
		Permissions: []Permission{{Path: "/vms/{id}", Read: []string{privVMAudit}, Write: []string{privVMNetwork}}},
		WriteNote:   "and SDN.Use on each /sdn/zones/{zone}/{vnet} that a NIC is to join",
		Properties: []Property{
			{Name: "id", Required: true, Doc: "guest number, 100 to 999999999", Pattern: vmidForm.String()},
			{Name: "name", Doc: "host name"},
			{Name: "node", Doc: "node the guest runs on", Ref: KindNode},
			{Name: "nics", Doc: "network interfaces", MaxItems: MaxNICs, Items: &Items{
				Type: "list of NICs", Name: "nic", Key: "id", Named: true,
				Properties: []Property{
					{Name: "id", Required: true, Doc: "net0 to net31", Pattern: nicIDForm.String()},
					{Name: "vnet", Required: true, Doc: "VNet the NIC joins", Ref: KindVNet},
					{Name: "mac", Doc: "MAC address"},
					{Name: "ips", Doc: "addresses the guest uses"},
				},
			}},
		},
		Columns: []Column{
			column("GUEST", func(g *Guest) string { return g.ID }),
			column("NAME", func(g *Guest) string { return g.Name }),
			column("NODE", func(g *Guest) string { return g.Node }),
			column("NICS", func(g *Guest) string { return g.nicsText() }),
			wideColumn("ADDRESSES", func(g *Guest) string { return g.addressesText() }),
		},
	}
}

// ObjectKind implements Object.
func (*Guest) ObjectKind() Kind { return KindGuest }

// ObjectID implements Object.
func (g *Guest) ObjectID() string { return g.ID }

// nicsText returns the VNets of the guest's first NICs.
func (g *Guest) nicsText() string {
	var nics []string
	for _, n := range g.NICs {
		nics = append(nics, n.ID+"="+n.VNet)
	}
	return fewTexts(nics)
}

func (g *Guest) addressesText() string {
	var addrs []netip.Addr
	for _, n := range g.NICs {
		addrs = append(addrs, n.IPs...)
	}
	return fewTexts(stringTexts(addrs))
}
