package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/driver/dnsserver"
	"github.com/viaduct-sdn/viaduct/internal/driver/frr"
	"github.com/viaduct-sdn/viaduct/internal/driver/ifupdown2"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/driver/sysctl"
	"github.com/viaduct-sdn/viaduct/internal/linux/probe"
	"github.com/viaduct-sdn/viaduct/internal/linux/rtnl"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Host is the System of a real node: the kernel of the network namespace that
// the process runs in.
type Host struct {
	version  string
	conn     *rtnl.Conn
	link     *link.Driver
	file     *ifupdown2.Driver
	frr      *frr.Driver
	ovs      *ovs.Driver
	dhcp     *dnsmasq.Driver
	drivers  []driver.Driver
	features map[model.Feature]bool
	reserved atomic.Pointer[[]string]

	inspection inspection
}

var _ System = (*Host)(nil)

// HostOptions say what of a machine a node is.
type HostOptions struct {
	// Version is the agent's own release; Data the directory in which the drivers
	// keep what they must remember.
	Version, Data string
	Instance
}

// NewHost opens the node.
func NewHost(ctx context.Context, o HostOptions) (*Host, error) {
	h := &Host{version: o.Version, inspection: inspection{filters: nft.NewWatcher(nil)}, ovs: ovs.New(ovs.Options{Socket: o.OVSSocket})}
	var err error
	if h.conn, err = rtnl.Open(nil); err != nil {
		return nil, err
	}
	if h.features, err = probe.Features(ctx); err != nil {
		return nil, err
	}
	if h.link, err = link.New(link.Options{Reserved: h.isReserved}); err != nil {
		return nil, err
	}
	if h.file, err = ifupdown2.New(ifupdown2.Options{Reserved: h.isReserved}); err != nil {
		return nil, err
	}
	routes, err := route.New(nil)
	if err != nil {
		return nil, err
	}
	names, err := nameServer(o)
	if err != nil {
		return nil, err
	}
	h.frr = frr.New(frr.Options{Pathspace: o.FRRPathspace, StateFile: filepath.Join(o.Data, "frr.json")})
	servers := dnsmasq.Options{Root: o.DNSMasqRoot}
	if servers.Root != "" { // it may be closed to others
		servers.User = "root"
	}
	h.dhcp = dnsmasq.New(servers)
	// What zebra takes out of the kernel when bgpd crashes is put back before anything
	// else. The filter stands before the links that it keeps apart; forwarding is
	// switched on after both. FRR lets go of a VRF before it is deleted, and learns
	// of a new one when it is there. Open vSwitch makes interfaces that links join.
	// What ifupdown2 makes, on nodes that use it, the link driver completes. Names are
	// served at addresses of gateways, and DHCP on links with theirs: names first, as
	// a guest may ask for another one's before that has been told its address. Last,
	// FRR's view of the node's hosts is compared with the kernel's.
	h.drivers = []driver.Driver{
		h.frr.Keep(),
		nft.New(nft.Options{StateFile: filepath.Join(o.Data, "nft.json")}),
		h.frr.Withdraw(),
		h.ovs,
		h.file,
		h.link,
		sysctl.New(nil),
		routes,
		names,
		h.dhcp,
		h.frr,
		h.frr.Hosts(),
	}
	return h, nil
}

// nameServer makes the driver of the name server, which is this program under
// another verb.
func nameServer(o HostOptions) (*dnsserver.Driver, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which is the name server too: %w", err)
	}
	dir, err := filepath.Abs(filepath.Join(o.Data, "nameserver"))
	if err != nil {
		return nil, err
	}
	uid, gid := namesUser()
	command := []string{program, "nameserver", "--user", fmt.Sprintf("%d:%d", uid, gid), "--config"}
	return dnsserver.New(dnsserver.Options{Dir: dir, Command: command, Group: gid, Version: o.Version}), nil
}

// The user of the name server: the system's, if it has one of the name, and otherwise one
// of the numbers that no system gives away (systemd's "Users, Groups, UIDs and GIDs on
// systemd Systems" has 60578 to 61183 as unused).
const (
	namesUserName = "viaduct-names"
	namesUserID   = 60753
)

func namesUser() (uid, gid int) {
	u, err := user.Lookup(namesUserName)
	if err != nil {
		return namesUserID, namesUserID
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if errUID != nil || errGID != nil || uid == 0 || gid == 0 {
		return namesUserID, namesUserID
	}
	return uid, gid
}

// Close releases the node; what stands on it stays.
func (h *Host) Close() error {
	errs := []error{h.conn.Close()}
	for _, d := range h.drivers {
		if c, ok := d.(interface{ Close() error }); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Facts implements System.
func (h *Host) Facts(ctx context.Context) (*model.Facts, error) {
	f, err := readFacts(ctx, h.conn, h.version, h.features, h.ovs.Probe, h.file.Names())
	if err != nil {
		return nil, err
	}
	f.Resolvers = resolvers(resolvConf)
	suite, err := h.frr.Facts(ctx)
	if err != nil {
		return nil, err
	}
	if suite == nil {
		return f, nil
	}
	f.FRR = &model.FRRFacts{Version: suite.Version, AutoRT: suite.AutoRT, ASN: int(suite.ASN)}
	local, err := os.ReadFile(h.frr.LocalPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the operator's own FRR configuration: %w", err)
	}
	f.FRRLocal = string(local)
	return f, nil
}

// Events implements System.
func (h *Host) Events(ctx context.Context) (<-chan struct{}, error) {
	links, err := rtnl.Subscribe(ctx, nil)
	if err != nil {
		return nil, err
	}
	rules, err := nft.Subscribe(ctx, nil)
	if err != nil {
		return nil, err
	}
	daemons, err := h.frr.Events(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := h.dhcp.Events(ctx)
	if err != nil {
		return nil, err
	}
	return merge(links, rules, h.ovs.Subscribe(ctx), daemons, servers), nil
}

// merge returns a channel that gets a value after any of the others did; it
// holds at most one, and is closed when all of the others are.
func merge(sources ...<-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	var open sync.WaitGroup
	for _, source := range sources {
		open.Go(func() {
			for range source {
				select {
				case out <- struct{}{}:
				default: // one is waiting already
				}
			}
		})
	}
	go func() {
		open.Wait()
		close(out)
	}()
	return out
}

// Drivers implements System.
func (h *Host) Drivers() []driver.Driver { return h.drivers }

// Ports implements System.
func (h *Host) Ports() []string { return h.link.Joined() }

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
