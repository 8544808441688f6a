package compile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/fault"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// # Load balancers of sectors
//
// The gateway of a sector on every node has the sector's load balancers: HAProxy listens at the
// gateway's addresses, where guests of the sector use it, and what is addressed to the sector's
// address in the backplane is translated to them.
//
// HAProxy connects to guests on all nodes. It leaves with the sector's address and a source port
// of the node's slice, like connections to outside: the address of the gateway is that of every
// node, and a guest would answer the gateway of its own. The answer is handed over by its port.

// loadBalancers adds the load balancers of a gateway's sector.
func (n *sectorBuilder) loadBalancers(g *gateway) {
	for _, l := range n.balancers[g.sector.ID] {
		owner := model.Ref(model.KindLoadBalancer, l.ID)
		if n.facts.HAProxy == "" && n.facts.Features != nil {
			n.noteOf(fault.Lacking, LevelError, owner, msgHAProxyMissing, n.name)
			continue
		}
		g.balancers = append(g.balancers, l)
		n.out.LoadBalancers = append(n.out.LoadBalancers, n.loadBalancer(g, l, owner))
	}
}

// loadBalancer is the state of one load balancer.
func (n *sectorBuilder) loadBalancer(g *gateway, l *model.LoadBalancer, owner string) desired.LoadBalancer {
	out := desired.LoadBalancer{
		Name: l.ID, Owner: owner, Space: g.space.Name, HTTP: l.Mode == model.BalanceHTTP,
		Algorithm: cmp.Or(l.Algorithm, desired.BalanceRoundRobin), Sticky: l.Sticky, AcceptProxy: l.AcceptProxy, SendProxy: l.SendProxy,
		MaxConnections: cmp.Or(l.MaxConnections, model.DefaultMaxConnections), IdleTimeout: cmp.Or(l.IdleTimeout, model.DefaultIdleTimeout),
		Servers: n.poolServers(g, l, owner),
	}
	for _, s := range g.subnets {
		if !s.Gateway.IsValid() {
			continue
		}
		for _, port := range l.Ports() {
			out.Listen = append(out.Listen, desired.LoadBalancerListener{Addr: netip.AddrPortFrom(s.Gateway, uint16(port)), Redirect: port == l.Redirect})
		}
	}
	if l.Certificate != "" {
		out.Certificate = &desired.KeyPair{Chain: desired.PEM(l.Certificate), Key: desired.PEM(l.Key)}
	}
	if l.WhenUnhealthy == model.UnhealthyOpen {
		out.Panic = max(l.PanicThreshold, 1)
	}
	if l.Check != model.CheckNone {
		out.Check = &desired.HealthCheck{Interval: cmp.Or(l.CheckInterval, model.DefaultCheckInterval), Fall: checkFall, Rise: checkRise}
	}
	if l.Check == model.CheckHTTP {
		out.Check.Path, out.Check.Host = cmp.Or(l.CheckPath, model.DefaultCheckPath), l.CheckHost
		out.Check.Status = cmp.Or(l.CheckStatus, model.DefaultCheckStatus)
	}
	return out
}

// The results of checks in a row that make a guest fail and work.
const (
	checkFall = 3
	checkRise = 2
)

// poolServers are the running guests of a pool, each at the first address of its first NIC in
// the sector.
func (n *sectorBuilder) poolServers(g *gateway, l *model.LoadBalancer, owner string) []desired.LoadBalancerServer {
	var out []desired.LoadBalancerServer
	var missing []string
	for _, p := range l.Pool {
		var best *model.Binding
		for _, b := range n.bindingsOf[p.Guest] {
			if b.VNet == g.sector.VNet && b.Node != "" && len(b.IPs) > 0 && (best == nil || b.NIC < best.NIC) {
				best = b
			}
		}
		if best == nil {
			missing = append(missing, p.Guest)
			continue
		}
		weight := cmp.Or(p.Weight, model.DefaultWeight)
		if p.Drain {
			weight = 0
		}
		addr := netip.AddrPortFrom(best.IPs[0], uint16(cmp.Or(l.TargetPort, l.Port)))
		out = append(out, desired.LoadBalancerServer{Name: p.Guest + "/" + best.NIC, Addr: addr, Weight: weight})
	}
	if g.backplane.Members[0].Node == n.name { // all members would say the same
		switch {
		case len(out) == 0:
			n.noteOf(fault.Consequence, LevelWarning, owner, msgPoolEmpty)
		case len(missing) > 0:
			n.noteOf(fault.Consequence, LevelWarning, owner, msgPoolGuestsMissing, strings.Join(missing, ", "))
		}
	}
	return out
}

// balance adds the rules of the sector's load balancers for one IP version; a is the sector's
// address.
func (r *gatewayRules) balance(f family, a netip.Addr) {
	var ports []string
	for _, l := range r.balancers {
		for _, p := range l.Ports() {
			ports = append(ports, strconv.Itoa(p))
		}
	}
	gate := r.gate(f)
	if len(ports) == 0 || !gate.IsValid() {
		return
	}
	slices.Sort(ports)
	var gates []string
	for _, s := range r.subnets {
		if f.of(s.Gateway) {
			gates = append(gates, s.Gateway.String())
		}
	}
	set := "balanced" + f.suffix
	r.set(desired.Set{Name: set, Type: "inet_service", Elements: slices.Compact(ports)})
	r.dnat = append(r.dnat, fmt.Sprintf("%s daddr %s tcp dport @%s dnat %s to %s", f.ip, a, set, f.ip, gate))
	r.input = append(r.input, fmt.Sprintf("%s daddr { %s } tcp dport @%s accept", f.ip, strings.Join(gates, ", "), set))
	r.snat = append(r.snat, fmt.Sprintf("oifname %q %s saddr { %s } meta l4proto tcp snat %s to %s", linkNode, f.ip, strings.Join(gates, ", "), f.ip, r.source(a)))
	if marks := r.sliceMarks(); len(marks) > 0 {
		r.raw = append(r.raw, fmt.Sprintf("iifname %q %s daddr %s meta l4proto tcp meta mark set th dport map { %s } notrack accept", linkGateway, f.ip, a, strings.Join(marks, ", ")))
	}
}
