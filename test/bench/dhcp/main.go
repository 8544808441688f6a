// Command dhcp measures how soon DHCP and DNS serve a NIC that joins, on a node of a
// lab that has 10,000 NICs with addresses and names.
//
//	go run ./test/bench/dhcp -binary bin/viaduct -json build/bench.json
//
// The rows are, in milliseconds,
//
//	dhcp/median   from the request to the server that gives a NIC its address, to the
//	              first answer of the node's dnsmasq that offers it; dhcp/worst
//	              is the longest of all
//	names/median  from the same request to the first answer of the node's DNS server
//	              that has the NIC's name and address; names/worst
//
// The guest is a thread in a namespace that refers to the VNet by a veth, and queries every
// few milliseconds. The floor is what the same servers need after the agent has ended and
// the benchmark writes their file and signals them to read it. A figure beyond the limits of
// the project, 200 ms and 50 ms in the middle, is an error. It needs root and dnsmasq.
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
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	// number is how many NICs the node knows before, joins how many join for each
	// figure.
	number = 10_000
	joins  = 20
	// rest allows the other work that a join causes to end.
	rest = 300 * time.Millisecond
	// patience bounds the whole, wait the wait for one answer.
	patience = 12 * time.Minute
	wait     = 10 * time.Second
	// mostDHCP and mostNames are the longest that they may take, in milliseconds.
	mostDHCP  = 200
	mostNames = 50
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
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(ctx, binary) }, report.Limit{Name: "dhcp/median", Most: mostDHCP}, report.Limit{Name: "names/median", Most: mostNames})
}

// nic is a NIC that is known, or is to be.
type nic struct {
	number int
	ip     netip.Addr
}

// nicOf is the NIC of a number, from 0.
func nicOf(i int) nic {
	return nic{number: i, ip: netip.AddrFrom4([4]byte{10, 0, byte(i/250) + 1, byte(i%250) + 1})}
}

func (n nic) mac() [6]byte {
	return [6]byte{0xbc, 0x24, 0x11, byte(n.number >> 16), byte(n.number >> 8), byte(n.number)}
}

func (n nic) macText() string {
	m := n.mac()
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func (n nic) label() string { return fmt.Sprintf("guest%05d", n.number) }

// query waits until a NIC is known, and returns since when.
type query func(ctx context.Context, n nic) (time.Time, error)

// measure measures all figures.
func measure(ctx context.Context, binary string) (_ []report.Row, err error) {
	w, err := newWorld(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	next := number
	join := func(n nic) error {
		_, err := w.client.AssignAddress(ctx, api.AddressRequest{VNet: vnet, MAC: n.macText(), Name: n.label(), IP: n.ip})
		return err
	}
	dhcp, err := series(ctx, &next, join, w.offered)
	if err != nil {
		return nil, fmt.Errorf("dhcp: %w", err)
	}
	names, err := series(ctx, &next, join, w.named)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	if err := w.stopAgent(ctx); err != nil {
		return nil, err
	}
	dhcpFloor, err := series(ctx, &next, w.addDHCPHost, w.offered)
	if err != nil {
		return nil, fmt.Errorf("floor of dhcp: %w", err)
	}
	namesFloor, err := series(ctx, &next, w.addDNSName, w.named)
	if err != nil {
		return nil, fmt.Errorf("floor of names: %w", err)
	}
	return slices.Concat(rows("dhcp", dhcp, dhcpFloor), rows("names", names, namesFloor)), nil
}

func rows(name string, ours, floor []float64) []report.Row {
	return []report.Row{
		{Name: name + "/median", Unit: "ms", Better: report.Lower, Ours: report.Median(ours), Floor: report.Median(floor)},
		{Name: name + "/worst", Unit: "ms", Better: report.Lower, Ours: slices.Max(ours), Floor: slices.Max(floor)},
	}
}

// series makes NICs join, one after the other, and returns how long each took until it
// was known, in milliseconds. The queries begin before the NIC joins.
func series(ctx context.Context, next *int, join func(nic) error, asked query) ([]float64, error) {
	var out []float64
	for range joins {
		n := nicOf(*next)
		*next++
		if !sleep.Context(ctx, rest) {
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(ctx, wait)
		type answer struct {
			at  time.Time
			err error
		}
		known := make(chan answer, 1)
		go func() {
			at, err := asked(ctx, n)
			known <- answer{at, err}
		}()
		start := time.Now()
		err := join(n)
		if err != nil {
			cancel()
		}
		a := <-known
		cancel()
		if err == nil {
			err = a.err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.label(), err)
		}
		out = append(out, float64(a.at.Sub(start).Microseconds())/1000)
	}
	return out, nil
}
