package dnsmasq

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/render/dnsmasq"
)

// Services returns the server of each network that should have one. It may be called at any
// time.
func (d *Driver) Services(_ context.Context, want *desired.Space) []driver.Service {
	var out []driver.Service
	for i := range want.DHCP {
		s := &want.DHCP[i]
		for j := range s.Networks {
			n := &s.Networks[j]
			p, _ := d.process(instance{s.Zone, n.Link})
			out = append(out, driver.Service{Name: "DHCP server (dnsmasq)", Owner: n.Owner, PID: p.pid})
		}
	}
	return out
}

// Leases returns the leases on a link of a zone; none if there is no server. It may be
// called at any time.
func (d *Driver) Leases(zone, link string) ([]dnsmasq.Lease, error) {
	b, err := os.ReadFile(d.leases(instance{zone, link}))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the leases of vnet %s: %w", link, err)
	}
	return dnsmasq.Leases(string(b)), nil
}
