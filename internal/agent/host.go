package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/dnsserver"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Host is the System of a real node: the kernel of the network namespace that
// the process runs in.
type Host struct {
	version  string
	conn     *rtnl.Conn
	stages   []Stage
	features map[model.Feature]bool
	reserved atomic.Pointer[[]string]

	inspection inspection
	logged     *firewallLog
}

var _ System = (*Host)(nil)

// HostOptions select the parts of a machine that form a node.
type HostOptions struct {
	// Version is the agent's own release; Data the directory of the drivers'
	// persistent state.
	Version, Data string
	Instance
}

// NewHost opens the node.
func NewHost(ctx context.Context, o HostOptions) (*Host, error) {
	h := &Host{version: o.Version, inspection: inspection{filters: nft.NewWatcher(nil)}, logged: newFirewallLog()}
	var err error
	if h.conn, err = rtnl.Open(nil); err != nil {
		return nil, err
	}
	if h.features, err = probe.Features(ctx); err != nil {
		return nil, err
	}
	if h.stages, err = stages(o, h.isReserved); err != nil {
		return nil, err
	}
	return h, nil
}

// nameServer makes the driver of the DNS server, which is a subcommand of this
// program.
func nameServer(o HostOptions) (*dnsserver.Driver, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which is the DNS server too: %w", err)
	}
	dir, err := filepath.Abs(filepath.Join(o.Data, "nameserver"))
	if err != nil {
		return nil, err
	}
	uid, gid := systemUser(namesUserName, namesUserID)
	command := []string{program, "nameserver", "--user", fmt.Sprintf("%d:%d", uid, gid), "--config"}
	return dnsserver.New(dnsserver.Options{Dir: dir, Command: command, Group: gid, Version: o.Version}), nil
}

// The users of the DNS server and of HAProxy: the system's, if it has one of the name, and
// otherwise one of the UIDs that no system assigns (systemd's "Users, Groups, UIDs and GIDs on
// systemd Systems" has 60578 to 61183 as unused).
const (
	namesUserName    = "viaduct-names"
	namesUserID      = 60753
	balancerUserName = "viaduct-lb"
	balancerUserID   = 60754
)

// systemUser is the user with a name and its group, or one with a number.
func systemUser(name string, otherwise int) (uid, gid int) {
	u, err := user.Lookup(name)
	if err != nil {
		return otherwise, otherwise
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if errUID != nil || errGID != nil || uid == 0 || gid == 0 {
		return otherwise, otherwise
	}
	return uid, gid
}

// Close releases the node; its networks stay in place.
func (h *Host) Close() error {
	errs := []error{h.conn.Close()}
	for _, c := range all[interface{ Close() error }](h.stages) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Facts implements System.
func (h *Host) Facts(ctx context.Context) (*model.Facts, error) {
	named := map[string]bool{}
	for _, d := range all[linkNamer](h.stages) {
		maps.Copy(named, d.Names())
	}
	f, err := readFacts(ctx, h.conn, h.version, h.features, h.switches, named)
	if err != nil {
		return nil, err
	}
	f.Resolvers = resolvers(resolvConf)
	for _, d := range all[factSource](h.stages) {
		if err := d.AddFacts(ctx, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// switches are the bridges of all virtual switches, and whether any runs.
func (h *Host) switches(ctx context.Context) (bridges []ovs.Bridge, running bool, err error) {
	for _, d := range all[switchReader](h.stages) {
		list, runs, err := d.Probe(ctx)
		if err != nil {
			return nil, false, err
		}
		bridges, running = append(bridges, list...), running || runs
	}
	return bridges, running, nil
}

// Events implements System.
func (h *Host) Events(ctx context.Context) (<-chan struct{}, error) {
	merged := driver.NewEvents()
	for _, d := range all[driver.Eventful](h.stages) {
		events, err := d.Events(ctx)
		if err != nil {
			return nil, err
		}
		merged.Add(events)
	}
	merged.End()
	return merged.C(), nil
}

// Stages implements System.
func (h *Host) Stages() []Stage { return h.stages }

// Ports implements System.
func (h *Host) Ports() []string {
	var out []string
	for _, d := range all[portJoiner](h.stages) {
		out = append(out, d.Joined()...)
	}
	return out
}

// BootID implements System.
func (h *Host) BootID() string { return bootID() }

// Reserve implements System.
func (h *Host) Reserve(patterns []string) { h.reserved.Store(&patterns) }

func (h *Host) isReserved(name string) bool {
	patterns := h.reserved.Load()
	if patterns == nil {
		return false
	}
	for _, p := range *patterns {
		if ok, err := path.Match(p, name); err == nil && ok {
			return true
		}
	}
	return false
}
