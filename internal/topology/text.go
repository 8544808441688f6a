package topology

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// counted is a number with its noun: "1 guest", "2 guests".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits + " " + noun + "s"
}

// joined joins the texts that are not empty.
func joined(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, " · ")
}

func controllerDetail(c *model.Controller) string {
	text := strings.ToUpper(string(c.Type)) + " controller"
	if c.Type == model.ControllerISIS {
		text = "IS-IS controller"
	}
	if c.ASN != 0 {
		text += " · AS " + strconv.Itoa(c.ASN)
	}
	return text
}

func zoneDetail(b *band) string {
	kind := "zone"
	if b.zone != nil {
		kind = map[model.ZoneType]string{
			model.ZoneSimple: "simple zone", model.ZoneVLAN: "VLAN zone", model.ZoneQinQ: "QinQ zone", model.ZoneVXLAN: "VXLAN zone", model.ZoneEVPN: "EVPN zone",
		}[b.zone.Type]
	}
	if !b.collapsed {
		return kind
	}
	return joined(kind, counted(len(b.rows), "VNet"), counted(b.guests(), "guest"))
}

func vnetDetail(r *row) string {
	tag := ""
	if r.vnet.Tag != 0 {
		tag = "tag " + strconv.Itoa(r.vnet.Tag)
	}
	idle := ""
	if n := len(r.nics[""]); n > 0 {
		idle = fmt.Sprintf("%d not running", n)
	}
	return joined(tag, r.vnet.Alias, idle)
}

func subnetDetail(s *model.Subnet) string {
	if !s.Gateway.IsValid() {
		return "no gateway"
	}
	text := "gateway " + s.Gateway.String()
	if s.SNAT {
		text += ", SNAT"
	}
	return text
}

func guestLabel(n nic) string {
	if n.guest.Name != "" {
		return n.guest.Name
	}
	return n.guest.ID
}

// guestDetail names the NIC and its addresses.
func guestDetail(n nic) string {
	var addresses []string
	for _, have := range n.guest.NICs {
		if have.ID == n.id {
			for _, ip := range have.IPs {
				addresses = append(addresses, ip.String())
			}
		}
	}
	return joined("guest "+n.guest.ID, n.id, strings.Join(addresses, ", "))
}

// guests counts the NICs of a zone.
func (b *band) guests() int {
	n := 0
	for _, r := range b.rows {
		n += r.guests()
	}
	return n
}

// countGuests adds the NICs of a zone to counts by node.
func (b *band) countGuests(by map[string]int) {
	for _, r := range b.rows {
		for node, list := range r.nics {
			by[node] += len(list)
		}
	}
}

func (r *row) guests() int {
	n := 0
	for _, list := range r.nics {
		n += len(list)
	}
	return n
}

// summary is the picture in a sentence.
func (g *graph) summary() string {
	by := make(map[protocol.State]int)
	for _, c := range g.columns {
		by[g.states.nodes[c.name].state]++
	}
	nodes := counted(len(g.columns), "node")
	var bad []string
	for _, s := range []protocol.State{protocol.Unreachable, protocol.Degraded, protocol.Warning, protocol.Applying} {
		if by[s] > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", by[s], s))
		}
	}
	if len(bad) > 0 {
		nodes += " (" + strings.Join(bad, ", ") + ")"
	}
	vnets, guests := 0, 0
	for _, b := range g.bands {
		vnets += len(b.rows)
		guests += b.guests()
	}
	text := strings.Join([]string{nodes, counted(len(g.bands), "zone"), counted(vnets, "VNet"), counted(guests, "guest NIC")}, ", ")
	if n := len(g.changes); n > 0 {
		text += "; " + counted(n, "pending change")
	}
	return text
}
