// Command sets measures the time to add an element to an nftables set of 100,000
// elements, by the driver and by nft itself.
//
//	go run ./test/bench/sets -json build/bench.json
//
// The rows are sets/<form>, medians in milliseconds; the peer is the program nft with
// the same element. It needs root, and works in a namespace of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	runs   = 25
	number = 100_000
	table  = "viaduct_bench"
)

// form is a kind of set.
type form struct {
	name    string
	set     desired.Set
	element func(i int) string
}

var forms = []form{
	{"addresses", desired.Set{Name: "s", Type: "ipv4_addr", Dynamic: true}, func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }},
	{
		"ports", desired.Set{Name: "s", Type: "ifname . ether_addr", Dynamic: true},
		func(i int) string {
			return fmt.Sprintf(`"tap%di0" . bc:24:11:%02x:%02x:%02x`, i+100, i>>16, i>>8&255, i&255)
		},
	},
	{"networks", desired.Set{Name: "s", Type: "ipv4_addr", Interval: true, Dynamic: true}, func(i int) string { return fmt.Sprintf("10.%d.%d.%d/31", i>>14, i>>6&255, i<<2&255) }},
}

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
	for _, f := range forms {
		ours, peer, err := f.measure()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		rows = append(rows, report.Row{Name: "sets/" + f.name, Unit: "ms", Better: report.Lower, Ours: ours, Peer: peer})
	}
	return report.Finish(jsonPath, rows)
}

// measure repeatedly adds an element and removes it again.
func (f form) measure() (ours, peer float64, err error) {
	ns, err := netns.New()
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = ns.Close() }()
	all := make([]string, number+1)
	for i := range all {
		all[i] = f.element(i)
	}
	added := all[number]
	slices.Sort(all)
	d := nft.New(nft.Options{Namespace: ns})
	pass := func(elements []string) (ms float64, err error) {
		s := f.set
		s.Elements = elements
		node := &desired.Space{Tables: []desired.Table{{Family: "bridge", Name: table, Sets: []desired.Set{s}}}}
		start := time.Now()
		r, err := d.Reconcile(context.Background(), node, false)
		if err == nil && r.Writes != 1 {
			err = errors.New("the driver wrote nothing")
		}
		return float64(time.Since(start).Microseconds()) / 1000, err
	}
	without := slices.DeleteFunc(slices.Clone(all), func(e string) bool { return e == added })
	if _, err := pass(without); err != nil {
		return 0, 0, err
	}
	var mine, theirs []float64
	for range runs {
		ms, err := pass(all)
		if err != nil {
			return 0, 0, err
		}
		mine = append(mine, ms)
		if _, err := pass(without); err != nil {
			return 0, 0, err
		}
	}
	for range runs {
		start := time.Now()
		err := ns.Run(exec.Command("nft", "add", "element", "bridge", table, f.set.Name, "{ "+added+" }").Run)
		theirs = append(theirs, float64(time.Since(start).Microseconds())/1000)
		if err == nil {
			err = ns.Run(exec.Command("nft", "delete", "element", "bridge", table, f.set.Name, "{ "+added+" }").Run)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return report.Median(mine), report.Median(theirs), nil
}
