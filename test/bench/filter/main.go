// Command filter measures how fast a node forwards one VNet's traffic to the outside, with
// source NAT and the VNet's firewall, when it has 1,000 such VNets and when it has one.
//
//	go run ./test/bench/filter -json build/bench.json
//
// The rows are medians of alternating runs; the figure is with 1,000 VNets, and the floor
// with one:
//
//	filter/throughput   of a TCP connection from a guest to a host outside
//	filter/connections  that are made to it, one after the other, each with a question
//	                    and an answer
//
// Less than 0.9 of the floor's throughput is an error. Nodes, guests and hosts are
// network namespaces connected by veths; the drivers program the compiled state. It needs
// root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	many = 1000
	runs = 9
	// perRun is how long a connection is measured, connections how many are made.
	perRun      = 700 * time.Millisecond
	connections = 1000
	// throughputRow is the name of the row with a limit, leastRatio the least part of the
	// floor's throughput.
	throughputRow = "filter/throughput"
	leastRatio    = 0.9
	patience      = 12 * time.Minute
)

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := run(ctx, *jsonPath); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, jsonPath string) error {
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(ctx) }, report.Limit{Name: throughputRow, LeastOfFloor: leastRatio})
}

func measure(ctx context.Context) (_ []report.Row, err error) {
	var nodes [2]*node // with many VNets, and with one
	for i, n := range []int{many, 1} {
		if nodes[i], err = newNode(ctx, n); err != nil {
			return nil, fmt.Errorf("a node with %d VNets: %w", n, err)
		}
		defer func() { err = errors.Join(err, nodes[i].close()) }()
	}
	var rates, made [2][]float64
	for round := range runs + 1 { // the first warms up
		for i, n := range nodes {
			rate, err := n.throughput(ctx)
			if err != nil {
				return nil, err
			}
			connected, err := n.connections(ctx)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				rates[i], made[i] = append(rates[i], rate), append(made[i], connected)
			}
		}
	}
	return []report.Row{
		row(throughputRow, "Gbit/s", rates),
		row("filter/connections", "1/s", made),
	}, nil
}

func row(name, unit string, values [2][]float64) report.Row {
	return report.Row{Name: name, Unit: unit, Better: "higher", Ours: report.Median(values[0]), Floor: report.Median(values[1])}
}
