package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	pvefrr "github.com/viaduct-sdn/viaduct/internal/pve/render/frr"
	pveinterfaces "github.com/viaduct-sdn/viaduct/internal/pve/render/interfaces"
	"github.com/viaduct-sdn/viaduct/internal/pve/running"
	"github.com/viaduct-sdn/viaduct/internal/render/frr"
	"github.com/viaduct-sdn/viaduct/internal/routing"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
	"github.com/viaduct-sdn/viaduct/test/bench/workload"
)

// The files that Proxmox VE writes, and that others read.
const (
	interfacesFile = "/etc/network/interfaces.d/sdn"
	frrFile        = "/etc/frr/frr.conf"
)

// interfaces is the node's own file.
const interfaces = `auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address %s/24

source /etc/network/interfaces.d/*
`

// runPeer measures ifupdown2 and frr-reload.py.
func runPeer(ctx context.Context, n *node) (f figures, err error) {
	defer func() { err = errors.Join(err, stopFRR("")) }()
	if err := n.preparePeer(ctx); err != nil {
		return nil, err
	}
	if _, err := n.settle(ctx, n.without.VNets); err != nil {
		return nil, err
	}
	noop, err := n.reload(ctx, false)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "nothing to do: %.1f s\n", noop.Seconds())
	times, updates, err := n.measureAdds(ctx, 1, func(with bool) (time.Duration, error) {
		if err := n.writeFiles(with); err != nil {
			return 0, err
		}
		took, err := n.reload(ctx, with)
		return took, errors.Join(err, n.checkFRR(ctx, with))
	})
	if err != nil {
		return nil, err
	}
	return figures{"add1": report.Median(times), "noop": noop.Seconds(), "updates": updates}, nil
}

// preparePeer makes the state before the change.
func (n *node) preparePeer(ctx context.Context) error {
	for _, dir := range []string{"/etc/network/interfaces.d", "/etc/network/ifupdown2/policy.d", "/run/network", "/run/frr", "/var/lib/ifupdown2", "/var/log/ifupdown2"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"/etc/network/interfaces": fmt.Sprintf(interfaces, workload.Address(0)),
		"/etc/frr/vtysh.conf":     "",
		"/etc/frr/daemons":        "bgpd=yes\nbfdd=yes\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := n.writeFiles(false); err != nil {
		return err
	}
	start := time.Now()
	if err := command(ctx, "chown", "-R", "frr:frr", "/etc/frr", "/run/frr"); err != nil {
		return err
	}
	if err := n.ifreload(ctx, false); err != nil {
		return err
	}
	for _, daemon := range []string{"zebra", "bgpd", "staticd", "bfdd"} {
		// A daemon would keep a pipe open that it was given.
		cmd := exec.CommandContext(ctx, "/usr/lib/frr/watchfrr.sh", "start", daemon)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("start %s: %w", daemon, err)
		}
	}
	err := command(ctx, "vtysh", "-b")
	fmt.Fprintf(os.Stderr, "first load: %.1f s\n", time.Since(start).Seconds())
	return err
}

// writeFiles writes what Proxmox VE would, in the words of a stock FRR.
func (n *node) writeFiles(with bool) error {
	w := &n.without
	if with {
		w = &n.with
	}
	run, problems, err := running.Parse(w.Running())
	if err != nil {
		return err
	}
	facts := w.Facts(0)
	file, more := pveinterfaces.Render(run, facts)
	intent, others := pvefrr.Intent(run, facts)
	if e := append(append(problems, more...), others...).Errors(false); len(e) > 0 {
		return e
	}
	intent.Dialect = routing.Dialect{}
	text := routing.Build(intent).Text(frr.Frame{Version: "8.4.4", Hostname: workload.Node(0)})
	if n.flat {
		file = flatFile(file)
	}
	if err := os.WriteFile(interfacesFile, file, 0o644); err != nil {
		return err
	}
	return os.WriteFile(frrFile, []byte(text), 0o640)
}

// reload is what Proxmox VE does when an apply has written the files.
func (n *node) reload(ctx context.Context, with bool) (time.Duration, error) {
	start := time.Now()
	if err := n.ifreload(ctx, with); err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "  ifreload: %.1f s\n", time.Since(start).Seconds())
	err := command(ctx, "/usr/lib/frr/frr-reload.py", "--stdout", "--reload", frrFile)
	return time.Since(start), err
}

// ifreload warns by its exit status, so what it made counts.
func (n *node) ifreload(ctx context.Context, with bool) error {
	said := command(ctx, "ifreload", "-a")
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	tunnels := 0
	for _, l := range links {
		if l.Type() == "vxlan" {
			tunnels++
		}
	}
	want := n.without.VNets + n.without.Zones
	if with {
		want++
	}
	if tunnels != want {
		return fmt.Errorf("%d VXLAN devices instead of %d: %w", tunnels, want, said)
	}
	return nil
}

// command runs a program; its output matters only if it fails.
func command(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out[max(0, len(out)-800):])
	}
	return nil
}
