package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/naming"
)

// TrafficReader is a System that reads the counters of interfaces. It changes nothing.
type TrafficReader interface {
	// Traffic are the node's interfaces with their counters.
	Traffic(ctx context.Context) ([]rtnl.CountedLink, error)
}

var _ TrafficReader = (*Host)(nil)

// Traffic implements TrafficReader.
func (h *Host) Traffic(ctx context.Context) ([]rtnl.CountedLink, error) {
	return h.conn.CountedLinks(ctx)
}

// listInterfaceCounters are the counters of the interfaces that have a role in networks: the
// node's uplinks first, then by VNet.
func listInterfaceCounters(ctx context.Context, r TrafficReader, doc *document.Document, _ string) ([]livequery.InterfaceCounters, error) {
	links, err := r.Traffic(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	roles := rolesOf(links, doc)
	out := []livequery.InterfaceCounters{}
	for i := range links {
		c, ok := roles(&links[i].Link)
		if !ok {
			continue
		}
		t := links[i].Traffic
		c.Name, c.Time = links[i].Name, now
		c.ReceivedBytes, c.ReceivedPackets, c.SentBytes, c.SentPackets = t.ReceivedBytes, t.ReceivedPackets, t.SentBytes, t.SentPackets
		c.Errors, c.Dropped = t.Errors, t.Dropped
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b livequery.InterfaceCounters) int {
		return cmp.Or(cmp.Compare(a.VNet, b.VNet), cmp.Compare(b.Role, a.Role), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// listVNetCounters are those of a VNet: none if it is not on the node, as before its first apply,
// since readers ask again and again.
func listVNetCounters(ctx context.Context, r TrafficReader, doc *document.Document, vnet string) ([]livequery.InterfaceCounters, error) {
	all, err := listInterfaceCounters(ctx, r, doc, "")
	return slices.DeleteFunc(all, func(c livequery.InterfaceCounters) bool { return c.VNet != vnet }), err
}

// rolesOf finds what interfaces are to the networks of a document.
func rolesOf(links []rtnl.CountedLink, doc *document.Document) func(*rtnl.Link) (livequery.InterfaceCounters, bool) {
	names := make(map[int]string, len(links))
	byName := make(map[string]bool, len(links))
	for i := range links {
		names[links[i].Index], byName[links[i].Name] = links[i].Name, true
	}
	ports := make(map[string]livequery.InterfaceCounters)
	for id, g := range doc.Guests {
		for _, nic := range g.NICs {
			for _, name := range naming.GuestPorts(id, nic.ID) {
				if byName[name] {
					ports[name] = livequery.InterfaceCounters{Role: livequery.RoleGuest, VNet: nic.VNet, Guest: id, NIC: nic.ID}
					break
				}
			}
		}
	}
	return func(l *rtnl.Link) (livequery.InterfaceCounters, bool) {
		if c, ok := ports[l.Name]; ok {
			return c, true
		}
		// The bridge of a VNet has its name.
		if vnet := names[l.Master]; doc.Config.VNets[vnet] != nil {
			return livequery.InterfaceCounters{Role: livequery.RoleVNetUplink, VNet: vnet}, true
		}
		return livequery.InterfaceCounters{Role: livequery.RoleUplink}, isUplink(l)
	}
}

// isUplink reports whether a link is an uplink of the node itself: hardware, or in a node that
// is a container its end of a veth pair. Docker and Proxmox VE begin the names of the ends at
// the host with "veth"; those are guests'.
func isUplink(l *rtnl.Link) bool {
	switch {
	case l.Loopback || l.Group == desired.LinkGroup || l.Group == desired.DoomedGroup:
		return false
	case l.Kind == "veth":
		return l.ParentElsewhere && !strings.HasPrefix(l.Name, "veth")
	}
	return l.Kind == ""
}
