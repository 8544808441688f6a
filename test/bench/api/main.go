// Command api measures the Proxmox API of a server with 10,000 VNets: a process with
// its embedded etcd, asked over TLS on the loopback by clients that keep their
// HTTP/1.1 connections.
//
//	go run ./test/bench/api -binary bin/viaduct -json build/bench.json
//
// The rows are
//
//	api/list        all VNets; the median in seconds
//	api/pending     all VNets with pending=1, while all of them are pending
//	api/list/memory by how much the resident memory grows over these lists, in MiB
//	api/read        one VNet
//	api/read/fresh  one VNet, right after another was made
//	api/create/p50  a VNet is made, while eight clients make VNets as fast as they can;
//	api/create/p99  the floor is one put of a record of the same size, by eight writers
//	                to an embedded etcd that does nothing else
//	api/create/rate VNets made in a second, and puts
//	api/memory      the server's resident memory afterwards, in MiB
//	api/memory/peak the most that it was
//
// Where the project has set itself a limit, a figure above it is an error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	vnets   = 10_000
	more    = 4_000 // made while it is measured
	writers = 8
	reads   = 25 // of a list
	singles = 400
	// patience bounds the whole.
	patience = 6 * time.Minute
)

// limits are what rows may not exceed, in seconds.
var limits = []report.Limit{
	{Name: "api/list", Most: 0.150}, {Name: "api/pending", Most: 0.300}, {Name: "api/read", Most: 0.005}, {Name: "api/read/fresh", Most: 0.005}, {Name: "api/create/p99", Most: 0.010},
}

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	binary := flag.String("binary", "bin/viaduct", "the program to measure")
	flag.Parse()
	debug.SetGCPercent(400) // the clients share the processors with what they measure
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
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(ctx, binary) }, limits...)
}

// measure measures all figures on one server.
func measure(ctx context.Context, binary string) (rows []report.Row, err error) {
	s, err := start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if _, err := s.call(ctx, http.MethodPost, "/cluster/sdn/zones", url.Values{"zone": {"overlay"}, "type": {"vxlan"}, "peers": {"192.0.2.1,192.0.2.2"}}); err != nil {
		return nil, err
	}
	if _, err := parallel(vnets, func(i int) error { return s.create(ctx, i) }); err != nil {
		return nil, err
	}
	before, err := s.forgetPeak()
	if err != nil {
		return nil, err
	}
	for _, list := range []struct{ name, path string }{{"api/list", "/cluster/sdn/vnets"}, {"api/pending", "/cluster/sdn/vnets?pending=1"}} {
		var body []byte
		took, err := repeat(reads, func(int) (err error) {
			body, err = s.call(ctx, http.MethodGet, list.path, nil)
			return err
		})
		if err = errors.Join(err, complete(body)); err != nil {
			return nil, err
		}
		rows = append(rows, seconds(list.name, quantile(took, 0.5)))
	}
	peak, err := s.Memory("VmHWM")
	if err != nil {
		return nil, err
	}
	rows = append(rows, mebibytes("api/list/memory", peak-before))
	took, err := repeat(singles, func(i int) error { return s.read(ctx, i) })
	if err != nil {
		return nil, err
	}
	rows = append(rows, seconds("api/read", quantile(took, 0.5)))
	created, err := s.creations(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := s.freshReads(ctx)
	if err != nil {
		return nil, err
	}
	memory, err := s.memory()
	return append(append(append(rows, fresh), created...), memory...), err
}

// freshReads measures reads that each follow a change.
func (s *server) freshReads(ctx context.Context) (report.Row, error) {
	var took []float64
	for i := range singles / 4 {
		if err := s.create(ctx, vnets+more+i); err != nil {
			return report.Row{}, err
		}
		start := time.Now()
		if err := s.read(ctx, i); err != nil {
			return report.Row{}, err
		}
		took = append(took, time.Since(start).Seconds())
	}
	return seconds("api/read/fresh", quantile(took, 0.5)), nil
}

// read reads one of the VNets.
func (s *server) read(ctx context.Context, i int) error {
	_, err := s.call(ctx, http.MethodGet, "/cluster/sdn/vnets/v"+strconv.Itoa(i*vnets/singles), nil)
	return err
}

// creations measures how long the creation of a VNet lasts, next to the floor.
func (s *server) creations(ctx context.Context) ([]report.Row, error) {
	ours, err := parallel(more, func(i int) error { return s.create(ctx, vnets+i) })
	if err != nil {
		return nil, err
	}
	theirs, err := floor(ctx)
	if err != nil {
		return nil, err
	}
	p50, p99 := seconds("api/create/p50", quantile(ours.each, 0.5)), seconds("api/create/p99", quantile(ours.each, 0.99))
	p50.Floor, p99.Floor = quantile(theirs.each, 0.5), quantile(theirs.each, 0.99)
	rate := report.Row{Name: "api/create/rate", Unit: "1/s", Better: "higher", Ours: more / ours.all, Floor: more / theirs.all}
	return []report.Row{p50, p99, rate}, nil
}

func mebibytes(name string, ours float64) report.Row {
	return report.Row{Name: name, Unit: "MiB", Better: report.Lower, Ours: ours}
}

func seconds(name string, ours float64) report.Row {
	return report.Row{Name: name, Unit: "s", Better: report.Lower, Ours: ours}
}

func (s *server) create(ctx context.Context, i int) error {
	name := "v" + strconv.Itoa(i)
	_, err := s.call(ctx, http.MethodPost, "/cluster/sdn/vnets", url.Values{
		"vnet": {name}, "zone": {"overlay"}, "tag": {strconv.Itoa(i + 1)}, "alias": {"network " + strconv.Itoa(i)},
	})
	return err
}

// complete checks that a list has all VNets.
func complete(body []byte) error {
	var answer struct {
		Data []struct{ VNet string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if len(answer.Data) != vnets {
		return fmt.Errorf("a list of %d VNets instead of %d", len(answer.Data), vnets)
	}
	return nil
}
