// Command balance measures HAProxy as the driver of load balancers runs it, in network
// namespaces of its own.
//
//	go run ./test/bench/balance -json build/bench.json
//
// The rows are balance/memory (resident MiB with two servers in each of 500 namespaces' load
// balancers), balance/server-change and balance/new-listener (ms of a pass that changes one
// server, the median of nine, or adds one load balancer, among 500), and balance/lost (connections of 1,000 lost
// by both).
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/haproxy"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/naming"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

func main() {
	jsonPath := flag.String("json", "", "merge the rows into this file")
	spaces := flag.Int("n", 500, "number of namespaces")
	flag.Parse()
	limits := []report.Limit{
		{Name: "balance/memory", Most: 32}, {Name: "balance/server-change", Most: 50},
		{Name: "balance/lost", Most: 0.5}, // none
	}
	if err := report.Judge(*jsonPath, func() ([]report.Row, error) { return run(context.Background(), *spaces) }, limits...); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// connections is how many are open while the load balancers change.
const connections = 1000

func run(ctx context.Context, n int) (rows []report.Row, err error) {
	w, err := newWorld(n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.end(ctx)) }()
	if err := w.apply(ctx); err != nil {
		return nil, err
	}
	conns, err := w.connect()
	if err != nil {
		return nil, err
	}
	var changes []float64
	for i := range uint16(9) {
		ms, err := w.timed(ctx, func() { w.all[0].Servers[1].Addr = at(8003 + i) })
		if err != nil {
			return nil, err
		}
		changes = append(changes, ms)
	}
	slices.Sort(changes)
	mib, err := resident(w.d.Services(ctx, &desired.Space{LoadBalancers: w.all})[0].PID)
	if err != nil {
		return nil, err
	}
	added, err := w.timed(ctx, func() { w.all = append(w.all, balancer("more", "s0", 81)) })
	if err != nil {
		return nil, err
	}
	return []report.Row{
		{Name: "balance/memory", Unit: "MiB", Better: report.Lower, Ours: mib},
		{Name: "balance/server-change", Unit: "ms", Better: report.Lower, Ours: changes[len(changes)/2]},
		{Name: "balance/new-listener", Unit: "ms", Better: report.Lower, Ours: added},
		{Name: "balance/lost", Unit: "connections", Better: report.Lower, Ours: float64(lost(conns))},
	}, nil
}

// world are namespaces with a load balancer each, and a server in the first.
type world struct {
	dir   string
	names netns.Dir
	d     *haproxy.Driver
	all   []desired.LoadBalancer
	first *netns.NS
}

func newWorld(n int) (*world, error) {
	dir, err := os.MkdirTemp("/run", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, names: netns.Dir(filepath.Join(dir, "netns"))}
	w.d = haproxy.New(haproxy.Options{Dir: filepath.Join(dir, "haproxy"), Namespaces: w.names})
	for i := range n {
		space := fmt.Sprintf("s%d", i)
		if err := w.names.Make(naming.Namespace(space), nil); err != nil {
			return nil, errors.Join(err, w.end(context.Background()))
		}
		w.all = append(w.all, balancer("lb-"+space, space, 80))
	}
	if w.first, err = w.names.Open(naming.Namespace("s0")); err == nil {
		err = w.serve(8001)
	}
	if err != nil {
		return nil, errors.Join(err, w.end(context.Background()))
	}
	return w, nil
}

// at is a port of the loopback interface.
func at(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func balancer(name, space string, port uint16) desired.LoadBalancer {
	return desired.LoadBalancer{
		Name: name, Owner: "load-balancer/" + name, Space: space, Algorithm: desired.BalanceRoundRobin, MaxConnections: 10_000, IdleTimeout: 600,
		Listen:  []desired.LoadBalancerListener{{Addr: at(port)}},
		Check:   &desired.HealthCheck{Interval: 2, Fall: 3, Rise: 2},
		Servers: []desired.LoadBalancerServer{{Name: "a", Addr: at(8001), Weight: 100}, {Name: "b", Addr: at(8002), Weight: 100}},
	}
}

// serve returns all that is sent to a port of the first namespace.
func (w *world) serve(port uint16) error {
	var l net.Listener
	if err := w.first.Run(func() (err error) {
		l, err = net.Listen("tcp", at(port).String())
		return err
	}); err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return nil
}

func (w *world) apply(ctx context.Context) error {
	s := &desired.Space{LoadBalancers: w.all}
	s.Sort()
	_, err := w.d.Reconcile(ctx, s, false)
	return err
}

// timed is the time, in milliseconds, of a pass after a change.
func (w *world) timed(ctx context.Context, change func()) (float64, error) {
	change()
	start := time.Now()
	err := w.apply(ctx)
	return float64(time.Since(start).Microseconds()) / 1000, err
}

// connect opens connections to the first load balancer.
func (w *world) connect() ([]net.Conn, error) {
	conns := make([]net.Conn, connections)
	for i := range conns {
		err := w.first.Run(func() (err error) {
			conns[i], err = net.DialTimeout("tcp", at(80).String(), 10*time.Second)
			return err
		})
		if err != nil {
			return nil, err
		}
		if err := echo(conns[i]); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return conns, nil
}

// lost counts the connections that no longer work, and closes all.
func lost(conns []net.Conn) (n int) {
	for _, c := range conns {
		if echo(c) != nil {
			n++
		}
		_ = c.Close()
	}
	return n
}

func echo(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "x\n"); err != nil {
		return err
	}
	_, err := bufio.NewReader(c).ReadString('\n')
	return err
}

// resident is the resident memory of a process in MiB.
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(b, []byte("VmRSS:"))
	var kb float64
	_, err = fmt.Sscan(string(rest), &kb)
	return kb / 1024, err
}

// end removes everything.
func (w *world) end(ctx context.Context) error {
	_, err := w.d.Reconcile(ctx, &desired.Space{}, false)
	if w.first != nil {
		err = errors.Join(err, w.first.Close())
	}
	return errors.Join(err, w.names.Remove(), os.RemoveAll(w.dir))
}
