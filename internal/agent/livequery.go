package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// StateReader is a System that reads the node's present state. It changes nothing.
type StateReader interface {
	// Bridges are the node's bridges, sorted by name.
	Bridges(ctx context.Context) ([]livequery.Bridge, error)
	// Show returns what one of FRR's daemons prints for a command.
	Show(ctx context.Context, daemon, command string) (string, error)
	// Counters are those of the firewalls of all VNets.
	Counters(ctx context.Context) ([]livequery.FirewallCounter, error)
}

// KernelReader is a System that reads the state of the node's kernel. It changes nothing.
type KernelReader interface {
	// Interfaces are the node's interfaces, sorted by name.
	Interfaces(ctx context.Context) ([]livequery.Interface, error)
	// Routes are the kernel's, without those of the node's own addresses.
	Routes(ctx context.Context) ([]livequery.Route, error)
	// Neighbours are resolved addresses.
	Neighbours(ctx context.Context) ([]livequery.Neighbour, error)
	// Forwarding is the forwarding database of a bridge.
	Forwarding(ctx context.Context, bridge string) ([]livequery.ForwardingEntry, error)
}

// ServiceReader is a System that reads what its DHCP servers, DNS server and routing suite do.
type ServiceReader interface {
	// Services are the processes that the desired state demands, and others of FRR.
	Services(ctx context.Context, want *desired.Node) []livequery.Service
	// Leases are those of the DHCP server of a VNet.
	Leases(zone, vnet string) ([]livequery.Lease, error)
}

// BalancerReader is a System that reads what its load balancers do.
type BalancerReader interface {
	// Pool is a load balancer and the guests of its pool.
	Pool(ctx context.Context, balancer string) ([]livequery.PoolServer, error)
}

// answers are the answers to all live queries, by subject.
var answers = map[livequery.Subject]answer{
	livequery.Interfaces.Subject:       to(livequery.Interfaces, ofKernel(KernelReader.Interfaces)),
	livequery.NodeRoutes.Subject:       to(livequery.NodeRoutes, ofKernel(KernelReader.Routes)),
	livequery.Neighbours.Subject:       to(livequery.Neighbours, ofKernel(KernelReader.Neighbours)),
	livequery.Counters.Subject:         to(livequery.Counters, listInterfaceCounters),
	livequery.VNetCounters.Subject:     to(livequery.VNetCounters, listVNetCounters),
	livequery.Sessions.Subject:         to(livequery.Sessions, listSessions),
	livequery.Services.Subject:         to(livequery.Services, listServices),
	livequery.Drift.Subject:            to(livequery.Drift, listDrift),
	livequery.Log.Subject:              to(livequery.Log, listLog),
	livequery.Bridges.Subject:          to(livequery.Bridges, listBridges),
	livequery.Routes.Subject:           to(livequery.Routes, listRoutes),
	livequery.ZoneLeases.Subject:       to(livequery.ZoneLeases, listZoneLeases),
	livequery.MACs.Subject:             to(livequery.MACs, listMACs),
	livequery.Forwarding.Subject:       to(livequery.Forwarding, listForwarding),
	livequery.Leases.Subject:           to(livequery.Leases, listLeases),
	livequery.FirewallCounters.Subject: to(livequery.FirewallCounters, listCounters),
	livequery.NodeFirewallLog.Subject:  to(livequery.NodeFirewallLog, listNodeFirewallLog),
	livequery.FirewallLog.Subject:      to(livequery.FirewallLog, listFirewallLog),
	livequery.LoadBalancer.Subject:     to(livequery.LoadBalancer, listPool),
	livequery.FabricRoutes.Subject:     to(livequery.FabricRoutes, inFabric(listFabricRoutes)),
	livequery.FabricNeighbours.Subject: to(livequery.FabricNeighbours, inFabric(fabricNeighbours)),
	livequery.FabricLinks.Subject:      to(livequery.FabricLinks, inFabric(fabricInterfaces)),
}

// answer lists what a live query about an object asks for; omitted is how many items
// exceeded the bounds.
type answer func(ctx context.Context, a *Agent, doc *document.Document, of string) (list json.RawMessage, omitted int, err error)

// to makes an answer to a query of a function that lists what the query asks for. R is what
// the function reads: a part of the System, or the agent itself.
func to[R, T any](_ livequery.Query[T], list func(ctx context.Context, r R, doc *document.Document, of string) ([]T, error)) answer {
	return func(ctx context.Context, a *Agent, doc *document.Document, of string) (json.RawMessage, int, error) {
		r, ok := any(a.System).(R)
		if !ok {
			r, ok = any(a).(R)
		}
		if !ok {
			return nil, 0, errors.New("this agent does not answer live queries")
		}
		items, err := list(ctx, r, doc, of)
		if err != nil {
			return nil, 0, err
		}
		return bounded(items, livequery.MaxItems, livequery.MaxBytes)
	}
}

