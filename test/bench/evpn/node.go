package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver/frr"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

// adds is how often a VNet is added; by the peer once, as it needs minutes.
const adds = 3

// settleTime is how long nothing may happen until the network counts as at rest,
// settleLimit when it is given up.
const (
	settleTime  = 5 * time.Second
	settleLimit = 5 * time.Minute
)

// node is the node under test, which is the process's own network namespace, and
// its neighbour, a router in a second namespace.
type node struct {
	without, with workload.EVPN // the state before and after the change
	flat          bool          // without the devices of VRFs
	far           *netns.NS
	frr           *frr.Driver // the neighbour's
}

// vni is the VXLAN network of the VNet that is added.
func (n *node) vni() int { return 200_000 + n.without.VNets }

// newNode makes the network of a node in the process's own namespaces.
func newNode(ctx context.Context, vnets int) (n *node, err error) {
	n = &node{without: workload.EVPN{Nodes: 2, Zones: max(1, vnets/10), VNets: vnets, Outside: true}}
	n.with = n.without
	n.with.VNets++
	if err := privateDirectories(); err != nil {
		return nil, err
	}
	if err := unix.Sethostname([]byte(workload.Node(0))); err != nil {
		return nil, err
	}
	if n.far, err = netns.New(); err != nil {
		return nil, err
	}
	if err := n.cable(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	n.frr = frr.New(frr.Options{Namespace: n.far, Pathspace: "far"})
	if _, err := n.frr.Reconcile(ctx, &desired.Space{FRR: farConfig()}, false); err != nil {
		return nil, errors.Join(fmt.Errorf("start the neighbour: %w", err), n.close())
	}
	return n, nil
}

// privateDirectories hides the machine's configuration from the measured programs, and
// theirs from the machine.
func privateDirectories() error {
	const settings = "/etc/network/ifupdown2"
	kept, err := keep(settings)
	if err != nil {
		return err
	}
	for _, dir := range []string{"/etc/frr", "/etc/network", "/run", "/var/lib", "/var/log", "/var/tmp"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("hide %s: %w", dir, err)
		}
	}
	for name, text := range kept {
		if err := os.MkdirAll(settings, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(settings, name), text, 0o644); err != nil {
			return err
		}
	}
	// It shows the links of the namespace that it is mounted in.
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return errors.Join(os.MkdirAll("/run/viaduct", 0o755), os.MkdirAll("/run/frr", 0o755),
		command(context.Background(), "chown", "frr:frr", "/etc/frr", "/run/frr"))
}

// keep reads the files of a directory, which need not exist.
func keep(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// cable joins the node and its neighbour, and gives both their addresses.
func (n *node) cable() error {
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0", MTU: 1500}, PeerName: "far0"}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("make a cable: %w", err)
	}
	far, err := netlink.LinkByName("far0")
	if err == nil {
		err = netlink.LinkSetNsFd(far, n.far.FD())
	}
	if err == nil {
		err = up("eth0", workload.Address(0))
	}
	if err == nil {
		err = n.far.Run(func() error { return up("far0", workload.Address(1)) })
	}
	return err
}

func up(name string, a netip.Addr) error {
	for name, a := range map[string]netip.Addr{"lo": {}, name: a} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if a.IsValid() {
			if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(24, 32)}}); err != nil {
				return err
			}
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return err
		}
	}
	return nil
}

// farConfig is the neighbour's configuration: it accepts and counts what the node
// advertises. It has no BFD: an emulated machine on a busy host cannot keep its deadlines
// of less than a second, which are irrelevant to the measurement.
func farConfig() *desired.FRR {
	own, peer := workload.Address(1), workload.Address(0)
	return &desired.FRR{Daemons: []string{"bgpd"}, Blocks: []desired.FRRBlock{{Head: fmt.Sprintf("router bgp %d", workload.ASN), Owner: "bench", Lines: []string{
		fmt.Sprintf(" bgp router-id %s", own),
		" no bgp ebgp-requires-policy",
		" no bgp default ipv4-unicast",
		fmt.Sprintf(" neighbor %s remote-as %d", peer, workload.OutsideASN),
		" address-family l2vpn evpn",
		fmt.Sprintf("  neighbor %s activate", peer),
		" exit-address-family",
	}}}}
}

// close ends what newNode started. The namespaces go with the process.
func (n *node) close() error {
	return errors.Join(stopFRR("far"), n.far.Close())
}

