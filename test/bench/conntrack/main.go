// Command conntrack measures how long it takes to hand 50,000 tracked connections with
// translated source addresses over to another namespace.
//
//	go run ./test/bench/conntrack -json build/bench.json
//
// The rows are conntrack/dump, conntrack/restore and conntrack/handover (both, with the wire
// form between them), medians in milliseconds; the peer is the program conntrack (conntrack -L
// and -R). It needs root, and works in namespaces of its own.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/linux/conntrack"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

const (
	runs   = 5
	number = 50_000
	// mostHandover is the longest acceptable handover, in milliseconds.
	mostHandover = 1000
)

var outside = netip.MustParseAddr("198.51.100.1")

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	flag.Parse()
	ctx := context.Background()
	if err := report.Judge(*jsonPath, func() ([]report.Row, error) { return measure(ctx) }, report.Limit{Name: "conntrack/handover", Most: mostHandover}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure takes the medians of several handovers.
func measure(ctx context.Context) ([]report.Row, error) {
	var dump, restore, handover, peerDump, peerRestore []float64
	for range runs {
		var gateways [3]*gateway // one that has the connections, and two that get them
		for i := range gateways {
			g, err := newGateway()
			if err != nil {
				return nil, err
			}
			defer func() { _ = g.close() }()
			gateways[i] = g
		}
		from := gateways[0]
		if err := from.restore(ctx, connections()); err != nil {
			return nil, err
		}
		start := time.Now()
		d, r, err := from.handOver(ctx, gateways[1])
		if err != nil {
			return nil, err
		}
		dump, restore, handover = append(dump, ms(d)), append(restore, ms(r)), append(handover, ms(time.Since(start)))
		if d, r, err = from.byProgram(gateways[2]); err != nil {
			return nil, err
		}
		peerDump, peerRestore = append(peerDump, ms(d)), append(peerRestore, ms(r))
	}
	row := func(name string, ours, peer float64) report.Row {
		return report.Row{Name: "conntrack/" + name, Unit: "ms", Better: report.Lower, Ours: ours, Peer: peer}
	}
	pd, pr := report.Median(peerDump), report.Median(peerRestore)
	return []report.Row{
		row("dump", report.Median(dump), pd), row("restore", report.Median(restore), pr), row("handover", report.Median(handover), pd+pr),
	}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// connections are established ones of many guests, translated to one address.
func connections() []conntrack.Entry {
	server := netip.MustParseAddr("192.0.2.1")
	out := make([]conntrack.Entry, number)
	for i := range out {
		guest := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		out[i] = conntrack.Entry{
			Orig:   conntrack.Tuple{Src: guest, Dst: server, Proto: unix.IPPROTO_TCP, SrcPort: 40000, DstPort: 443},
			Reply:  conntrack.Tuple{Src: server, Dst: outside, Proto: unix.IPPROTO_TCP, SrcPort: 443, DstPort: uint16(1024 + i)},
			Status: conntrack.StatusSeenReply | conntrack.StatusAssured, Timeout: 400000, TCP: conntrack.TCP{State: conntrack.TCPEstablished},
		}
	}
	return out
}

// gateway is a namespace that tracks and translates.
type gateway struct {
	ns *netns.NS
	c  *conntrack.Conn
}

func newGateway() (*gateway, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	g := &gateway{ns: ns}
	_, err = g.run("table inet t {\n chain post { type nat hook postrouting priority srcnat;\n }\n}\n", "nft", "-f", "-")
	if err == nil {
		g.c, err = conntrack.Open(ns)
	}
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	return g, nil
}

func (g *gateway) close() error { return errors.Join(g.c.Close(), g.ns.Close()) }

// run runs a program in the namespace and returns what it prints.
func (g *gateway) run(input, program string, args ...string) (out []byte, err error) {
	err = g.ns.Run(func() error {
		cmd := exec.Command(program, args...)
		var failure bytes.Buffer
		cmd.Stdin, cmd.Stderr = strings.NewReader(input), &failure
		if out, err = cmd.Output(); err != nil {
			return fmt.Errorf("%s %s: %w: %.500s", program, strings.Join(args, " "), err, failure.String())
		}
		return nil
	})
	return out, err
}

// restore demands that all entries are made.
func (g *gateway) restore(ctx context.Context, entries []conntrack.Entry) error {
	n, existing, err := g.c.Restore(ctx, entries)
	if err == nil && n != len(entries) {
		err = fmt.Errorf("%d of %d connections restored, %d existed", n, len(entries), len(existing))
	}
	return err
}

// handOver takes the connections to another gateway by their wire form.
func (g *gateway) handOver(ctx context.Context, to *gateway) (dump, restore time.Duration, err error) {
	start := time.Now()
	entries, err := g.c.Dump(ctx, conntrack.Filter{ReplyDst: outside, Proto: unix.IPPROTO_TCP})
	dump = time.Since(start)
	if err == nil && len(entries) != number {
		err = fmt.Errorf("%d of %d connections listed", len(entries), number)
	}
	if err != nil {
		return 0, 0, err
	}
	b, err := conntrack.Encode(entries)
	if err == nil {
		entries, err = conntrack.Decode(b)
	}
	if err != nil {
		return 0, 0, err
	}
	start = time.Now()
	err = to.restore(ctx, entries)
	return dump, time.Since(start), err
}

// byProgram takes them by the program conntrack.
func (g *gateway) byProgram(to *gateway) (dump, restore time.Duration, err error) {
	start := time.Now()
	saved, err := g.run("", "conntrack", "-L", "-p", "tcp", "-o", "save")
	dump = time.Since(start)
	if err != nil {
		return 0, 0, err
	}
	start = time.Now()
	if _, err := to.run(string(saved), "conntrack", "-R", "-"); err != nil {
		return 0, 0, err
	}
	restore = time.Since(start)
	count, err := to.run("", "conntrack", "-C")
	if got := strings.TrimSpace(string(count)); err == nil && got != fmt.Sprint(number) {
		err = fmt.Errorf("the program restored %s of %d connections", got, number)
	}
	return dump, restore, err
}
