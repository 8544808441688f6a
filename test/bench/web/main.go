// Command web measures the web interface in a real browser without a GPU, on a server
// with 10,000 VNets: a process with its embedded etcd, over TLS on the loopback.
//
//	go run ./test/bench/web -binary bin/viaduct -json build/bench.json
//
// The rows are
//
//	web/bundle       what the first page loads, compressed, in KiB
//	web/first        from an address typed into a browser with an empty cache until the
//	                 overview shows the state of the cluster
//	web/list         the same for the list of all VNets
//	web/scroll/task  the longest time for which the page does not answer while the list is
//	                 scrolled from its first to its last row
//	web/scroll/rate  frames painted in a second meanwhile
//	web/event        from another client's edit until the page shows it, for an open
//	                 object of this list
//
// Where the project has set itself a limit, a figure beyond it is an error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/bench/process"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	vnets  = 10_000
	visits = 5  // of a page
	edits  = 20 // of a VNet that is shown
	// patience bounds the whole.
	patience = 5 * time.Minute
)

// limits are what rows may not exceed, in seconds and KiB.
var limits = []report.Limit{
	{Name: "web/bundle", Most: 250}, {Name: "web/first", Most: 1}, {Name: "web/scroll/task", Most: 0.100}, {Name: "web/event", Most: 0.200},
}

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
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(ctx, binary) }, limits...)
}

// measure measures all figures on one server, in one browser.
func measure(ctx context.Context, binary string) (rows []report.Row, err error) {
	s, err := process.Start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := fill(ctx, s); err != nil {
		return nil, err
	}
	b, err := open(ctx, "https://"+s.Address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.login(user, password); err != nil {
		return nil, err
	}
	first, err := b.visits("/", "#attention")
	if err != nil {
		return nil, err
	}
	list, err := b.visits("/vnets", "tbody tr[data-index]")
	if err != nil {
		return nil, err
	}
	scrolled, err := b.scroll()
	if err != nil {
		return nil, err
	}
	event, err := b.events(ctx, s)
	if err != nil {
		return nil, err
	}
	rows = []report.Row{
		{Name: "web/bundle", Unit: "KiB", Better: report.Lower, Ours: b.bundle / 1024},
		seconds("web/first", first), seconds("web/list", list),
		seconds("web/scroll/task", scrolled.Task/1000),
		{Name: "web/scroll/rate", Unit: "1/s", Better: "higher", Ours: scrolled.Rate},
		seconds("web/event", event),
	}
	return rows, nil
}

func seconds(name string, ours float64) report.Row {
	return report.Row{Name: name, Unit: "s", Better: report.Lower, Ours: ours}
}

const user, password = "root@pam", "a long password"

// fill makes the networks, and the user who looks at them.
func fill(ctx context.Context, s *process.Server) error {
	zone := api.Zone{ID: "overlay", Type: "vxlan", Peers: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}}
	all := []api.Edit{{Put: &zone}}
	for i := range vnets {
		all = append(all, api.Edit{Put: vnet(i, "network "+strconv.Itoa(i))})
	}
	if _, err := s.Client.Edit(ctx, all, false); err != nil {
		return fmt.Errorf("making the networks: %w", err)
	}
	return s.Client.SetPassword(ctx, user, password)
}

func vnet(i int, alias string) *api.VNet {
	return &api.VNet{ID: "v" + strconv.Itoa(i), Zone: "overlay", Tag: i + 1, Alias: alias}
}
