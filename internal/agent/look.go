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

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// Viewer is a System that shows its state to those who ask. It changes nothing.
type Viewer interface {
	// Bridges are the node's bridges, sorted by name.
	Bridges(ctx context.Context) ([]protocol.Bridge, error)
	// Show returns what one of FRR's daemons prints for a command.
	Show(ctx context.Context, daemon, command string) (string, error)
	// Counters are those of the firewalls of all VNets.
	Counters(ctx context.Context) ([]protocol.FirewallCounter, error)
}

// answer waits for questions and answers them, one after the other. It has nothing
// to do with what the node shall be: a question that fails, fails.
func (a *Agent) answer(ctx context.Context, link *serverLink) {
	wait := backoff{}
	for ctx.Err() == nil {
		var q protocol.Question
		err := link.do(ctx, http.MethodGet, "/agent/v1/questions", nil, &q)
		if err == nil {
			err = link.do(ctx, http.MethodPost, "/agent/v1/answers/"+url.PathEscape(q.ID), a.look(ctx, &q), nil)
		}
		if err == nil || errors.Is(err, errUnchanged) {
			wait.reset()
			continue
		}
		a.Log.Debug("a question could not be taken or answered", "error", err)
		wait.sleep(ctx)
	}
}

// look finds the answer to a question.
func (a *Agent) look(ctx context.Context, q *protocol.Question) *protocol.Answer {
	data, err := a.see(ctx, q)
	out := &protocol.Answer{}
	if err == nil {
		out.Data, err = json.Marshal(data)
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

func (a *Agent) see(ctx context.Context, q *protocol.Question) (any, error) {
	v, ok := a.System.(Viewer)
	if !ok {
		return nil, errors.New("this agent shows nothing")
	}
	a.mu.Lock()
	doc := a.doc
	a.mu.Unlock()
	if doc == nil {
		return nil, errors.New("the node has no configuration yet")
	}
	cfg := &doc.Config
	switch q.Subject {
	case protocol.AskBridges:
		return seeBridges(ctx, v, cfg, q.Of)
	case protocol.AskRoutes:
		return seeRoutes(ctx, v, cfg, q.Of)
	case protocol.AskMACs:
		return seeMACs(ctx, v, cfg, q.Of)
	case protocol.AskFirewall:
		return seeFirewall(ctx, v, cfg, q.Of)
	case protocol.AskFabricRoutes, protocol.AskFabricNeighbours, protocol.AskFabricInterfaces:
		return seeFabric(ctx, v, cfg, doc.Node, q)
	}
	return nil, fmt.Errorf("this agent knows nothing of %q; upgrade it", q.Subject)
}

// seeBridges are the bridges of a zone's VNets, or those that are nobody's.
func seeBridges(ctx context.Context, v Viewer, cfg *model.Config, zone string) ([]protocol.Bridge, error) {
	if zone != protocol.LocalNetwork && cfg.Zones[zone] == nil {
		return nil, fmt.Errorf("zone %s is not on this node", zone)
	}
	all, err := v.Bridges(ctx)
	return slices.DeleteFunc(all, func(b protocol.Bridge) bool {
		if vnet := cfg.VNets[b.Name]; vnet != nil {
			return vnet.Zone != zone
		}
		return zone != protocol.LocalNetwork
	}), err
}

// nextHop is what FRR tells of one.
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

// frrRoute is what FRR tells of a route.
type frrRoute struct {
	Prefix   string    `json:"prefix"`
	Protocol string    `json:"protocol"`
	Metric   int       `json:"metric"`
	Selected bool      `json:"selected"`
	NextHops []nextHop `json:"nexthops"`
}

// showRoutes are the routes that zebra prints for commands, in the order of
// prefixes as text.
func showRoutes(ctx context.Context, v Viewer, commands ...string) ([]frrRoute, error) {
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

func seeRoutes(ctx context.Context, v Viewer, cfg *model.Config, zone string) ([]protocol.VRFRoute, error) {
	z := cfg.Zones[zone]
	if z == nil || z.Type != model.ZoneEVPN {
		return nil, fmt.Errorf("zone %s is no evpn zone of this node", zone)
	}
	vrf := naming.VRF.OfVRF(z.ID, z.VRFVXLAN)
	routes, err := showRoutes(ctx, v, "show ip route vrf "+vrf+" json", "show ipv6 route vrf "+vrf+" json")
	out := make([]protocol.VRFRoute, 0, len(routes))
	for _, r := range routes {
		o := protocol.VRFRoute{Prefix: r.Prefix, Metric: r.Metric, Protocol: r.Protocol, NextHops: []string{}}
		for _, n := range r.NextHops {
			o.NextHops = append(o.NextHops, n.String())
		}
		out = append(out, o)
	}
	return out, err
}

// evpnPath is what FRR tells of a way to a host.
type evpnPath struct {
	MAC      string    `json:"mac"`
	IP       string    `json:"ip"`
	Best     bool      `json:"bestpath"`
	NextHops []nextHop `json:"nexthops"`
}

func seeMACs(ctx context.Context, v Viewer, cfg *model.Config, vnet string) ([]protocol.MAC, error) {
	n := cfg.VNets[vnet]
	if n == nil || cfg.Zones[n.Zone] == nil || cfg.Zones[n.Zone].Type != model.ZoneEVPN {
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
	out := []protocol.MAC{}
	for _, raw := range routes {
		var route struct {
			Paths []json.RawMessage `json:"paths"`
		}
		if json.Unmarshal(raw, &route) != nil {
			continue // a counter
		}
		for _, p := range paths(route.Paths) {
			if p.Best && len(p.NextHops) > 0 {
				out = append(out, protocol.MAC{IP: p.IP, MAC: p.MAC, NextHop: p.NextHops[0].String()})
			}
		}
	}
	slices.SortFunc(out, func(a, b protocol.MAC) int { return cmp.Or(cmp.Compare(a.MAC, b.MAC), cmp.Compare(a.IP, b.IP)) })
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

func seeFabric(ctx context.Context, v Viewer, cfg *model.Config, node string, q *protocol.Question) (any, error) {
	f, m := cfg.Fabrics[q.Of], cfg.FabricNodes[model.FabricNodeID(q.Of, node)]
	if f == nil || m == nil {
		return nil, fmt.Errorf("fabric %s is not on this node", q.Of)
	}
	switch q.Subject {
	case protocol.AskFabricNeighbours:
		return fabricNeighbours(ctx, v, f, m)
	case protocol.AskFabricInterfaces:
		return fabricInterfaces(ctx, v, f, m)
	}
	links := fabricLinks(f, m)
	routes, err := showRoutes(ctx, v, "show ip route json", "show ipv6 route json")
	out := []protocol.FabricRoute{}
	for _, r := range routes {
		o := protocol.FabricRoute{Prefix: r.Prefix}
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
