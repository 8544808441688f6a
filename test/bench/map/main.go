// Command map measures the map of a network of 100 nodes, 1,000 VNets and 10,000 guests with
// one NIC each: on a server process with its embedded etcd, and in Chromium without a GPU.
//
//	go run ./test/bench/map -binary bin/viaduct -json build/bench.json
//
// The rows are
//
//	map/answer      the picture is asked for and answered, in seconds; the median
//	map/same        the same, when it has not changed since the last answer
//	map/paint       a browser with a session opens /map, until the picture is drawn
//	map/move        time from frame to frame while the picture is dragged with the mouse
//	map/zoom        time from frame to frame while the wheel zooms in and out
//	map/expand      a zone of 50 VNets is opened, until they are drawn
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
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/pkg/client"
	"github.com/viaduct-sdn/viaduct/test/bench/process"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	nodes  = 100
	zones  = 20
	vnets  = 1_000
	guests = 10_000
	asks   = 15
	// patience bounds the whole.
	patience = 5 * time.Minute
	password = "of the bench only"
)

// limits are what rows may not exceed, in seconds: 30 frames a second.
var limits = []report.Limit{{Name: "map/answer", Most: 0.3}, {Name: "map/paint", Most: 1.5}, {Name: "map/move", Most: 1.0 / 30}, {Name: "map/zoom", Most: 1.0 / 30}}

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	binary := flag.String("binary", "bin/viaduct", "the program to measure")
	shots := flag.String("shots", "", "also write screenshots into this folder")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := run(ctx, *binary, *jsonPath, *shots); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, jsonPath, shots string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	return report.Judge(jsonPath, func() ([]report.Row, error) { return measure(ctx, binary, shots) }, limits...)
}

func measure(ctx context.Context, binary, shots string) (rows []report.Row, err error) {
	s, err := process.Start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := fill(ctx, s.Client); err != nil {
		return nil, err
	}
	if rows, err = answers(ctx, s.Client); err != nil {
		return nil, err
	}
	seen, err := look(ctx, "https://"+s.Address, shots)
	return append(rows, seen...), err
}

// fill makes the network.
func fill(ctx context.Context, c *client.Client) error {
	if err := c.SetPassword(ctx, "root@pam", password); err != nil {
		return err
	}
	var edits []api.Edit
	put := func(o api.Object) { edits = append(edits, api.Edit{Kind: o.ObjectKind(), ID: o.ObjectID(), Put: o}) }
	var peers []netip.Addr
	for i := range nodes {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		peers = append(peers, a)
		put(&api.Node{ID: nodeName(i), Address: a})
	}
	for i := range zones {
		put(&api.Zone{ID: fmt.Sprintf("zone%d", i), Type: api.ZoneVXLAN, Peers: peers})
	}
	for i := range vnets {
		put(&api.VNet{ID: fmt.Sprintf("v%d", i), Zone: fmt.Sprintf("zone%d", i%zones), Tag: 1000 + i, Alias: fmt.Sprintf("network %d", i)})
	}
	for i := range guests {
		put(&api.Guest{ID: fmt.Sprint(100 + i), Name: fmt.Sprintf("vm%d", i), Node: nodeName(i % nodes), NICs: []api.NIC{{ID: "net0", VNet: fmt.Sprintf("v%d", (i*7+i/nodes)%vnets)}}})
	}
	const config = nodes + zones + vnets
	if _, err := c.Edit(ctx, edits[:config], false); err != nil {
		return err
	}
	if _, err := c.Apply(ctx, api.ApplyRequest{}); err != nil {
		return err
	}
	for batch := range slices.Chunk(edits[config:], 2000) {
		if _, err := c.Edit(ctx, batch, false); err != nil {
			return err
		}
	}
	return nil
}

func nodeName(i int) string { return fmt.Sprintf("node%03d", i) }

// answers measures the server alone.
func answers(ctx context.Context, c *client.Client) ([]report.Row, error) {
	version := ""
	ask := func(have string) (float64, error) {
		began := time.Now()
		t, err := c.Topology(ctx, client.TopologyQuery{}, have)
		if err == nil && (t == nil) != (have != "") {
			err = errors.New("the picture changes although the network does not")
		}
		if t != nil {
			version = t.Version
		}
		return time.Since(began).Seconds(), err
	}
	var first, same []float64
	for range asks {
		took, err := ask("")
		if err != nil {
			return nil, err
		}
		first = append(first, took)
		if took, err = ask(version); err != nil {
			return nil, err
		}
		same = append(same, took)
	}
	return []report.Row{row("map/answer", report.Median(first)), row("map/same", report.Median(same))}, nil
}

func row(name string, seconds float64) report.Row {
	return report.Row{Name: name, Unit: "s", Better: report.Lower, Ours: seconds}
}