// bounded encodes the first items of a list that do not exceed the bounds.
func bounded[T any](items []T, most, bytes int) (list json.RawMessage, omitted int, err error) {
	list = append(list, '[')
	for i := range items {
		b, err := json.Marshal(&items[i])
		if err != nil {
			return nil, 0, err
		}
		if i == most || len(list)+len(b)+2 > bytes {
			omitted = len(items) - i
			break
		}
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, b...)
	}
	return append(list, ']'), omitted, nil
}

// ofKernel lists what one method of the kernel's reader returns.
func ofKernel[T any](read func(KernelReader, context.Context) ([]T, error)) func(ctx context.Context, r KernelReader, doc *document.Document, of string) ([]T, error) {
	return func(ctx context.Context, r KernelReader, _ *document.Document, _ string) ([]T, error) {
		return read(r, ctx)
	}
}

// inFabric finds the fabric that a query is about, and the node's part in it.
func inFabric[T any](list func(ctx context.Context, r StateReader, f *model.Fabric, m *model.FabricNode) ([]T, error)) func(ctx context.Context, r StateReader, doc *document.Document, of string) ([]T, error) {
	return func(ctx context.Context, r StateReader, doc *document.Document, of string) ([]T, error) {
		f, m := doc.Config.Fabrics[of], doc.Config.FabricNodes[model.FabricNodeID(of, doc.Node)]
		if f == nil || m == nil {
			return nil, fmt.Errorf("fabric %s is not on this node", of)
		}
		return list(ctx, r, f, m)
	}
}

// answerQueries waits for live queries and answers them, one after the other. It is
// independent of the desired state: a query that fails is not retried.
func (a *Agent) answerQueries(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		var q protocol.LiveQuery
		err := link.do(ctx, http.MethodGet, "/agent/v1/questions", nil, &q)
		if err == nil {
			err = link.do(ctx, http.MethodPost, "/agent/v1/answers/"+url.PathEscape(q.ID), a.answer(ctx, &q), nil)
		}
		if err == nil || errors.Is(err, errUnchanged) {
			wait.reset()
			continue
		}
		a.Log.Debug("a live query could not be received or answered", "error", err)
		wait.sleep(ctx)
	}
}

// answer finds the answer to a live query.
func (a *Agent) answer(ctx context.Context, q *protocol.LiveQuery) *protocol.Answer {
	out := &protocol.Answer{}
	var err error
	if out.Data, out.Omitted, err = a.query(ctx, q); err != nil {
		out.Error = err.Error()
	}
	return out
}

func (a *Agent) query(ctx context.Context, q *protocol.LiveQuery) (list json.RawMessage, omitted int, err error) {
	a.mu.Lock()
	doc := a.doc
	a.mu.Unlock()
	if doc == nil {
		return nil, 0, errors.New("the node has no configuration yet")
	}
	find := answers[q.Subject]
	if find == nil {
		return nil, 0, fmt.Errorf("this agent does not know the live query %q; upgrade it", q.Subject)
	}
	return find(ctx, a, doc, q.Of)
}

// listBridges are the bridges of a zone's VNets, or those without an owner.
func listBridges(ctx context.Context, v StateReader, doc *document.Document, zone string) ([]livequery.Bridge, error) {
	if zone != livequery.LocalNetwork && doc.Config.Zones[zone] == nil {
		return nil, fmt.Errorf("zone %s is not on this node", zone)
	}
	all, err := v.Bridges(ctx)
	return slices.DeleteFunc(all, func(b livequery.Bridge) bool {
		if vnet := doc.Config.VNets[b.Name]; vnet != nil {
			return vnet.Zone != zone
		}
		return zone != livequery.LocalNetwork
	}), err
}

// nextHop is a next hop in FRR's output.
type nextHop struct {
	IP          string `json:"ip"`
	Interface   string `json:"interfaceName"`
	Unreachable bool   `json:"unreachable"`
}

func (n *nextHop) String() string {
	if n.Unreachable {
		return "unreachable"
	}
	return cmp.Or(n.IP, n.Interface, "unreachable")
}

// frrRoute is a route in FRR's output.
type frrRoute struct {
	Prefix   string    `json:"prefix"`
	Protocol string    `json:"protocol"`
	Metric   int       `json:"metric"`
	Selected bool      `json:"selected"`
	NextHops []nextHop `json:"nexthops"`
}

