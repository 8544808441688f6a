package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/viaduct-sdn/viaduct/internal/lab"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/viaduct-sdn/viaduct/pkg/client"
)

// What the lab has.
const (
	zone   = "z1"
	vnet   = "v1"
	domain = "lab.example"
	node   = "node1"
	// network is that of the VNet, gateway the node's address in it, guest that of the
	// one who asks for names.
	network = "10.0.0.0/16"
	gateway = "10.0.0.1"
	guest   = "10.0.255.250/16"
)

const manifest = "kind: zone\nid: " + zone + "\ntype: simple\nipam: pve\ndhcp: dnsmasq\ndnszone: " + domain +
	"\n---\nkind: vnet\nid: " + vnet + "\nzone: " + zone +
	"\n---\nkind: subnet\nid: " + network + "\nvnet: " + vnet + "\ngateway: " + gateway + "\n"

// world is a lab of one node, and a guest on its VNet.
type world struct {
	root   string
	lab    *lab.Lab
	client *client.Client
	guest  *netns.NS
	// wire is the guest's socket for frames, query that for names.
	wire  int
	query *net.UDPConn
}

// newWorld makes a lab with a node that knows all NICs.
func newWorld(ctx context.Context, binary string) (_ *world, err error) {
	w := &world{wire: -1}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.root, err = os.MkdirTemp("", "viaduct-bench-"); err != nil {
		return nil, err
	}
	// dnsmasq reads its files as a user of its own.
	if err = os.Chmod(w.root, 0o755); err != nil {
		return nil, err
	}
	if w.lab, err = lab.New(w.root, "dhcp", binary); err != nil {
		return nil, err
	}
	if err = w.lab.Up(ctx, lab.DefaultSpec(1)); err != nil {
		return nil, err
	}
	if w.client, err = w.lab.Client(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "--server", w.lab.Target(), "apply", "-f", "-", "--timeout", "1m")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("apply: %w: %s", err, out)
	}
	if err = w.plug(); err != nil {
		return nil, err
	}
	return w, w.fill(ctx)
}

// plug hangs a namespace on the VNet and opens the sockets in it.
func (w *world) plug() (err error) {
	if w.guest, err = netns.New(); err != nil {
		return err
	}
	name, err := w.lab.Namespace(node)
	if err != nil {
		return err
	}
	at, err := vnetns.GetFromName(name)
	if err != nil {
		return err
	}
	defer at.Close()
	h, err := netlink.NewHandleAt(at, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	bridge, err := h.LinkByName(vnet)
	if err != nil {
		return fmt.Errorf("the bridge of vnet %s: %w", vnet, err)
	}
	err = h.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "bench0", MasterIndex: bridge.Attrs().Index, Flags: net.FlagUp},
		PeerName:  "eth0", PeerNamespace: netlink.NsFd(w.guest.FD()),
	})
	if err != nil {
		return fmt.Errorf("plug the guest: %w", err)
	}
	return w.guest.Run(w.open)
}

// open configures the guest and opens its sockets; it runs in its namespace.
func (w *world) open() error {
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(guest)
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.AddrAdd(link, address), netlink.LinkSetUp(link)); err != nil {
		return err
	}
	if w.wire, err = openWire(link.Attrs().Index); err != nil {
		return fmt.Errorf("open a socket for frames: %w", err)
	}
	w.query, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(gateway), Port: 53})
	return err
}

// fill imports the addresses of the NICs that are known from the start, and waits until
// both servers know the last one.
func (w *world) fill(ctx context.Context) error {
	type address struct {
		MAC  string `json:"mac"`
		Name string `json:"hostname"`
	}
	ips := make(map[string]address, number)
	for i := range number {
		n := nicOf(i)
		ips[n.ip.String()] = address{n.macText(), n.label()}
	}
	subnets := map[string]any{network: map[string]any{"ips": ips}}
	state, err := json.Marshal(map[string]any{"zones": map[string]any{zone: map[string]any{"subnets": subnets}}})
	if err != nil {
		return err
	}
	done, err := w.client.ImportAddresses(ctx, state)
	if err != nil {
		return err
	}
	if done.Added != number {
		return fmt.Errorf("%d of %d addresses were taken over: %v", done.Added, number, done.Refused)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	last := nicOf(number - 1)
	for _, asked := range []query{w.offered, w.named} {
		if _, err := asked(ctx, last); err != nil {
			return fmt.Errorf("the last of %d NICs is not known: %w", number, err)
		}
	}
	return nil
}

// stopAgent ends the node's agent; the servers that it started go on.
func (w *world) stopAgent(ctx context.Context) error {
	parts, err := w.lab.Parts(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Role != "node" || p.PID == 0 {
			continue
		}
		fd, err := unix.PidfdOpen(p.PID, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		for {
			if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n > 0 && err == nil {
				return nil
			}
			if !sleep.Context(ctx, 10*time.Millisecond) {
				return errors.New("the agent does not end")
			}
		}
	}
	return errors.New("the lab has no agent")
}

// close removes every trace.
func (w *world) close() error {
	var errs []error
	if w.query != nil {
		errs = append(errs, w.query.Close())
	}
	if w.wire >= 0 {
		errs = append(errs, unix.Close(w.wire))
	}
	errs = append(errs, w.guest.Close())
	if w.lab != nil {
		errs = append(errs, w.lab.Down())
	}
	if w.root != "" {
		errs = append(errs, os.RemoveAll(filepath.Clean(w.root)))
	}
	return errors.Join(errs...)
}
