// Command links measures how fast a node's networks are made, checked, changed
// and removed: by Viaduct's link driver, by ifupdown2 (the peer), and by
// ip -batch and bridge -batch of exactly the same objects (the floor). Each
// network is a bridge with a gateway address and a VXLAN device with two far
// ends. It needs root, makes network namespaces of its own and leaves none.
//
//	go run ./test/bench/links -json build/bench.json
//
// The rows are links/<N>/<what>, medians in seconds:
//
//	cold      all N networks where there were none
//	noop      nothing to do; floor: one `ip -d link show` of everything, thrown away
//	add1      one more network
//	change1   the MTU of one network (its bridge and its VXLAN device)
//	remove1   one network less
//	teardown  all networks removed; floor: ip link del group
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// phases are the measured operations, in their order.
var phases = []string{"cold", "noop", "add1", "change1", "remove1", "teardown"}

// times holds the runs of each phase, in seconds.
type times map[string][]float64

// add appends the runs of another.
func (t times) add(other map[string]float64) {
	for k, v := range other {
		t[k] = append(t[k], v)
	}
}

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	quick := flag.Bool("quick", false, "only 100 networks, one run")
	size := flag.Int("n", 0, "only this number of networks")
	runs := flag.Int("runs", 5, "runs of ours and of the floor; the peer gets at most 3, and 1 from 1000 networks on")
	noPeer := flag.Bool("no-peer", false, "leave ifupdown2 out")
	cache := flag.String("cache", "build/cache", "folder to unpack ifupdown2 in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sizes := []int{100, 500, 1000}
	switch {
	case *size > 0:
		sizes = []int{*size}
	case *quick:
		sizes, *runs = sizes[:1], 1
	}
	if err := run(ctx, sizes, *runs, *jsonPath, *cache, *noPeer); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sizes []int, runs int, jsonPath, cache string, noPeer bool) error {
	peer := ""
	if !noPeer {
		var err error
		if peer, err = unpackPeer(ctx, cache); err != nil {
			return fmt.Errorf("get ifupdown2 to compare with (leave it out with -no-peer): %w", err)
		}
	}
	var rows []report.Row
	for _, n := range sizes {
		r, err := measure(ctx, n, runs, peer)
		if err != nil {
			return fmt.Errorf("%d networks: %w", n, err)
		}
		rows = append(rows, r...)
	}
	return report.Finish(jsonPath, rows)
}

// measure makes the rows of one size. Viaduct and the floor alternate, so that a busy
// machine slows both.
func measure(ctx context.Context, n, runs int, peer string) ([]report.Row, error) {
	ours, floor, theirs := times{}, times{}, times{}
	for i := range runs {
		fmt.Fprintf(os.Stderr, "%d networks: run %d of %d\n", n, i+1, runs)
		t, err := runOurs(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("ours: %w", err)
		}
		ours.add(t)
		if t, err = runFloor(ctx, n); err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		floor.add(t)
	}
	if peer != "" {
		if n >= 1000 { // minutes each
			runs = 1
		}
		for i := range min(runs, 3) {
			fmt.Fprintf(os.Stderr, "%d networks: ifupdown2, run %d of %d\n", n, i+1, min(runs, 3))
			t, err := runPeer(ctx, n, peer)
			if err != nil {
				return nil, fmt.Errorf("ifupdown2: %w", err)
			}
			theirs.add(t)
		}
	}
	var rows []report.Row
	for _, p := range phases {
		rows = append(rows, report.Row{
			Name: fmt.Sprintf("links/%d/%s", n, p), Unit: "s", Better: report.Lower,
			Ours: report.Median(ours[p]), Peer: report.Median(theirs[p]), Floor: report.Median(floor[p]),
		})
	}
	return rows, nil
}