// stopFRR ends the daemons of a path space, empty for none, by their numbers.
func stopFRR(pathspace string) error {
	var errs []error
	for _, name := range []string{"watchfrr", "bgpd", "bfdd", "staticd", "zebra"} {
		b, err := os.ReadFile("/run/frr/" + pathspace + "/" + name + ".pid")
		if err != nil {
			continue // does not run
		}
		var pid int
		if _, err := fmt.Sscan(string(b), &pid); err == nil {
			errs = append(errs, unix.Kill(pid, unix.SIGKILL))
		}
	}
	return errors.Join(errs...)
}

// vtysh runs commands of FRR's shell and returns what they print; far is true if
// they are for the neighbour.
func (n *node) vtysh(ctx context.Context, far bool, commands ...string) (string, error) {
	args := []string{}
	if far {
		args = append(args, "-N", "far")
	}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.CommandContext(ctx, "vtysh", args...).Output()
	if err != nil {
		return "", fmt.Errorf("vtysh %q: %w: %s", commands, err, out)
	}
	return string(out), nil
}

// session is what the neighbour knows of its session with the node.
type session struct {
	State   string `json:"bgpState"`
	Times   int    `json:"connectionsEstablished"`
	Drops   int    `json:"connectionsDropped"`
	Message struct {
		Updates int `json:"updatesRecv"`
	} `json:"messageStats"`
}

func (n *node) session(ctx context.Context) (*session, error) {
	out, err := n.vtysh(ctx, true, "show bgp neighbors "+workload.Address(0).String()+" json")
	if err != nil {
		return nil, err
	}
	found := map[string]*session{}
	if err := json.Unmarshal([]byte(out), &found); err != nil || found[workload.Address(0).String()] == nil {
		return nil, fmt.Errorf("the neighbour knows no session: %w: %s", err, out)
	}
	return found[workload.Address(0).String()], nil
}

// routes counts the neighbour's EVPN routes of a type that match a text.
func (n *node) routes(ctx context.Context, typ, text string) (int, error) {
	out, err := n.vtysh(ctx, true, "show bgp l2vpn evpn route type "+typ)
	return strings.Count(out, text), err
}

// settle waits until the neighbour has heard of all VNets and hears no more.
func (n *node) settle(ctx context.Context, vnets int) (*session, error) {
	var last *session
	quiet := time.Now()
	for deadline := time.Now().Add(settleLimit); time.Now().Before(deadline); {
		s, err := n.session(ctx)
		if err != nil {
			return nil, err
		}
		if last == nil || s.State != "Established" || s.Message.Updates != last.Message.Updates {
			last, quiet = s, time.Now()
		}
		if time.Since(quiet) >= settleTime {
			if have, err := n.routes(ctx, "multicast", "[3]:["); err != nil || have >= vnets {
				return s, err
			}
			quiet = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settleTime / 10):
		}
	}
	out, _ := n.vtysh(ctx, true, "show bgp l2vpn evpn summary")
	return nil, fmt.Errorf("the neighbour does not come to rest: session %+v\n%s", last, out)
}

// measureAdds measures set that often: with the VNet, and in between without it. It
// returns the times, and the updates of the first.
func (n *node) measureAdds(ctx context.Context, often int, set func(with bool) (time.Duration, error)) ([]float64, float64, error) {
	var times []float64
	updates := 0.0
	for i := range often {
		before, err := n.settle(ctx, n.without.VNets)
		if err != nil {
			return nil, 0, err
		}
		took, err := set(true)
		if err != nil {
			return nil, 0, fmt.Errorf("add a VNet: %w", err)
		}
		times = append(times, took.Seconds())
		fmt.Fprintf(os.Stderr, "added a VNet in %.3f s\n", took.Seconds())
		after, err := n.settle(ctx, n.with.VNets)
		if err != nil {
			return nil, 0, err
		}
		if after.Times != before.Times || after.Drops != before.Drops {
			return nil, 0, fmt.Errorf("the session with the neighbour did not stay up: before %+v, after %+v", before, after)
		}
		if i == 0 {
			updates = float64(after.Message.Updates - before.Message.Updates)
		}
		if i == often-1 {
			break
		}
		if _, err := set(false); err != nil {
			return nil, 0, fmt.Errorf("remove a VNet: %w", err)
		}
	}
	return times, updates, nil
}

// lines yields the lines of a text that is still being written.
func lines(r io.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := bufio.NewScanner(r); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}
