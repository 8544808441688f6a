package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/render/haproxy"
)

var (
	_ ServiceReader  = (*Host)(nil)
	_ BalancerReader = (*Host)(nil)
)

// Optional interfaces of a driver, for live queries. They may be called at any time.
type (
	// supervisor keeps processes running.
	supervisor interface {
		Services(ctx context.Context, want *desired.Space) []driver.Service
	}
	// balancerReader runs load balancers.
	balancerReader interface {
		Pool(ctx context.Context, balancer string) ([]haproxy.Statistics, error)
	}
	// lessor assigns addresses.
	lessor interface {
		Leases(zone, link string) ([]dnsmasq.Lease, error)
	}
)

// Services implements ServiceReader.
func (h *Host) Services(ctx context.Context, want *desired.Node) []livequery.Service {
	out := []livequery.Service{}
	for _, d := range all[supervisor](h.stages) {
		for _, s := range d.Services(ctx, &want.Space) {
			out = append(out, livequery.Service{Name: s.Name, Object: s.Owner, Running: s.PID != 0, PID: s.PID})
		}
	}
	return out
}

// Pool implements BalancerReader.
func (h *Host) Pool(ctx context.Context, balancer string) ([]livequery.PoolServer, error) {
	drivers := all[balancerReader](h.stages)
	if len(drivers) == 0 {
		return nil, errors.New("this node has no load balancers")
	}
	stats, err := drivers[0].Pool(ctx, balancer)
	if err == nil && len(stats) == 0 {
		err = fmt.Errorf("HAProxy does not serve load balancer %s on this node", balancer)
	}
	return poolServers(stats, time.Now()), err
}

// poolServers are counters of HAProxy as of now.
func poolServers(stats []haproxy.Statistics, now time.Time) []livequery.PoolServer {
	out := make([]livequery.PoolServer, 0, len(stats))
	for _, s := range stats {
		p := livequery.PoolServer{
			Name: s.Server, State: strings.ToLower(s.Status), Since: now.Add(-time.Duration(s.Since) * time.Second).Truncate(time.Second).UTC(),
			Check: s.Check, Weight: s.Weight, Connections: s.Sessions, Total: s.Total, In: s.In, Out: s.Out,
		}
		if s.Addr.IsValid() {
			p.Address = s.Addr.String()
		}
		if s.Code != 0 {
			p.Check += fmt.Sprintf(" %d", s.Code)
		}
		if s.Detail != "" {
			p.Check += " " + s.Detail
		}
		out = append(out, p)
	}
	return out
}

// Leases implements ServiceReader. The link of a VNet has its name.
func (h *Host) Leases(zone, vnet string) ([]livequery.Lease, error) {
	servers := all[lessor](h.stages)
	if len(servers) == 0 {
		return nil, errors.New("this node has no DHCP servers")
	}
	leases, err := servers[0].Leases(zone, vnet)
	out := make([]livequery.Lease, 0, len(leases))
	for _, l := range leases {
		lease := livequery.Lease{VNet: vnet, Address: l.Address, MAC: l.MAC, Name: l.Name}
		if l.Expires != 0 {
			lease.Expires = time.Unix(l.Expires, 0).UTC()
		}
		out = append(out, lease)
	}
	return out, err
}
