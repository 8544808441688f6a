package agent

import (
	"context"
	"errors"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

var _ ServiceReader = (*Host)(nil)

// Optional interfaces of a driver, for live queries. They may be called at any time.
type (
	// supervisor keeps processes running.
	supervisor interface {
		Services(ctx context.Context, want *desired.Space) []driver.Service
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
