package agent

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/protocol"
)

// sessionGrace is how long a neighbour may be without a session before that is reported:
// routers that start need some seconds to find each other.
const sessionGrace = 15 * time.Second

// neighbour is another router that an object of the node has to have a session with: by
// its address, or by the link that it is at the other end of.
type neighbour struct{ owner, name string }

// sessions watches the sessions of the node's FRR with its neighbours.
type sessions struct {
	now func() time.Time
	// since is when each of them was first seen without one.
	since map[neighbour]time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, since: map[neighbour]time.Time{}}
}

// check reports neighbours that have been without a session for too long. The driver
// reports a daemon that does not answer.
func (s *sessions) check(ctx context.Context, v StateReader, doc *document.Document, want *desired.Node) []protocol.ObjectStatus {
	up := map[neighbour]bool{}
	if want.FRR != nil {
		checkBGP(ctx, v, want.FRR.Blocks, up)
	}
	checkFabrics(ctx, v, doc, up)
	checkISIS(ctx, v, doc, up)
	maps.DeleteFunc(s.since, func(n neighbour, _ time.Time) bool { isUp, declared := up[n]; return isUp || !declared })
	established := map[string]bool{}
	var down []neighbour
	for n, isUp := range up {
		if isUp {
			established[n.owner] = true
			continue
		}
		if _, known := s.since[n]; !known {
			s.since[n] = s.now()
		}
		if s.now().Sub(s.since[n]) >= sessionGrace {
			down = append(down, n)
		}
	}
	slices.SortFunc(down, func(a, b neighbour) int { return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.name, b.name)) })
	out := make([]protocol.ObjectStatus, 0, len(down))
	for _, n := range down {
		m := n.message(ctx, v)
		o := protocol.ObjectStatus{Object: n.owner, State: protocol.Degraded, Class: fault.Peer, Message: m.Text, Details: m.Details}
		if established[n.owner] { // the other sessions carry the traffic
			o.State = protocol.Converged
		}
		if _, err := netip.ParseAddr(n.name); err == nil {
			o.Peers = []string{n.name}
		}
		out = append(out, o)
	}
	return out
}

// message describes the fault, with FRR's reason, and what to do.
func (n neighbour) message(ctx context.Context, v StateReader) message.Message {
	if link, protocol, ok := strings.Cut(n.name, " "); ok {
		return msgNoAdjacency.Of(protocol, link)
	}
	if _, err := netip.ParseAddr(n.name); err != nil {
		return msgNoSessionOnInterface.Of(n.name, bgpReason(ctx, v, n.name))
	}
	return msgNoSession.Of(n.name, bgpReason(ctx, v, n.name))
}

// bgpReason is FRR's reason for a session that is down; empty if it gives none.
func bgpReason(ctx context.Context, v StateReader, name string) string {
	var peers map[string]struct {
		Reason string `json:"lastResetDueTo"`
		Code   int    `json:"lastResetCode"`
		Notice string `json:"lastNotificationReason"`
	}
	// The word for a session that never was is no reason (bgpd.h, PEER_DOWN_NOAFI_ACTIVATED).
	const never = 30
	if showJSON(ctx, v, "bgpd", "show bgp neighbors "+name+" json", &peers) != nil {
		return ""
	}
	p := peers[name]
	if p.Reason == "" || p.Code == never {
		return " (never established)"
	}
	if p.Notice != "" {
		p.Reason += ", " + p.Notice
	}
	return " (FRR: " + p.Reason + ")"
}

