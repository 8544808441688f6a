package pveapi

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/access"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
)

// The types of interfaces, in Proxmox's terms.
const (
	typeBridge    = "bridge"
	typeBond      = "bond"
	typeHardware  = "eth"
	typeVLAN      = "vlan"
	typeOVSBridge = "OVSBridge"
	typeOVSPort   = "OVSIntPort"
	typeUnknown   = "unknown"
)

// Filters that select several types.
const (
	filterAnyBridge      = "any_bridge"       // bridges and VNets
	filterAnyLocalBridge = "any_local_bridge" // bridges
	filterIncludeSDN     = "include_sdn"      // all, and VNets
)

func (h *Handler) networkOperations() []Operation {
	node := nodeParam()
	return []Operation{
		{
			Method: "GET", Path: "/nodes/{node}/network", Doc: "List a node's interfaces, but bridges only for those who may use them.",
			Params: []schema.Property{node, {
				Name: "type", Form: schema.Text, Doc: "only this type", Enum: []string{
					typeBridge, typeBond, typeHardware, "alias", typeVLAN, "fabric", typeOVSBridge, "OVSBond", "OVSPort", typeOVSPort,
					"vnet", filterAnyBridge, filterAnyLocalBridge, filterIncludeSDN,
				},
			}},
			Handle: h.listInterfaces,
		},
		{
			Method: "PUT", Path: "/nodes/{node}/network", Doc: "Wait, in a task, until a node has the running configuration.",
			Params: []schema.Property{node, {
				Name: "regenerate-frr", Form: schema.Boolean, Doc: "write FRR's configuration, which happens whenever it differs",
			}},
			Allow: Need("/nodes/{node}", access.SysModify), Handle: h.reloadNetwork,
		},
		{
			Method: "GET", Path: "/nodes/{node}/network/{iface}", Doc: "Show an interface of a node.",
			Params: []schema.Property{node, {
				Name: "iface", Form: schema.Text, Need: 'r', Check: matching(ifaceForm, "network interface name"), Doc: "name of the interface",
			}},
			Allow: Need("/nodes/{node}", access.SysAudit),
			Handle: func(c *Call) (any, error) {
				n, err := h.host(c.Text("node"))
				if err != nil {
					return nil, err
				}
				for _, o := range interfaces(n.facts) {
					if o["iface"] == c.Text("iface") {
						delete(o, "iface")
						return o, nil
					}
				}
				return nil, Params{"iface": "interface does not exist"}
			},
		},
	}
}

func (h *Handler) listInterfaces(c *Call) (any, error) {
	n, err := h.host(c.Text("node"))
	if err != nil {
		return nil, err
	}
	filter := c.Text("type")
	out := []schema.Object{}
	for _, o := range interfaces(n.facts) {
		bridge := o["type"] == typeBridge || o["type"] == typeOVSBridge
		switch filter {
		case "", filterIncludeSDN:
		case filterAnyBridge, filterAnyLocalBridge:
			if !bridge {
				continue
			}
		default:
			if o["type"] != filter {
				continue
			}
		}
		if name := o["iface"].(string); bridge && !c.May("/sdn/zones/localnetwork/"+name, access.SDNAudit, access.SDNUse) {
			continue
		}
		out = append(out, o)
	}
	return append(out, h.networks().interfaces(c, n.Name, filter)...), nil
}

// interfaces returns the node's own interfaces as Proxmox shows them, sorted by name,
// without the loopback interface.
func interfaces(f *model.Facts) []schema.Object {
	out := []schema.Object{}
	for i := range f.Interfaces {
		if f.Interfaces[i].Name != "lo" {
			out = append(out, describeInterface(f, &f.Interfaces[i]))
		}
	}
	return out
}

// describeInterface shows an interface. A node does not report how its addresses were
// assigned: an interface with an address counts as static.
func describeInterface(f *model.Facts, i *model.Interface) schema.Object {
	o := schema.Object{"iface": i.Name, "type": interfaceType(f, i), "method": "manual", "method6": "manual"}
	if i.Up {
		o["active"] = true
	}
	if o["type"] == typeHardware {
		o["exists"] = true
	}
	families := []string{}
	for _, family := range []struct {
		four           bool
		name, suffixed string
	}{{true, "inet", ""}, {false, "inet6", "6"}} {
		p := global(i.Addresses, family.four)
		if !p.IsValid() {
			continue
		}
		families = append(families, family.name)
		o["method"+family.suffixed] = "static"
		o["cidr"+family.suffixed] = p.String()
		o["address"+family.suffixed] = p.Addr().String()
		o["netmask"+family.suffixed] = strconv.Itoa(p.Bits())
	}
	if len(families) > 0 {
		o["families"] = families
	}
	if i.MTU > 0 {
		o["mtu"] = strconv.Itoa(i.MTU)
	}
	if len(i.AltNames) > 0 {
		o["altnames"] = i.AltNames
	}
	describeMembers(o, f, i)
	return o
}

// describeMembers adds the ports, bonding or VLAN properties of an interface.
func describeMembers(o schema.Object, f *model.Facts, i *model.Interface) {
	var members []string
	for _, m := range f.Interfaces {
		if m.Master == i.Name && m.Name != i.Name {
			members = append(members, m.Name)
		}
	}
	ports := strings.Join(members, " ")
	switch o["type"] {
	case typeBridge:
		o["bridge_ports"] = ports
		if i.VLANFiltering {
			o["bridge_vlan_aware"] = true
		}
	case typeOVSBridge:
		o["ovs_ports"] = ports
	case typeOVSPort:
		o["ovs_bridge"] = i.Master
	case typeBond:
		o["slaves"] = ports
	case typeVLAN:
		// The name has the VLAN ID if it has Proxmox's own form.
		dot := strings.LastIndexByte(i.Name, '.')
		if dot < 0 {
			return
		}
		if tag, err := strconv.ParseUint(i.Name[dot+1:], 10, 16); err == nil {
			// A part of the name, which is text in Proxmox (PVE::INotify).
			o["vlan-id"], o["vlan-raw-device"] = strconv.FormatUint(tag, 10), i.Name[:dot]
		}
	}
}

func interfaceType(f *model.Facts, i *model.Interface) string {
	switch i.Kind {
	case "":
		return typeHardware
	case "bridge":
		return typeBridge
	case "bond":
		return typeBond
	case "vlan":
		return typeVLAN
	case "openvswitch":
		if slices.Contains(f.OVSBridges, i.Name) {
			return typeOVSBridge
		}
		return typeOVSPort
	}
	return typeUnknown
}

func (h *Handler) reloadNetwork(c *Call) (any, error) {
	n, err := h.host(c.Text("node"))
	if err != nil {
		return nil, err
	}
	if _, err := h.Config.View(c); err != nil { // what others applied counts too
		return nil, err
	}
	return h.Tasks.Start(c, "srvreload", "networking", c.Who.String(), func(ctx context.Context, log func(string, ...any)) error {
		return h.awaitNode(ctx, n.Name, log)
	})
}
