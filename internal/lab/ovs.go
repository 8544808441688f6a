package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/viaduct-sdn/viaduct/internal/sleep"
	"github.com/vishvananda/netlink"
)

// The daemons of Open vSwitch.
const (
	ovsDatabase = "ovsdb-server"
	ovsSwitch   = "ovs-vswitchd"
)

// The datapaths of an Open vSwitch bridge (ovs-vswitchd.conf.db(5), datapath_type).
const (
	datapathKernel    = "system"
	datapathUserspace = "netdev"
)

// ovsDir is the directory of a node's Open vSwitch: its database and its sockets.
func (l *Lab) ovsDir(node string) string { return filepath.Join(l.nodeData(node), "ovs") }

// OVSSocket is the database socket of a node's Open vSwitch, if the node has one.
// An Open vSwitch of the machine is not the node's: its socket is the same in every
// network namespace.
func (l *Lab) OVSSocket(node string) string { return filepath.Join(l.ovsDir(node), "db.sock") }

// hasOVS reports whether a node has bridges of Open vSwitch.
func (n *NodeSpec) hasOVS() bool {
	return slices.ContainsFunc(n.Bridges, func(b BridgeSpec) bool { return b.OVS })
}

// checkOVS checks the Open vSwitch settings of a bridge.
func (b *BridgeSpec) checkOVS() error {
	switch {
	case !b.OVS && b.Datapath != "":
		return errors.New("datapath is for bridges of Open vSwitch; add `ovs: true`")
	case b.OVS && b.VLANAware:
		return errors.New("vlan-aware is for Linux bridges: one of Open vSwitch always is; leave it out")
	case b.Datapath != "" && b.Datapath != datapathKernel && b.Datapath != datapathUserspace:
		return fmt.Errorf("datapath %q: must be %s (the kernel's) or %s (in user space); unset takes the kernel's if there is one", b.Datapath, datapathKernel, datapathUserspace)
	}
	return nil
}

// buildOVS runs a separate Open vSwitch on every node with Open vSwitch bridges,
// and creates them. It may be called again: ended daemons are restarted, and the
// content of the database stays.
func (l *Lab) buildOVS(ctx context.Context) error {
	for _, n := range l.Spec.Nodes {
		if !n.hasOVS() {
			continue
		}
		if err := l.startOVS(ctx, n.Name); err != nil {
			return fmt.Errorf("Open vSwitch of %s: %w", n.Name, err) //nolint:staticcheck // a name
		}
		for _, b := range n.Bridges {
			if !b.OVS {
				continue
			}
			if err := l.buildOVSBridge(ctx, n.Name, b); err != nil {
				return fmt.Errorf("node %s: bridge %s: %w", n.Name, b.Name, err)
			}
		}
	}
	return nil
}

// startOVS runs the missing daemons of a node.
func (l *Lab) startOVS(ctx context.Context, node string) error {
	if _, err := exec.LookPath(ovsSwitch); err != nil {
		return fmt.Errorf("install it (apt install openvswitch-switch), or take `ovs: true` from the lab's bridges: %w", err)
	}
	if err := os.MkdirAll(l.ovsDir(node), 0o755); err != nil {
		return err
	}
	db := filepath.Join(l.ovsDir(node), "conf.db")
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) {
		if out, err := exec.CommandContext(ctx, "ovsdb-tool", "create", db).CombinedOutput(); err != nil {
			return fmt.Errorf("make its database: %w: %s", err, out)
		}
	}
	err := l.startOVSDaemon(ctx, node, ovsDatabase, db, "--remote=punix:"+l.OVSSocket(node))
	if err != nil {
		return err
	}
	if err := l.vsctl(ctx, node, "--no-wait", "init"); err != nil {
		return err
	}
	if err := awaitUptime(ctx); err != nil {
		return err
	}
	return l.startOVSDaemon(ctx, node, ovsSwitch, "unix:"+l.OVSSocket(node))
}

// ovsDaemon returns the argument that identifies a daemon of a node.
func (l *Lab) ovsDaemon(node, daemon string) string {
	return filepath.Join(l.ovsDir(node), daemon+".pid")
}

// startOVSDaemon runs one daemon in the node's namespace, unless it runs, and waits
// until it has its control socket.
func (l *Lab) startOVSDaemon(ctx context.Context, node, daemon string, args ...string) error {
	mark := l.ovsDaemon(node, daemon)
	pid, err := l.running(mark)
	if err != nil || pid != 0 {
		return err
	}
	name := node + "." + daemon
	control := filepath.Join(l.ovsDir(node), daemon+".ctl")
	l.progress("starting %s of %s", daemon, node)
	argv := append([]string{daemon, "--pidfile=" + mark, "--unixctl=" + control, "-vconsole:info", "-vsyslog:off"}, args...)
	cmd, err := l.spawn(name, node, nil, append(os.Environ(), "OVS_RUNDIR="+l.ovsDir(node), "OVS_DBDIR="+l.ovsDir(node)), argv)
	if err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return l.await(ctx, name, mark, func() error {
		out, err := exec.CommandContext(ctx, "ovs-appctl", "-T", "2", "-t", control, "version").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// handlerUptime is how long a machine must be up before ovs-vswitchd counts its
// processors: started earlier it has no thread that handles packets and drops
// everything it should learn from (seen with 3.1).
const handlerUptime = 11 * time.Second

// awaitUptime waits until ovs-vswitchd can be started.
func awaitUptime(ctx context.Context) error {
	for {
		b, err := os.ReadFile("/proc/uptime")
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(b), " ")
		seconds, err := strconv.ParseFloat(first, 64)
		if err != nil {
			return fmt.Errorf("/proc/uptime: %w", err)
		}
		left := handlerUptime - time.Duration(seconds*float64(time.Second))
		if left <= 0 {
			return nil
		}
		if !sleep.Context(ctx, left) {
			return ctx.Err()
		}
	}
}

// buildOVSBridge creates a bridge with its ports.
func (l *Lab) buildOVSBridge(ctx context.Context, node string, b BridgeSpec) error {
	datapath := b.Datapath
	if datapath == "" {
		datapath = datapathUserspace
		if _, err := netlink.GenlFamilyGet("ovs_datapath"); err == nil { // which loads the module
			datapath = datapathKernel
		}
	}
	args := []string{"--may-exist", "add-br", b.Name, "--", "set", "bridge", b.Name, "datapath_type=" + datapath, "fail_mode=standalone"}
	for _, p := range b.Ports {
		args = append(args, "--", "--may-exist", "add-port", b.Name, p)
	}
	if err := l.vsctl(ctx, node, args...); err != nil {
		return err
	}
	return l.in(node, func(h *netlink.Handle) error { return setUp(h, b.Name) })
}

// vsctl changes a node's database.
func (l *Lab) vsctl(ctx context.Context, node string, args ...string) error {
	args = append([]string{"--db=unix:" + l.OVSSocket(node), "--timeout=20"}, args...)
	if out, err := exec.CommandContext(ctx, "ovs-vsctl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ovs-vsctl: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// ovsParts returns the daemons of a node's Open vSwitch, if it has one.
func (l *Lab) ovsParts(n NodeSpec) []placed {
	if !n.hasOVS() {
		return nil
	}
	var parts []placed
	for _, d := range []string{ovsDatabase, ovsSwitch} {
		parts = append(parts, placed{Part{Name: n.Name + "." + d, Role: "Open vSwitch of " + n.Name}, l.ovsDaemon(n.Name, d)})
	}
	return parts
}