// showRoutes are the routes that zebra prints for commands, in the order of
// prefixes as text.
func showRoutes(ctx context.Context, v StateReader, commands ...string) ([]frrRoute, error) {
	var out []frrRoute
	for _, command := range commands {
		text, err := v.Show(ctx, "zebra", command)
		if err != nil {
			return nil, err
		}
		byPrefix := map[string][]frrRoute{}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &byPrefix); err != nil {
			return nil, fmt.Errorf("FRR's answer to %q cannot be read: %w", command, err)
		}
		for _, routes := range byPrefix {
			out = append(out, routes...)
		}
	}
	slices.SortStableFunc(out, func(a, b frrRoute) int {
		return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Protocol, b.Protocol))
	})
	return out, nil
}

func listRoutes(ctx context.Context, v StateReader, doc *document.Document, zone string) ([]livequery.VRFRoute, error) {
	z := doc.Config.Zones[zone]
	if z == nil || z.Type != model.ZoneEVPN {
		return nil, fmt.Errorf("zone %s is no evpn zone of this node", zone)
	}
	vrf := naming.VRF.OfVRF(z.ID, z.VRFVXLAN)
	routes, err := showRoutes(ctx, v, "show ip route vrf "+vrf+" json", "show ipv6 route vrf "+vrf+" json")
	out := make([]livequery.VRFRoute, 0, len(routes))
	for _, r := range routes {
		o := livequery.VRFRoute{Prefix: r.Prefix, Metric: r.Metric, Protocol: r.Protocol, NextHops: []string{}}
		for _, n := range r.NextHops {
			o.NextHops = append(o.NextHops, n.String())
		}
		out = append(out, o)
	}
	return out, err
}

// evpnPath is a path to a host in FRR's output.
type evpnPath struct {
	MAC      string    `json:"mac"`
	IP       string    `json:"ip"`
	Best     bool      `json:"bestpath"`
	NextHops []nextHop `json:"nexthops"`
}

func listMACs(ctx context.Context, v StateReader, doc *document.Document, vnet string) ([]livequery.MAC, error) {
	n := doc.Config.VNets[vnet]
	if n == nil || doc.Config.Zones[n.Zone] == nil || doc.Config.Zones[n.Zone].Type != model.ZoneEVPN {
		return nil, fmt.Errorf("vnet %s is of no evpn zone of this node", vnet)
	}
	command := fmt.Sprintf("show bgp l2vpn evpn route vni %d type 2 json", n.Tag)
	text, err := v.Show(ctx, "bgpd", command)
	if err != nil {
		return nil, err
	}
	routes := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &routes); err != nil {
		return nil, fmt.Errorf("FRR's answer to %q cannot be read: %w", command, err)
	}
	out := []livequery.MAC{}
	for _, raw := range routes {
		var route struct {
			Paths []json.RawMessage `json:"paths"`
		}
		if json.Unmarshal(raw, &route) != nil {
			continue // a counter
		}
		for _, p := range paths(route.Paths) {
			if p.Best && len(p.NextHops) > 0 {
				out = append(out, livequery.MAC{IP: p.IP, MAC: p.MAC, NextHop: p.NextHops[0].String()})
			}
		}
	}
	slices.SortFunc(out, func(a, b livequery.MAC) int { return cmp.Or(cmp.Compare(a.MAC, b.MAC), cmp.Compare(a.IP, b.IP)) })
	return out, nil
}

// paths reads a list of paths, or of lists of them, as releases of FRR differ.
func paths(raw []json.RawMessage) []evpnPath {
	var out []evpnPath
	for _, r := range raw {
		var one evpnPath
		var many []json.RawMessage
		if json.Unmarshal(r, &many) == nil {
			out = append(out, paths(many)...)
		} else if json.Unmarshal(r, &one) == nil {
			out = append(out, one)
		}
	}
	return out
}

// fabricLinks are the interfaces of the node in a fabric, its own device among them.
func fabricLinks(f *model.Fabric, m *model.FabricNode) []string {
	out := []string{naming.Fabric.Of(f.ID)}
	for _, i := range m.Interfaces {
		out = append(out, i.Name)
	}
	return out
}

// listFabricRoutes are the node's routes with a next hop in a fabric.
func listFabricRoutes(ctx context.Context, v StateReader, f *model.Fabric, m *model.FabricNode) ([]livequery.FabricRoute, error) {
	links := fabricLinks(f, m)
	routes, err := showRoutes(ctx, v, "show ip route json", "show ipv6 route json")
	out := []livequery.FabricRoute{}
	for _, r := range routes {
		o := livequery.FabricRoute{Prefix: r.Prefix}
		for _, n := range r.NextHops {
			if slices.Contains(links, n.Interface) {
				o.Via = append(o.Via, n.String())
			}
		}
		if len(o.Via) > 0 {
			out = append(out, o)
		}
	}
	return out, err
}
