package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// addressBook holds the addresses of the guests' NICs, declared and allocated.
type addressBook map[string][]string // by guest and NIC

// readAddresses reads the address book of a zone or VNet, or all.
func readAddresses(ctx context.Context, c *client.Client, zone, vnet string) (addressBook, error) {
	list, err := c.Addresses(ctx, zone, vnet)
	if err != nil {
		return nil, err
	}
	book := make(addressBook)
	for _, a := range list {
		if a.Guest != "" {
			key := a.Guest + "/" + a.NIC
			book[key] = append(book[key], a.IP.String())
		}
	}
	return book, nil
}

// of returns the addresses of a NIC, declared ones first.
func (b addressBook) of(g *model.Guest, n *model.NIC) []string {
	out := addrTexts(n.IPs)
	for _, ip := range b[g.ID+"/"+n.ID] {
		if !slices.Contains(out, ip) {
			out = append(out, ip)
		}
	}
	return out
}

// nicView is a network interface with the guest it belongs to.
type nicView struct {
	Guest string `json:"guest"`
	Name  string `json:"name,omitempty"`
	Node  string `json:"node,omitempty"`
	NIC   string `json:"nic"`
	VNet  string `json:"vnet"`
	MAC   string `json:"mac,omitempty"`
	// IPs are the addresses that the guest declares, and the allocated ones.
	IPs []string `json:"ips,omitempty"`
	// Link is the name of the NIC's link on the node, once it is connected.
	Link string `json:"link,omitempty"`
}

// nics shows every guest's NICs; the id, if given, is that of a guest.
func (g getter) nics(ctx context.Context) error {
	objs, err := g.list(ctx, model.KindGuest)
	if err != nil {
		return err
	}
	st, err := g.c.Status(ctx, "")
	if err != nil {
		return err
	}
	book, err := readAddresses(ctx, g.c, "", "")
	if err != nil {
		return err
	}
	views := nicViews(objs, st, book)
	switch g.output {
	case formatJSON, formatYAML:
		return writeData(g.Stdout, g.output, views)
	case formatName:
		for _, v := range views {
			if _, err := fmt.Fprintf(g.Stdout, "guest/%s/%s\n", v.Guest, v.NIC); err != nil {
				return err
			}
		}
		return nil
	}
	if len(views) == 0 {
		return g.write("no nics\n")
	}
	rows := make([][]string, len(views))
	for i, v := range views {
		rows[i] = []string{v.Guest, v.Name, v.NIC, v.VNet, v.Node, strings.Join(v.IPs, ", "), v.MAC, v.Link}
	}
	return g.write(table([]string{"GUEST", "NAME", "NIC", "VNET", "NODE", "ADDRESSES", "MAC", "LINK"}, rows))
}

func nicViews(objs []model.Object, st *api.Status, book addressBook) []nicView {
	ports := make(map[string][]string)
	for _, n := range st.Nodes {
		if n.Report != nil {
			ports[n.Name] = n.Report.Ports
		}
	}
	out := []nicView{}
	for _, o := range objs {
		guest, ok := o.(*model.Guest)
		if !ok {
			continue
		}
		for _, n := range guest.NICs {
			out = append(out, nicView{Guest: guest.ID, Name: guest.Name, Node: guest.Node, NIC: n.ID, VNet: n.VNet,
				MAC: n.MAC, IPs: book.of(guest, &n), Link: linkOf(guest.ID, n.ID, ports[guest.Node])})
		}
	}
	return out
}

// linkOf finds a NIC's link among a node's ports by its Proxmox name.
func linkOf(guest, nic string, ports []string) string {
	for _, name := range naming.GuestPorts(guest, nic) {
		if slices.Contains(ports, name) {
			return name
		}
	}
	return ""
}

// nicsText lists the NICs of a guest.
func (d *description) nicsText() string {
	g, ok := d.pending.(*model.Guest)
	if !ok || len(g.NICs) == 0 {
		return ""
	}
	var rows [][]string
	for _, v := range nicViews([]model.Object{g}, d.status, d.book) {
		link := v.Link
		if link == "" {
			link = "not connected"
		}
		rows = append(rows, []string{"  " + v.NIC, v.VNet, strings.Join(v.IPs, ", "), v.MAC, link})
	}
	return table([]string{"  NIC", "VNET", "ADDRESSES", "MAC", "LINK"}, rows)
}

// addressesText shows the used addresses of the subnets of a VNet, or of one subnet.
func (d *description) addressesText() string {
	var rows [][]string
	for _, u := range d.usage {
		if d.kind == model.KindSubnet && u.Subnet != d.id {
			continue
		}
		rows = append(rows, []string{"  " + u.CIDR.String(), usageText(u), percentText(u)})
	}
	if len(rows) == 0 {
		return ""
	}
	return table([]string{"  SUBNET", "USED", "PERCENT"}, rows)
}
