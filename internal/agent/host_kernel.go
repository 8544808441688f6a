package agent

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

var _ KernelReader = (*Host)(nil)

// linkTable has the node's links by index.
type linkTable map[int]*rtnl.Link

func (h *Host) linkTable(ctx context.Context) (linkTable, error) {
	links, err := h.conn.Links(ctx)
	if err != nil {
		return nil, err
	}
	out := make(linkTable, len(links))
	for i := range links {
		out[links[i].Index] = &links[i]
	}
	return out, nil
}

// name is the name of a link; empty for 0.
func (t linkTable) name(index int) string {
	switch l := t[index]; {
	case l != nil:
		return l.Name
	case index == 0:
		return ""
	}
	return fmt.Sprintf("if%d", index) // deleted since the links were read
}

// Interfaces implements KernelReader.
func (h *Host) Interfaces(ctx context.Context) ([]livequery.Interface, error) {
	links, err := h.linkTable(ctx)
	if err != nil {
		return nil, err
	}
	addresses, err := h.conn.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	of := map[int][]netip.Prefix{}
	for _, a := range addresses {
		of[a.Index] = append(of[a.Index], a.Prefix)
	}
	out := make([]livequery.Interface, 0, len(links))
	for _, l := range links {
		list := of[l.Index]
		slices.SortFunc(list, netip.Prefix.Compare)
		out = append(out, livequery.Interface{
			Name: l.Name, Kind: l.Kind, Up: l.Up, MTU: l.MTU, MAC: macText(l.MAC), Master: links.name(l.Master), Addresses: list,
		})
	}
	slices.SortFunc(out, func(a, b livequery.Interface) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// macText is a MAC address, empty for none: that of a device that has no hardware is zero.
func macText(mac net.HardwareAddr) string {
	if bytes.Count(mac, []byte{0}) == len(mac) {
		return ""
	}
	return mac.String()
}

// routeProtocols are names of routes' makers (rtnetlink.h and /etc/iproute2/rt_protos).
var routeProtocols = map[uint8]string{
	unix.RTPROT_REDIRECT: "redirect", unix.RTPROT_KERNEL: "kernel", unix.RTPROT_BOOT: "boot", unix.RTPROT_STATIC: "static", unix.RTPROT_RA: "ra",
	unix.RTPROT_DHCP: "dhcp", unix.RTPROT_ZEBRA: "zebra", unix.RTPROT_BGP: "bgp", unix.RTPROT_ISIS: "isis", unix.RTPROT_OSPF: "ospf",
	unix.RTPROT_RIP: "rip", unix.RTPROT_EIGRP: "eigrp", protoZStatic: "static (FRR)", protoOpenFabric: "openfabric",
}

// Protocols of FRR's daemons that have no name in rtnetlink.h (FRR, zebra/rt_netlink.h).
const (
	protoOpenFabric = 197
	protoZStatic    = 196
)

// routeTypes are the routes that discard packets (ip-route(8)).
var routeTypes = map[uint8]string{unix.RTN_BLACKHOLE: "blackhole", unix.RTN_UNREACHABLE: "unreachable", unix.RTN_PROHIBIT: "prohibit", unix.RTN_THROW: "throw"}

// Routes implements KernelReader.
func (h *Host) Routes(ctx context.Context) ([]livequery.Route, error) {
	links, err := h.linkTable(ctx)
	if err != nil {
		return nil, err
	}
	routes, err := h.conn.Routes(ctx, rtnl.RouteFilter{})
	if err != nil {
		return nil, err
	}
	tables := map[int]string{unix.RT_TABLE_MAIN: "main"}
	for _, l := range links {
		if l.VRFTable != 0 {
			tables[int(l.VRFTable)] = l.Name
		}
	}
	out := []livequery.Route{}
	for _, r := range routes {
		// Addresses of the node, and broadcasts and multicasts, are with the interfaces.
		if r.Table == unix.RT_TABLE_LOCAL || r.Type == unix.RTN_LOCAL || r.Type == unix.RTN_BROADCAST || r.Type == unix.RTN_ANYCAST || r.Type == unix.RTN_MULTICAST {
			continue
		}
		out = append(out, livequery.Route{
			Table: cmp.Or(tables[r.Table], strconv.Itoa(r.Table)), Prefix: r.Dst.String(), Via: links.via(r),
			Protocol: cmp.Or(routeProtocols[r.Protocol], strconv.Itoa(int(r.Protocol))), Metric: r.Metric,
		})
	}
	slices.SortStableFunc(out, func(a, b livequery.Route) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Metric, b.Metric))
	})
	return out, nil
}

