// Command ipam measures the allocation of addresses: by three servers that share one
// etcd, to 16 clients at once.
//
//	go run ./test/bench/ipam -binary bin/viaduct -json build/bench.json
//
// The rows are
//
//	ipam/rate        addresses allocated per second, 50,000 in all; the floor is the rate
//	                 of transactions of the same form, by 16 clients to the same etcd,
//	                 in turns of 10,000 so that both meet the same disturbances
//	ipam/p99         the time for one
//	ipam/next-free   a NIC joins a VNet with a /8 with 1,000,000 used addresses, on a
//	                 store in memory; the median in seconds
//
// An address that is allocated twice, or missing in the end, is an error, and so is
// a figure beyond the limits of the project: half the floor's rate, and 1 ms.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/bench/process"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	total   = 50_000
	turns   = 5
	clients = 16
	servers = 3
	// nextFreeRow is the name of that row.
	nextFreeRow = "ipam/next-free"
	// patience bounds the whole.
	patience = 12 * time.Minute
	// leastRatio is the least part of the floor's rate.
	leastRatio = 0.5
	// mostNextFree is the longest that the next free address may take, in seconds.
	mostNextFree = 0.001
)

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	binary := flag.String("binary", "bin/viaduct", "the program to measure")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := run(ctx, *binary, *jsonPath); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, jsonPath string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	return report.Judge(jsonPath, func() ([]report.Row, error) {
		rows, err := measure(ctx, binary)
		if err != nil {
			return nil, err
		}
		free, err := nextFree(ctx)
		return append(rows, free), err
	}, report.Limit{Name: "ipam/rate", LeastOfFloor: leastRatio}, report.Limit{Name: nextFreeRow, Most: mostNextFree})
}

// measure measures servers on one etcd.
func measure(ctx context.Context, binary string) (_ []report.Row, err error) {
	kv, err := startStore()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, kv.stop()) }()
	var all []*process.Server
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.Stop())
		}
	}()
	for range servers {
		s, err := process.Start(ctx, binary, "--etcd", kv.url)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if err := configure(ctx, all[0]); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	given := make(map[netip.Addr]int)
	give := func(worker, i int) error {
		got, err := all[worker%servers].Client.AssignAddress(ctx, api.AddressRequest{VNet: "v1", MAC: mac(i), Name: fmt.Sprint("guest", i)})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, a := range got {
			given[a.IP]++
		}
		return nil
	}
	write, closeAll, err := kv.floor(ctx)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	var ours, theirs times
	for turn := range turns {
		if err := errors.Join(ours.parallel(turn, give), theirs.parallel(turn, write)); err != nil {
			return nil, err
		}
	}
	if err := complete(ctx, all, given); err != nil {
		return nil, err
	}
	return []report.Row{
		{Name: "ipam/rate", Unit: "1/s", Better: "higher", Ours: total / ours.all, Floor: total / theirs.all},
		{Name: "ipam/p99", Unit: "s", Better: report.Lower, Ours: quantile(ours.each, 0.99), Floor: quantile(theirs.each, 0.99)},
	}, nil
}

// configure makes a VNet with a subnet that has enough addresses.
func configure(ctx context.Context, s *process.Server) error {
	_, err := s.Client.Edit(ctx, []api.Edit{
		{Put: &model.Zone{ID: "z1", Type: model.ZoneSimple, IPAM: model.IPAMBuiltin}}, {Put: &model.VNet{ID: "v1", Zone: "z1"}},
		{Put: &model.Subnet{CIDR: netip.MustParsePrefix("10.0.0.0/8"), VNet: "v1", Gateway: netip.MustParseAddr("10.0.0.1")}},
	}, false)
	return err
}

func mac(i int) string { return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", i>>16&255, i>>8&255, i&255) }

// complete checks that no address was given twice, and that each server knows all.
func complete(ctx context.Context, all []*process.Server, given map[netip.Addr]int) error {
	for ip, n := range given {
		if n > 1 {
			return fmt.Errorf("%s was given %d times", ip, n)
		}
	}
	if len(given) != total {
		return fmt.Errorf("%d addresses were given instead of %d", len(given), total)
	}
	for i, s := range all {
		list, err := s.Client.Addresses(ctx, "z1", "")
		if err != nil {
			return err
		}
		known := 0
		for _, a := range list {
			known += given[a.IP]
		}
		if known != total {
			return fmt.Errorf("server %d knows %d of the addresses instead of %d", i, known, total)
		}
	}
	return nil
}

// times are how long calls took, each and all together, in seconds.
type times struct {
	each []float64
	all  float64
}

// parallel makes the calls of a turn, one at a time by each client, and adds what they
// take.
func (t *times) parallel(turn int, call func(worker, i int) error) error {
	const n = total / turns
	each := make([]float64, n)
	var next atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for worker := range clients {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				start := time.Now()
				if err := call(worker, turn*n+i); err != nil {
					return err
				}
				each[i] = time.Since(start).Seconds()
			}
		})
	}
	err := group.Wait()
	t.all += time.Since(began).Seconds()
	t.each = append(t.each, each...)
	return err
}

// quantile is the value that a part of all does not exceed.
func quantile(values []float64, part float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return v[min(int(part*float64(len(v))), len(v)-1)]
}
