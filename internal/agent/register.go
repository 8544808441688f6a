package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/viaduct-sdn/viaduct/internal/desired"
	"github.com/viaduct-sdn/viaduct/internal/driver"
	"github.com/viaduct-sdn/viaduct/internal/driver/dnsmasq"
	"github.com/viaduct-sdn/viaduct/internal/driver/frr"
	"github.com/viaduct-sdn/viaduct/internal/driver/haproxy"
	"github.com/viaduct-sdn/viaduct/internal/driver/ifupdown2"
	"github.com/viaduct-sdn/viaduct/internal/driver/link"
	"github.com/viaduct-sdn/viaduct/internal/driver/nft"
	"github.com/viaduct-sdn/viaduct/internal/driver/ovs"
	"github.com/viaduct-sdn/viaduct/internal/driver/route"
	"github.com/viaduct-sdn/viaduct/internal/driver/space"
	"github.com/viaduct-sdn/viaduct/internal/driver/sysctl"
	"github.com/viaduct-sdn/viaduct/internal/linux/netns"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// Stage is a driver at its place among the others of the node.
type Stage struct {
	Name string
	// After are the stages that have to run before; the comment at the stage gives the reason.
	After []string
	// Driver is a driver.OnHost, or that of the named spaces.
	Driver driver.Reconciler[desired.Node]
}

// stages makes the node's stages, in the order in which they run.
func stages(o HostOptions, reserved func(string) bool) ([]Stage, error) {
	links, errLinks := link.New(link.Options{Reserved: reserved})
	files, errFiles := ifupdown2.New(ifupdown2.Options{Reserved: reserved})
	routes, errRoutes := route.New(nil)
	names, errNames := nameServer(o)
	own, errOwn := netns.Self()
	if err := errors.Join(errLinks, errFiles, errRoutes, errNames, errOwn); err != nil {
		return nil, err
	}
	suite := frr.New(frr.Options{Pathspace: o.FRRPathspace, StateFile: filepath.Join(o.Data, "frr.json")})
	servers := dnsmasq.Options{Root: o.DNSMasqRoot}
	if servers.Root != "" { // it may be closed to others
		servers.User = "root"
	}
	balancers := haproxy.Options{Dir: o.HAProxyDir, Namespaces: o.namespaces()}
	if balancers.Dir == "" { // others may be closed to its user
		balancers.UID, balancers.GID = systemUser(balancerUserName, balancerUserID)
	}
	host := func(d driver.Driver) driver.OnHost { return driver.OnHost{Driver: d} }
	return []Stage{
		// What zebra removes from the kernel when bgpd crashes is restored before anything else.
		{Name: "frr-keep", Driver: host(suite.Keep())},
		{Name: "nft", Driver: host(nft.New(nft.Options{StateFile: filepath.Join(o.Data, "nft.json")}))},
		// FRR releases a VRF before it is deleted.
		{Name: "frr-withdraw", Driver: host(suite.Withdraw())},
		{Name: "ovs", Driver: host(ovs.New(ovs.Options{Socket: o.OVSSocket}))},
		{Name: "ifupdown2", Driver: host(files), After: []string{"frr-withdraw"}},
		// The host's filter is loaded before anything of a space can reach the host.
		{Name: "space", Driver: space.New(o.spaces(own)), After: []string{"nft"}},
		// The filter is loaded before the links that it isolates. Open vSwitch makes
		// interfaces that links join, and spaces have legs that they join as guests' ports;
		// the link driver completes what ifupdown2 makes.
		{Name: "link", Driver: host(links), After: []string{"nft", "frr-withdraw", "ovs", "space", "ifupdown2"}},
		// Forwarding is enabled when filter and links exist.
		{Name: "sysctl", Driver: host(sysctl.New(nil)), After: []string{"nft", "link"}},
		{Name: "route", Driver: host(routes), After: []string{"link"}},
		// DNS is served at addresses of gateways, and DHCP on links with theirs: DNS
		// first, as a guest may query the name of another guest before that has its address.
		{Name: "nameserver", Driver: host(names), After: []string{"link"}},
		{Name: "dnsmasq", Driver: host(dnsmasq.New(servers)), After: []string{"link", "nameserver"}},
		// Load balancers listen in spaces.
		{Name: "haproxy", Driver: host(haproxy.New(balancers)), After: []string{"space", "link"}},
		// FRR learns of a new VRF when it exists.
		{Name: "frr", Driver: host(suite), After: []string{"link", "route"}},
		// Last, FRR's view of the node's hosts is compared with the kernel's.
		{Name: "frr-hosts", Driver: host(suite.Hosts()), After: []string{"frr"}},
	}, nil
}

// namespaces is the directory of the node's network namespaces.
func (o HostOptions) namespaces() netns.Dir {
	if o.NamespaceDir == "" {
		return netns.SystemDir
	}
	return netns.Dir(o.NamespaceDir)
}

// spaces are the options of the named spaces, with the drivers of a router. Pairs of links
// lead from them to outer.
func (o HostOptions) spaces(outer *netns.NS) space.Options {
	state := func(space string) string { return filepath.Join(o.Data, "nft-"+space+".json") }
	records := func() ([]string, error) {
		files, err := filepath.Glob(state("*"))
		for i, f := range files {
			files[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "nft-"), ".json")
		}
		return files, err
	}
	return space.Options{
		Dir: o.namespaces(),
		Drivers: func(ns *netns.NS, space string) ([]driver.Driver, error) {
			links, err := link.New(link.Options{Namespace: ns, Outer: outer})
			if err != nil {
				return nil, err
			}
			routes, err := route.New(ns)
			if err != nil {
				return nil, errors.Join(err, links.Close())
			}
			return []driver.Driver{nft.New(nft.Options{Namespace: ns, StateFile: state(space)}), links, sysctl.New(ns), routes}, nil
		},
		Records: records,
		Forget:  func(space string) error { return os.Remove(state(space)) },
	}
}

// parts are the drivers of a stage, for tests for optional interfaces.
func (s *Stage) parts() any {
	if h, ok := s.Driver.(driver.OnHost); ok {
		return h.Driver
	}
	return s.Driver
}

// Optional interfaces of a driver, for the agent.
type (
	// factSource adds to the node's facts.
	factSource interface {
		AddFacts(ctx context.Context, f *model.Facts) error
	}
	// switchReader reads bridges that are not the kernel's.
	switchReader interface {
		Probe(ctx context.Context) (bridges []ovs.Bridge, running bool, err error)
	}
	// linkNamer knows links of Viaduct's that are not marked as such yet.
	linkNamer interface{ Names() map[string]bool }
	// portJoiner knows the guests' links that are attached to their bridges.
	portJoiner interface{ Joined() []string }
	// shower runs show commands of FRR's daemons.
	shower interface {
		Show(ctx context.Context, daemon, command string) (string, error)
	}
)

// all are the drivers that implement T, in the order of their stages.
func all[T any](stages []Stage) (out []T) {
	for i := range stages {
		if t, ok := stages[i].parts().(T); ok {
			out = append(out, t)
		}
	}
	return out
}
