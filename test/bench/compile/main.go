// Command compile measures the time to compile one node's state from a configuration
// of VXLAN VNets, and whether that grows with their number only.
//
//	go run ./test/bench/compile -json build/bench.json
//
// The rows are compile/<N>, medians in milliseconds, and compile/linear, the time
// for each VNet of 10,000 as a multiple of the time for each of 1,000.
package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/compile"
	"github.com/viaduct-sdn/viaduct/internal/document"
	"github.com/viaduct-sdn/viaduct/internal/model"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const runs = 15

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	flag.Parse()
	if err := run(*jsonPath); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(jsonPath string) error {
	var rows []report.Row
	each := map[int]float64{}
	for _, n := range []int{1000, 10000} {
		doc, facts, err := input(n)
		if err != nil {
			return err
		}
		var ms []float64
		for range runs {
			start := time.Now()
			want, _ := compile.Node(doc, facts)
			ms = append(ms, float64(time.Since(start).Microseconds())/1000)
			if len(want.Links) != 2*n {
				return fmt.Errorf("%d links of %d VNets", len(want.Links), n)
			}
		}
		m := report.Median(ms)
		each[n] = m / float64(n)
		rows = append(rows, report.Row{Name: "compile/" + strconv.Itoa(n), Unit: "ms", Better: report.Lower, Ours: m})
	}
	rows = append(rows, report.Row{Name: "compile/linear", Unit: "times", Better: report.Lower, Ours: each[10000] / each[1000]})
	return report.Finish(jsonPath, rows)
}

// input is a node's document with n VNets of one zone, and the node's facts.
func input(n int) (*document.Document, *model.Facts, error) {
	cfg := &model.Config{}
	objs := []model.Object{&model.Zone{ID: "overlay", Type: model.ZoneVXLAN, Peers: []netip.Addr{
		netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2"), netip.MustParseAddr("192.168.0.3"),
	}}}
	for i := range n {
		objs = append(objs, &model.VNet{ID: "v" + strconv.Itoa(i), Zone: "overlay", Tag: i + 1})
	}
	for _, o := range objs {
		if err := cfg.Put(o); err != nil {
			return nil, nil, err
		}
	}
	facts := &model.Facts{
		Node:       "node1",
		Interfaces: []model.Interface{{Name: "eth0", MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24")}}},
		Routes:     []model.FactRoute{{Dst: netip.MustParsePrefix("192.168.0.0/24"), Dev: "eth0"}},
	}
	return compile.Project(cfg, nil, 1, "node1"), facts, nil
}
