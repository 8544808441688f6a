package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/ipam"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/internal/revision"
	"github.com/viaduct-sdn/viaduct/internal/store"
	"github.com/viaduct-sdn/viaduct/internal/store/mem"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	used  = 1_000_000
	joins = 500
	// batch is how many records go in one transaction.
	batch = 1000
)

// nextFree measures the time for a NIC to join a VNet with a subnet in which very
// many addresses are used, the first ones among them.
func nextFree(ctx context.Context) (row report.Row, err error) {
	st := mem.New()
	defer func() { _ = st.Close() }() // it holds nothing but memory
	next := netip.MustParseAddr("10.0.0.2")
	for n := range used / batch {
		ops := make([]store.Op, batch)
		for i := range ops {
			ops[i] = store.Put("ipam/address/z1/"+next.String(), fmt.Appendf(nil, `{"vnet":"v1","guest":"%d","nic":"net0"}`, 100+n*batch+i))
			next = next.Next()
		}
		if _, err := st.Txn(ctx, nil, ops); err != nil {
			return row, err
		}
	}
	config, err := revision.Open(ctx, st, revision.Options{})
	if err != nil {
		return row, err
	}
	service, err := ipam.Open(ctx, ipam.Options{Store: st, Config: config})
	if err != nil {
		return row, err
	}
	_, err = config.Edit(ctx, "bench", []model.Edit{
		{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple, IPAM: model.IPAMBuiltin}}, {Put: &model.VNet{ID: "v1", Zone: "z1"}},
		{Put: &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/8"), VNet: "v1", Gateway: netip.MustParseAddr("10.0.0.1")}},
	}, revision.EditOptions{})
	if err != nil {
		return row, err
	}
	took := make([]float64, joins)
	for i := range took {
		start := time.Now()
		got, err := service.Join(ctx, ipam.NIC{VNet: "v1", MAC: mac(i)})
		if err != nil {
			return row, err
		}
		took[i] = time.Since(start).Seconds()
		if got[0].IP != next {
			return row, fmt.Errorf("%s was given, %s is the next free address", got[0].IP, next)
		}
		next = next.Next()
	}
	return report.Row{Name: nextFreeRow, Unit: "s", Better: report.Lower, Ours: quantile(took, 0.5)}, nil
}
