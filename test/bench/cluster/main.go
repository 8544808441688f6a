// Command cluster measures how long it lasts to compute the state of every node of a
// large cluster: 100 nodes, 1,000 EVPN VNets in 50 VRFs, each with a subnet,
// two of the nodes exit nodes of all zones.
//
//	go run ./test/bench/cluster -json build/bench.json
//
// The rows are medians in seconds for all nodes together:
//
//	cluster/compile  the projection of the configuration for each node, compiled
//	cluster/render   the files that `viaduct render interfaces` and `viaduct render
//	                 frr` print for each node; the running configuration is read once
//
// There is no peer: Proxmox's generator runs on the nodes of a cluster only. Each
// has to stay under two seconds.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/model"
	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

const runs = 5

// limit is what a row may not exceed.
const limit = 2 * time.Second

var cluster = workload.EVPN{Nodes: 100, Zones: 50, VNets: 1000, Exits: 2}

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	flag.Parse()
	if err := run(*jsonPath); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(jsonPath string) error {
	cfg, err := cluster.Config()
	if err != nil {
		return err
	}
	running := cluster.Running()
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(cfg, running) },
		report.Limit{Name: compileRow, Most: limit.Seconds()}, report.Limit{Name: renderRow, Most: limit.Seconds()})
}

// The names of the rows.
const (
	compileRow = "cluster/compile"
	renderRow  = "cluster/render"
)

func measure(cfg *model.Config, running []byte) ([]report.Row, error) {
	rows := []report.Row{
		{Name: compileRow, Unit: "s", Better: report.Lower},
		{Name: renderRow, Unit: "s", Better: report.Lower},
	}
	for i, f := range []func() error{
		func() error { return compileAll(cfg) },
		func() error { return renderAll(running) },
	} {
		var times []float64
		for range runs {
			start := time.Now()
			if err := f(); err != nil {
				return nil, err
			}
			times = append(times, time.Since(start).Seconds())
		}
		rows[i].Ours = report.Median(times)
	}
	return rows, nil
}

// each calls f for every node, on all processors as the server does for a plan.
func each(f func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range cluster.Nodes {
		group.Go(func() error { return f(i) })
	}
	return group.Wait()
}

// compileAll works out the desired state of every node.
func compileAll(cfg *model.Config) error {
	p := compile.NewProjector(cfg, nil, 1)
	return each(func(i int) error {
		n, notes := compile.Node(p.Node(workload.Node(i)), cluster.Facts(i))
		// Two links for each VNet, three for each zone.
		if want := 2*cluster.VNets + 3*cluster.Zones; len(n.Links) != want || n.FRR == nil {
			return fmt.Errorf("%d links of %d; notes %v", len(n.Links), want, notes)
		}
		return nil
	})
}

// renderAll makes the files of every node.
func renderAll(file []byte) error {
	run, problems, err := running.Parse(file)
	if err != nil {
		return err
	}
	if e := problems.Errors(false); len(e) > 0 {
		return fmt.Errorf("the running configuration is faulty: %w", e)
	}
	return each(func(i int) error {
		interfaces, some := pveinterfaces.Render(run, cluster.Facts(i))
		frr, more := pvefrr.Render(run, cluster.Facts(i), "")
		if e := append(some, more...).Errors(false); len(e) > 0 || len(interfaces) < 100*cluster.VNets || len(frr) < 100*cluster.Zones {
			return fmt.Errorf("the files of %s are incomplete: %w", workload.Node(i), e)
		}
		return nil
	})
}