// checkBGP records for each declared neighbour whether its session is established in any
// address family.
func checkBGP(ctx context.Context, v StateReader, blocks []desired.FRRBlock, up map[neighbour]bool) {
	var declared []neighbour
	for _, b := range blocks {
		owned := strings.HasPrefix(b.Owner, string(model.KindController)+"/") || strings.HasPrefix(b.Owner, string(model.KindFabric)+"/")
		if !owned || !strings.HasPrefix(b.Head, "router bgp ") || strings.Contains(b.Head, " vrf ") {
			continue
		}
		for _, line := range b.Lines {
			// neighbor A peer-group G, or neighbor LINK interface peer-group G
			w := strings.Fields(line)
			if len(w) >= 4 && w[0] == "neighbor" && w[len(w)-2] == "peer-group" {
				declared = append(declared, neighbour{b.Owner, w[1]})
			}
		}
	}
	if len(declared) == 0 {
		return
	}
	var families bgpPeers
	if showJSON(ctx, v, "bgpd", "show bgp summary json", &families) != nil || families == nil {
		return
	}
	for _, n := range declared {
		up[n] = false
		for _, family := range families {
			up[n] = up[n] || family.Peers[n.name].State == "Established"
		}
	}
}

// checkFabrics records for each link of a fabric whether a router at its other end is known.
// The sessions of BGP fabrics are BGP's.
func checkFabrics(ctx context.Context, v StateReader, doc *document.Document, up map[neighbour]bool) {
	members := map[string]int{}
	for _, m := range doc.Config.FabricNodes {
		members[m.Fabric]++
	}
	for id, f := range doc.Config.Fabrics {
		m := doc.Config.FabricNodes[model.FabricNodeID(id, doc.Node)]
		if m == nil || members[id] < 2 {
			continue
		}
		var links map[string]bool
		word := ""
		switch f.Protocol {
		case model.FabricOpenFabric:
			word, links = "OpenFabric", circuitsUp(ctx, v, "fabricd", "show openfabric neighbor detail json", id)
		case model.FabricOSPF:
			word, links = "OSPF", ospfUp(ctx, v)
		case model.FabricBGP, model.FabricWireGuard: // sessions not checked here
		}
		for _, l := range m.Interfaces {
			if links != nil {
				up[neighbour{model.Ref(model.KindFabric, id), l.Name + " " + word}] = links[l.Name]
			}
		}
	}
}

// checkISIS records whether an IS-IS controller has any neighbour: one of its interfaces may
// well lead to a network without other routers.
func checkISIS(ctx context.Context, v StateReader, doc *document.Document, up map[neighbour]bool) {
	for _, c := range doc.Config.Controllers {
		if c.Type != model.ControllerISIS || c.Node != doc.Node || len(c.ISISIfaces) == 0 {
			continue
		}
		links := circuitsUp(ctx, v, "isisd", "show isis neighbor detail json", c.ISISDomain)
		if links != nil {
			up[neighbour{model.Ref(model.KindController, c.ID), strings.Join(c.ISISIfaces, "/") + " IS-IS"}] = len(links) > 0
		}
	}
}

// circuitsUp are the links on which fabricd or isisd has a neighbour; nil if it does not
// answer.
func circuitsUp(ctx context.Context, v StateReader, daemon, command, area string) map[string]bool {
	var d fabricd
	if showJSON(ctx, v, daemon, command, &d) != nil {
		return nil
	}
	out := map[string]bool{}
	for _, a := range d.Areas {
		for _, c := range a.Circuits {
			if a.Area == area && c.Neighbour != "" && c.Interface.State == "Up" {
				out[c.Interface.Name] = true
			}
		}
	}
	return out
}

// ospfUp are the links on which ospfd has a neighbour that it exchanges routes with; nil
// if it does not answer. Two routers of a network with many need not be "Full".
func ospfUp(ctx context.Context, v StateReader) map[string]bool {
	var d ospfd
	if showJSON(ctx, v, "ospfd", "show ip ospf neighbor json", &d) != nil {
		return nil
	}
	out := map[string]bool{}
	for _, list := range d.Neighbours {
		for _, n := range list {
			if name, _, _ := strings.Cut(n.Interface, ":"); strings.HasPrefix(n.State, "Full") || strings.HasPrefix(n.State, "2-Way") {
				out[name] = true
			}
		}
	}
	return out
}