// via is where a route leads.
func (t linkTable) via(r rtnl.Route) []string {
	if text := routeTypes[r.Type]; text != "" {
		return []string{text}
	}
	hops := r.Hops
	if len(hops) == 0 {
		hops = []rtnl.NextHop{{Index: r.Index, Gateway: r.Gateway}}
	}
	out := make([]string, 0, len(hops))
	for _, n := range hops {
		text := t.name(n.Index)
		if n.Gateway.IsValid() {
			text = n.Gateway.String() + " " + text
		}
		out = append(out, text)
	}
	return out
}

// neighbourStates are the kernel's states, as ip-neighbour(8) names them.
var neighbourStates = map[uint16]string{
	unix.NUD_INCOMPLETE: "incomplete", unix.NUD_REACHABLE: "reachable", unix.NUD_STALE: "stale", unix.NUD_DELAY: "delay",
	unix.NUD_PROBE: "probe", unix.NUD_FAILED: "failed", unix.NUD_NOARP: "static", unix.NUD_PERMANENT: "permanent",
}

// Neighbours implements KernelReader.
func (h *Host) Neighbours(ctx context.Context) ([]livequery.Neighbour, error) {
	links, err := h.linkTable(ctx)
	if err != nil {
		return nil, err
	}
	all, err := h.conn.Neighbours(ctx)
	if err != nil {
		return nil, err
	}
	out := []livequery.Neighbour{}
	for _, n := range all {
		if n.State == unix.NUD_NOARP || n.Dst.IsMulticast() { // groups and loopback need no resolution
			continue
		}
		state := cmp.Or(neighbourStates[n.State], "none")
		if n.Flags&unix.NTF_EXT_LEARNED != 0 {
			state = "control plane"
		}
		out = append(out, livequery.Neighbour{Address: n.Dst, MAC: macText(n.MAC), Interface: links.name(n.Index), State: state})
	}
	slices.SortFunc(out, func(a, b livequery.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), a.Address.Compare(b.Address))
	})
	return out, nil
}

// Forwarding implements KernelReader. A tunnel has two entries for a remote MAC address:
// that of the bridge names the port, that of the device the VTEP.
func (h *Host) Forwarding(ctx context.Context, bridge string) ([]livequery.ForwardingEntry, error) {
	links, err := h.linkTable(ctx)
	if err != nil {
		return nil, err
	}
	all, err := h.conn.Forwarding(ctx)
	if err != nil {
		return nil, err
	}
	out := []livequery.ForwardingEntry{}
	at := map[[2]string]int{}
	for _, n := range all {
		l := links[n.Index]
		if l == nil || l.Name != bridge && links.name(l.Master) != bridge || len(n.MAC) == 0 || n.MAC[0]&1 != 0 {
			continue // another bridge, or a group
		}
		e := livequery.ForwardingEntry{MAC: macText(n.MAC), Port: l.Name, State: forwardingState(n)}
		if e.MAC == "" {
			e.MAC, e.State = "flood", "static"
		}
		if n.Dst.IsValid() {
			e.VTEP = n.Dst.String()
		}
		key := [2]string{e.MAC, e.Port}
		if i, known := at[key]; known && e.MAC != "flood" {
			out[i].VTEP = cmp.Or(out[i].VTEP, e.VTEP)
			continue
		}
		at[key] = len(out)
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b livequery.ForwardingEntry) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.MAC, b.MAC), cmp.Compare(a.VTEP, b.VTEP))
	})
	return out, nil
}

func forwardingState(n rtnl.Neighbour) string {
	switch {
	case n.Flags&unix.NTF_EXT_LEARNED != 0:
		return "control plane"
	case n.State&unix.NUD_PERMANENT != 0:
		return "permanent"
	case n.State&unix.NUD_NOARP != 0:
		return "static"
	}
	return "learned"
}
