package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/viaduct-sdn/viaduct/internal/diff"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/livequery"
)

// listServices are the processes that the last pass demanded.
func listServices(ctx context.Context, a *Agent, _ *document.Document, _ string) ([]livequery.Service, error) {
	r, ok := a.System.(ServiceReader)
	a.mu.Lock()
	want := a.lastPass.want
	a.mu.Unlock()
	switch {
	case !ok:
		return nil, errors.New("this agent does not answer live queries")
	case want == nil:
		return nil, errors.New("the agent has not finished its first pass yet")
	}
	return r.Services(ctx, want), nil
}

// listDrift is what a pass would change now. It waits for one that runs.
func listDrift(ctx context.Context, a *Agent, doc *document.Document, _ string) ([]diff.Change, error) {
	a.passing.Lock()
	defer a.passing.Unlock()
	current := *doc
	current.Bindings = a.bindings.list()
	_, want, _, err := prepare(ctx, a.System, &current)
	if err != nil {
		return nil, err
	}
	found, err := runDrivers(ctx, a.System, want, true)
	if err != nil && len(found.Changes) == 0 {
		return nil, err
	}
	return found.Changes, nil // objects with errors are in the node's status
}

// listLog is the agent's log, newest first.
func listLog(_ context.Context, a *Agent, _ *document.Document, _ string) ([]livequery.LogRecord, error) {
	return a.recent.newest(), nil
}

// listForwarding is the forwarding database of a VNet's bridge, which has the VNet's name.
func listForwarding(ctx context.Context, r KernelReader, doc *document.Document, vnet string) ([]livequery.ForwardingEntry, error) {
	if doc.Config.VNets[vnet] == nil {
		return nil, fmt.Errorf("vnet %s is not on this node", vnet)
	}
	return r.Forwarding(ctx, vnet)
}

// listLeases are the leases of a VNet.
func listLeases(_ context.Context, r ServiceReader, doc *document.Document, vnet string) ([]livequery.Lease, error) {
	v := doc.Config.VNets[vnet]
	if v == nil {
		return nil, fmt.Errorf("vnet %s is not on this node", vnet)
	}
	return r.Leases(v.Zone, vnet)
}

// listPool are a load balancer and the guests of its pool.
func listPool(ctx context.Context, r BalancerReader, doc *document.Document, id string) ([]livequery.PoolServer, error) {
	if doc.Config.LoadBalancers[id] == nil {
		return nil, fmt.Errorf("load balancer %s is not on this node", id)
	}
	return r.Pool(ctx, id)
}

// listZoneLeases are the leases of a zone's VNets, by VNet.
func listZoneLeases(_ context.Context, r ServiceReader, doc *document.Document, zone string) ([]livequery.Lease, error) {
	if doc.Config.Zones[zone] == nil {
		return nil, fmt.Errorf("zone %s is not on this node", zone)
	}
	out := []livequery.Lease{}
	for id, v := range doc.Config.VNets {
		if v.Zone != zone {
			continue
		}
		leases, err := r.Leases(zone, id)
		if err != nil {
			return nil, err
		}
		out = append(out, leases...)
	}
	slices.SortStableFunc(out, func(a, b livequery.Lease) int {
		return cmp.Or(cmp.Compare(a.VNet, b.VNet), a.Address.Compare(b.Address))
	})
	return out, nil
}
